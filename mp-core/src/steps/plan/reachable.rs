//! Every plan of three steps that any sequence of answers can reach, late ones included: exhaustively,
//! because there are few.

use std::collections::HashSet;

use serde_json::json;

use super::{
    tests::{at, plan},
    *,
};

/// A plan, and what the participants were asked and seen to do on the way to it.
#[derive(Clone, Debug)]
struct Reached {
    plan: Plan,
    /// Every call that was ever open: whoever made it may have stalled, and is answered now.
    calls: Vec<(usize, Verb)>,
    let_go: [bool; 3],
}

impl Reached {
    fn first() -> Self {
        let (calls, let_go) = (Vec::new(), [false; 3]);
        let plan = plan();
        Self {
            plan: plan.clone(),
            calls,
            let_go,
        }
        .then(plan)
    }

    fn then(&self, plan: Plan) -> Self {
        let mut next = Self {
            plan,
            ..self.clone()
        };
        if let Next::Call(step, verb) = next.plan.next(at(0))
            && !next.calls.contains(&(step, verb))
        {
            next.calls.push((step, verb));
        }
        next
    }

    /// Returns what may come of it by what is answered to a call.
    fn answered(&self, step: usize, verb: Verb) -> Vec<Self> {
        let mut reached = vec![self.then(self.plan.fail(step, verb, "failed"))];
        for seen in answers(verb) {
            let mut next = self.then(self.plan.observe(step, &seen));
            next.let_go[step] |= seen == Seen::Released;
            reached.push(next);
        }
        reached
    }

    /// Returns what may come of it by whatever happens.
    fn next(&self) -> Vec<Self> {
        let mut plans = vec![self.plan.release(), self.plan.expire(at(1_000))];
        plans.extend((0..3).map(|step| self.plan.lose(step, "gone")));
        plans.extend(self.plan.confirm().ok());
        let mut reached: Vec<Self> = plans.into_iter().map(|plan| self.then(plan)).collect();
        for &(step, verb) in &self.calls {
            reached.extend(self.answered(step, verb));
        }
        reached
    }
}

fn answers(verb: Verb) -> Vec<Seen> {
    let refused = Seen::Refused("no".into());
    match verb {
        Verb::Reserve => vec![Seen::Reserved, Seen::Pending(json!(null)), refused],
        Verb::Confirm => vec![Seen::Confirmed, refused],
        Verb::Release => vec![Seen::Released],
    }
}

/// Returns whatever can be reached.
fn all() -> Vec<Reached> {
    let (mut seen, mut all, mut open) = (HashSet::new(), Vec::new(), vec![Reached::first()]);
    while let Some(reached) = open.pop() {
        if seen.insert(format!("{reached:?}")) {
            open.extend(reached.next());
            all.push(reached);
        }
    }
    assert!(all.len() > 20, "{} plans were reached", all.len());
    all
}

#[test]
fn no_sequence_of_answers_confirms_one_and_loses_another() {
    for Reached { plan, .. } in all() {
        let all = |state| plan.steps().iter().all(|step| step.state == state);
        let holds = |state| plan.steps().iter().any(|step| step.state == state);
        match plan.standing() {
            Standing::Confirmed => assert!(all(StepState::Confirmed)),
            Standing::Released => {
                assert!(!holds(StepState::Confirmed) && !holds(StepState::Reserved));
            }
            Standing::Reserving | Standing::Reserved => assert!(!holds(StepState::Confirmed)),
            _ => {}
        }
    }
}

#[test]
fn whatever_was_asked_for_is_let_go_of_or_refused_when_a_plan_is_released() {
    for reached in all() {
        if reached.plan.standing() != Standing::Released {
            continue;
        }
        for (position, step) in reached.plan.steps().iter().enumerate() {
            let asked = reached.calls.contains(&(position, Verb::Reserve));
            let ended = step.state == StepState::Refused || reached.let_go[position];
            assert!(ended || !asked, "step {position} of {reached:?}");
        }
    }
}
