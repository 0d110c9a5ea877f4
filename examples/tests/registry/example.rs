use mp_core::{
    Caller, Scope,
    host::{Effect, Operation},
    id::AppId,
};
use serde_json::{Value, json};

/// One valid call of an operation, and what is to be known about it.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) operation: &'static str,
    /// The user who calls, with the operation's own scope and no other.
    pub(crate) by: &'static str,
    pub(crate) input: Value,
    /// Other valid inputs about the same thing.
    pub(crate) bodies: Vec<Value>,
    /// The same input about other things.
    pub(crate) targets: Vec<Value>,
    /// Members that name something without being an id.
    pub(crate) names: Vec<Unknown>,
    /// Ids that are not looked up, and why.
    pub(crate) unlooked: Vec<(&'static str, &'static str)>,
    /// The member that says on whose behalf the call is, which only staff may do for others.
    pub(crate) behalf: Option<&'static str>,
    pub(crate) other_user: Foreign,
    pub(crate) other_app: Foreign,
}

/// A member that is made to name nothing.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// Its JSON Pointer.
    pub(crate) pointer: String,
    /// What names nothing.
    pub(crate) value: Value,
    /// The field that the refusal names.
    pub(crate) field: String,
}

/// What becomes of the same call by somebody else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Foreign {
    /// It is refused as `not_found` or `forbidden`.
    Refused,
    /// It is refused for another reason.
    RefusedAs {
        code: &'static str,
        why: &'static str,
    },
    /// It goes through beside everything that stood before, which it neither changes nor shows.
    Apart { why: &'static str },
    /// It goes through, for the thing is everybody's.
    Shared { why: &'static str },
}

impl Foreign {
    /// Returns why it is so, where it is not as usual.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Refused => "what is somebody's own is nobody else's",
            Self::RefusedAs { why, .. } | Self::Apart { why } | Self::Shared { why } => why,
        }
    }
}

/// The app that the world is in, and one that has nothing to do with it.
pub(crate) const APP: &str = "market";
pub(crate) const OTHER_APP: &str = "harbour";

/// A user who has nothing to do with what the examples are about.
pub(crate) const STRANGER: &str = "ada";

impl Example {
    /// A call that is refused to everybody else.
    pub(crate) fn of(operation: &'static str, by: &'static str, input: Value) -> Self {
        Self {
            operation,
            by,
            input,
            bodies: Vec::new(),
            targets: Vec::new(),
            names: Vec::new(),
            unlooked: Vec::new(),
            behalf: None,
            other_user: Foreign::Refused,
            other_app: Foreign::Refused,
        }
    }

    /// Another valid input about the same thing: the example's with other members.
    pub(crate) fn other_body(mut self, members: Value) -> Self {
        self.bodies.push(with(&self.input, members));
        self
    }

    /// The same about another thing.
    pub(crate) fn other_target(mut self, members: Value) -> Self {
        self.targets.push(with(&self.input, members));
        self
    }

    /// Says that a member names something, such as a queue, and a value that names nothing.
    pub(crate) fn names(self, member: &str, value: &str) -> Self {
        self.names_as(member, value, member)
    }

    /// The same where the refusal names another member, which it is one name with.
    pub(crate) fn names_as(mut self, member: &str, value: &str, field: &str) -> Self {
        self.names.push(Unknown {
            pointer: format!("/{member}"),
            value: json!(value),
            field: field.to_owned(),
        });
        self
    }

    /// The same for a member at any depth, by its JSON Pointer and its path.
    pub(crate) fn names_at(mut self, pointer: &str, value: &str, field: &str) -> Self {
        self.names.push(Unknown {
            pointer: pointer.to_owned(),
            value: json!(value),
            field: field.to_owned(),
        });
        self
    }

    /// Says that the id at a JSON Pointer is not looked up.
    pub(crate) fn not_looked_up(mut self, pointer: &'static str, why: &'static str) -> Self {
        self.unlooked.push((pointer, why));
        self
    }

    /// Says which member names the user on whose behalf the call is; it may be the caller.
    pub(crate) fn on_behalf(mut self, member: &'static str) -> Self {
        self.behalf = Some(member);
        let own = self.by;
        self.other_body(json!({member: own}))
    }

    pub(crate) const fn by_another_user(mut self, foreign: Foreign) -> Self {
        self.other_user = foreign;
        self
    }

    pub(crate) const fn in_another_app(mut self, foreign: Foreign) -> Self {
        self.other_app = foreign;
        self
    }

    /// Returns who calls.
    pub(crate) fn caller(&self, operation: &Operation) -> Caller {
        user(APP, self.by).with_scope(operation.scope().clone())
    }

    /// Returns a user of the same app with the same scope, unless that makes them staff.
    pub(crate) fn stranger(operation: &Operation) -> Caller {
        let stranger = user(APP, STRANGER);
        match operation.scope() {
            scope if *scope == Scope::STAFF => stranger,
            scope => stranger.with_scope(scope.clone()),
        }
    }

    /// Returns a user of the same id in another app, and of its staff.
    pub(crate) fn namesake(&self, operation: &Operation) -> Caller {
        let namesake = user(OTHER_APP, self.by).with_scope(Scope::STAFF);
        namesake.with_scope(operation.scope().clone())
    }
}

fn user(app: &str, name: &str) -> Caller {
    let app: AppId = app.parse().expect("an app id");
    Caller::user(app, name.parse().expect("a user id"))
}

/// Returns an input with some members replaced or added.
pub(crate) fn with(input: &Value, members: Value) -> Value {
    let mut input = input.clone();
    if let (Value::Object(input), Value::Object(members)) = (&mut input, members) {
        input.extend(members);
    }
    input
}

/// Returns an input under an idempotency key, where the operation takes one.
pub(crate) fn keyed(operation: &Operation, input: &Value, key: &str) -> Value {
    match operation.effect() {
        Effect::Read => input.clone(),
        Effect::Reversible | Effect::Money => with(input, json!({"idempotency_key": key})),
    }
}
