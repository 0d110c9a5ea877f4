use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::ProgressBar;
use mp_core::{Error, ErrorKind, clock::ManualClock};
use tokio::{task::JoinSet, time::sleep};

use super::{
    market::Market,
    peer::{BEAT, Ending, Roster},
    portion::{Claim, Portion},
    progress::{Counts, Evening, Progress},
    script::{Script, TICKS},
    turn::Turn,
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

/// How long a process pauses before it looks again for how far the others are.
const POLL: Duration = Duration::from_millis(20);

const UNSETTLED: &str = "the market does not come to rest: look for what fails in the view mp_work";

/// Runs the evening from wherever it stands to its end, with whoever else does.
///
/// The evening's own clock may differ between processes by as much as a tick while people act. So no
/// process leases due work before everybody has acted, and then all show the same time.
pub(crate) struct Run {
    pub(crate) market: Arc<Market>,
    pub(crate) script: Arc<Script>,
    pub(crate) progress: Progress,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) bar: ProgressBar,
    pub(crate) pause_worker: bool,
    /// How many operations this process has done itself.
    pub(crate) own: Arc<AtomicU64>,
}

impl Run {
    /// Lets the evening go on until everybody has left and everything is settled.
    pub(crate) async fn to_the_end(&self, mut evening: Evening) -> Result<(), Error> {
        self.progress.beat().await?;
        let _beats = self.beats();
        while !evening.over {
            if evening.tick > TICKS + CLOSING_TICKS {
                return Err(Error::new(ErrorKind::Unavailable, "unsettled", UNSETTLED));
            }
            self.show(&evening);
            let came_about = self.act(&evening).await?;
            self.clock.set(evening.clock.plus(TICK));
            let handled = self.work(evening.tick).await?;
            evening = self.end(evening.tick, came_about, handled).await?;
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Says again and again that this process is alive, until it is dropped.
    fn beats(&self) -> JoinSet<()> {
        let progress = self.progress.clone();
        let mut beats = JoinSet::new();
        beats.spawn(async move {
            loop {
                sleep(BEAT).await;
                // Who is not heard has their share done by others: that is all that it costs.
                drop(progress.beat().await);
            }
        });
        beats
    }

    /// Does the work that is due, beside whoever else does.
    async fn work(&self, tick: u32) -> Result<u64, Error> {
        let paused = self.pause_worker && tick < TICKS / 2;
        if paused || !self.progress.begin_work(tick).await? {
            return Ok(0);
        }
        self.market.worker.drain().await
    }

    /// Waits until nobody works any more, and returns the evening in its next tick.
    async fn end(&self, tick: u32, came_about: Counts, handled: u64) -> Result<Evening, Error> {
        let quiet = tick + 1 >= TICKS + QUIET_TICKS;
        loop {
            let evening = self.progress.end(Ending {
                tick,
                came_about,
                handled,
                may_close: quiet && !self.market.anybody_waits().await?,
            });
            let evening = evening.await?;
            if evening.tick != tick {
                return Ok(evening);
            }
            sleep(POLL).await;
        }
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

    /// Lets everybody act who arrives in this tick, and returns what it came to once all are done.
    async fn act(&self, evening: &Evening) -> Result<Counts, Error> {
        let turns = Turn::all(evening.tick, &self.script, &self.market);
        let mut portions = Portion::all(evening.tick, turns.len());
        let mut sum = Counts::default();
        // Each its share first, so that nobody snatches what others are about to begin with.
        let mut roster = self.progress.roster().await?;
        let (rank, of) = roster.rank(&self.progress.me);
        let shares = |portion: &&Portion| portion.number % of == rank;
        let share: Vec<Portion> = portions.iter().filter(shares).cloned().collect();
        self.take(evening, &turns, &share, &roster).await?;
        loop {
            let done = self.take(evening, &turns, &portions, &roster).await?;
            sum = done.values().fold(sum, |sum, counts| sum.plus(*counts));
            portions.retain(|portion| !done.contains_key(&portion.number));
            if portions.is_empty() {
                return Ok(sum);
            }
            sleep(POLL).await;
            roster = self.progress.roster().await?;
        }
    }

    /// Does what can be claimed of some portions, and returns what those came to, by their numbers,
    /// of which nothing was left.
    async fn take(
        &self,
        evening: &Evening,
        turns: &[Turn],
        portions: &[Portion],
        roster: &Roster,
    ) -> Result<BTreeMap<usize, Counts>, Error> {
        let step = TICK / u32::try_from(turns.len() + 1).unwrap_or(u32::MAX);
        let mut done = BTreeMap::new();
        let mut acting = JoinSet::new();
        for (portion, claim) in portions.iter().zip(self.claim(portions, roster).await?) {
            let known = match claim {
                Claim::Ours(known) => known,
                Claim::Theirs => continue,
                Claim::Done(counts) => {
                    done.insert(portion.number, counts);
                    continue;
                }
            };
            for place in portion.places.clone() {
                let since = step * u32::try_from(place + 1).unwrap_or(u32::MAX);
                self.clock.set(evening.clock.plus(since));
                if known.contains(&turns[place].who()) {
                    continue;
                }
                if acting.len() >= AT_ONCE {
                    finish_one(&mut acting).await?;
                }
                acting.spawn(self.turn(portion.clone(), turns[place].clone()));
            }
        }
        while finish_one(&mut acting).await?.is_some() {}
        Ok(done)
    }

    /// Claims portions, all at once so that they share a wait for the disk.
    async fn claim(&self, portions: &[Portion], roster: &Roster) -> Result<Vec<Claim>, Error> {
        let mut claiming = JoinSet::new();
        for (place, portion) in portions.iter().cloned().enumerate() {
            let (progress, roster) = (self.progress.clone(), roster.clone());
            claiming.spawn(async move {
                let claim = progress.claim(&portion, &roster).await?;
                Ok((place, claim))
            });
        }
        let mut claims = BTreeMap::new();
        while let Some((place, claim)) = finish_one(&mut claiming).await? {
            claims.insert(place, claim);
        }
        Ok(claims.into_values().collect())
    }

    /// Lets somebody act, and notes it.
    fn turn(
        &self,
        portion: Portion,
        turn: Turn,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (market, script) = (self.market.clone(), self.script.clone());
        let (progress, own) = (self.progress.clone(), self.own.clone());
        async move {
            let counts = turn.carry_out(portion.tick, &script, &market).await?;
            if progress.done(&portion, &turn.who(), counts).await? {
                own.fetch_add(counts.operations, Ordering::Relaxed);
            }
            Ok(())
        }
    }
}

/// Waits for one of the tasks; there is no answer once all are finished.
async fn finish_one<T: 'static>(tasks: &mut JoinSet<Result<T, Error>>) -> Result<Option<T>, Error> {
    match tasks.join_next().await {
        Some(Ok(finished)) => finished.map(Some),
        Some(Err(broken)) => Err(Error::new(
            ErrorKind::Unknown,
            "broke_off",
            format!("a visitor's task broke off: {broken}"),
        )),
        None => Ok(None),
    }
}
