use mp_core::Error;

use super::{market::Market, progress::Counts, script::Script, staff, visit};

/// Something that somebody does within a tick.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Visitor(u32),
    Staff { stall: usize, round: u32 },
}

impl Turn {
    /// Returns every turn of a tick: visitors and staff mixed, so that stalls serve while people
    /// arrive. It depends on nothing that processes may differ in.
    pub(crate) fn all(tick: u32, script: &Script, market: &Market) -> Vec<Self> {
        let visitors = script.arrivals(tick).iter();
        let mut turns: Vec<Self> = visitors.map(|number| Self::Visitor(*number)).collect();
        let staff = Self::staff(market);
        for (place, turn) in staff.iter().enumerate() {
            let at = place * (turns.len() + 1) / staff.len().max(1);
            turns.insert(at, turn.clone());
        }
        turns
    }

    fn staff(market: &Market) -> Vec<Self> {
        // Every stall has its turn before the first has a second: nobody is served in bursts.
        let stalls = market.stalls.len();
        (0..market.rounds_per_tick)
            .flat_map(|round| (0..stalls).map(move |stall| Self::Staff { stall, round }))
            .collect()
    }

    /// Returns who it is that acts.
    pub(crate) fn who(&self) -> String {
        match self {
            Self::Visitor(number) => format!("v{number}"),
            Self::Staff { stall, round } => format!("s{stall}.{round}"),
        }
    }

    /// Acts, and returns what it came to.
    pub(crate) async fn carry_out(
        &self,
        tick: u32,
        script: &Script,
        market: &Market,
    ) -> Result<Counts, Error> {
        match self {
            Self::Visitor(number) => visit::carry_out(market, &script.visit(*number)).await,
            Self::Staff { stall, .. } => {
                let key = format!("t{tick}.{}", self.who());
                staff::serve_next(market, *stall, &key).await
            }
        }
    }
}
