use std::{sync::Arc, time::Duration};

use indicatif::ProgressBar;
use mp_core::{Error, ErrorKind, clock::ManualClock};
use tokio::task::JoinSet;

use super::{
    market::Market,
    progress::{Evening, Progress},
    script::{Script, TICKS},
    staff, visit,
};

/// How long a tick is by the evening's own clock.
pub(crate) const TICK: Duration = Duration::from_secs(5 * 60);

/// By how much clocks in Hong Kong are ahead of UTC.
const HONG_KONG: Duration = Duration::from_secs(8 * 60 * 60);

/// How many visitors and members of staff act at once.
const AT_ONCE: usize = 128;

/// For how many ticks after the last visitor the market stays open: so long may a group wait for
/// members, a payment for its outcome, a called guest for the way to the stall.
const QUIET_TICKS: u32 = 12;

/// After how many ticks the market gives up settling.
const CLOSING_TICKS: u32 = 500;

const UNSETTLED: &str = "the market does not come to rest: look for what fails in the view mp_work";

/// Runs the evening from wherever it stands to its end.
pub(crate) struct Run {
    pub(crate) market: Arc<Market>,
    pub(crate) script: Arc<Script>,
    pub(crate) progress: Progress,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bar: ProgressBar,
    pub(crate) pause_worker: bool,
}

/// Something that somebody does within a tick.
#[derive(Clone, Debug)]
enum Turn {
    Visitor(u32),
    Staff { stall: usize, round: u32 },
}

impl Turn {
    fn who(&self) -> String {
        match self {
            Self::Visitor(number) => format!("v{number}"),
            Self::Staff { stall, round } => format!("s{stall}.{round}"),
        }
    }
}

impl Run {
    /// Lets the evening go on until everybody has left and everything is settled.
    pub(crate) async fn to_the_end(&self, mut evening: Evening) -> Result<(), Error> {
        while !evening.over {
            self.clock.set(evening.clock);
            self.show(&evening);
            self.tick(evening.tick).await?;
            let handled = self.work(evening.tick).await?;
            evening.tick += 1;
            evening.clock = evening.clock.plus(TICK);
            let settled = handled == 0 && !self.market.anybody_waits().await?;
            evening.over = evening.tick >= TICKS + QUIET_TICKS && settled;
            if evening.tick > TICKS + CLOSING_TICKS {
                return Err(Error::new(ErrorKind::Unavailable, "unsettled", UNSETTLED));
            }
            self.progress.reach(evening.clone()).await?;
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    async fn work(&self, tick: u32) -> Result<u64, Error> {
        if self.pause_worker && tick < TICKS / 2 {
            return Ok(0);
        }
        self.market.worker.drain().await
    }

    fn show(&self, evening: &Evening) {
        let arrived: usize = (0..evening.tick)
            .map(|tick| self.script.arrivals(tick).len())
            .sum();
        self.bar.set_position(arrived as u64);
        let there = evening.clock.plus(HONG_KONG).to_string();
        self.bar
            .set_message(there.chars().skip(11).take(5).collect::<String>());
    }

    /// Lets everybody act who arrives in this tick and is not done with it yet.
    async fn tick(&self, tick: u32) -> Result<(), Error> {
        let done = self.progress.who(tick).await?;
        let turns = self.turns(tick);
        let step = TICK / u32::try_from(turns.len() + 1).unwrap_or(u32::MAX);
        let mut acting = JoinSet::new();
        for turn in turns {
            self.clock.advance(step);
            if done.contains(&turn.who()) {
                continue;
            }
            if acting.len() >= AT_ONCE {
                finish_one(&mut acting).await?;
            }
            acting.spawn(self.act(tick, turn));
        }
        while !acting.is_empty() {
            finish_one(&mut acting).await?;
        }
        Ok(())
    }

    /// Mixes visitors and staff, so that stalls serve while people arrive.
    fn turns(&self, tick: u32) -> Vec<Turn> {
        let visitors = self
            .script
            .arrivals(tick)
            .iter()
            .map(|number| Turn::Visitor(*number));
        let mut turns: Vec<Turn> = visitors.collect();
        let staff = self.staff();
        for (place, turn) in staff.iter().enumerate() {
            let at = place * (turns.len() + 1) / staff.len().max(1);
            turns.insert(at, turn.clone());
        }
        turns
    }

    fn staff(&self) -> Vec<Turn> {
        // Every stall has its turn before the first has a second: nobody is served in bursts.
        let stalls = self.market.stalls.len();
        (0..self.market.rounds_per_tick)
            .flat_map(|round| (0..stalls).map(move |stall| Turn::Staff { stall, round }))
            .collect()
    }

    fn act(
        &self,
        tick: u32,
        turn: Turn,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (market, script) = (self.market.clone(), self.script.clone());
        let progress = self.progress.clone();
        async move {
            let counts = match &turn {
                Turn::Visitor(number) => visit::carry_out(&market, &script.visit(*number)).await?,
                Turn::Staff { stall, round } => {
                    let key = format!("t{tick}.s{stall}.{round}");
                    staff::serve_next(&market, *stall, &key).await?
                }
            };
            progress.done(tick, turn.who(), counts).await
        }
    }
}

async fn finish_one(acting: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    match acting.join_next().await {
        Some(Ok(acted)) => acted,
        Some(Err(broken)) => Err(Error::new(
            ErrorKind::Unknown,
            "broke_off",
            format!("a visitor's task broke off: {broken}"),
        )),
        None => Ok(()),
    }
}
