use std::{collections::BTreeMap, time::Duration};

use mp_core::{Command, Decision, Document, Edits, Error, Family, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    evening::TICK,
    persist::persist,
    progress::{Counts, Evening, Progress},
};

/// For how long a process is taken to be alive that does not say so again.
///
/// A process that is stopped for longer, or whose clock is behind, only has its share done a second
/// time: whatever visitors do has a key, and counts once.
const LEASE: Duration = Duration::from_secs(3);

/// How often a process says that it is alive.
pub(crate) const BEAT: Duration = Duration::from_millis(500);

/// A process that holds the evening, alone or with others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Peer {
    /// Until when it is taken to be alive, by the operating system's clock: the evening's own stands
    /// still while everybody waits for somebody who has died.
    lease: Option<Timestamp>,
    shift: Option<Shift>,
}

impl Document for Peer {
    const KIND: &'static str = "peer";
    const FORMAT: u32 = 1;
}

/// The due work that a process does at the end of a tick.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Shift {
    tick: u32,
    /// How much it came to; `None` until it is over, and for ever if the process dies over it.
    handled: Option<u64>,
}

/// Every process that has taken part, by its name, as it was at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    peers: BTreeMap<String, Peer>,
    at: Timestamp,
}

/// What a process says when it is through with its part of a tick.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) tick: u32,
    /// What everybody's visits and turns came to.
    pub(crate) came_about: Counts,
    /// How much due work this process has done.
    pub(crate) handled: u64,
    /// Whether the evening may end with this tick, if nobody has found due work in it.
    pub(crate) may_close: bool,
}

impl Roster {
    fn of(family: &Family, at: Timestamp) -> Result<Self, Error> {
        let mut peers = BTreeMap::new();
        for (key, peer) in family.scan::<Peer>("p/")? {
            let name = key.as_str().trim_start_matches("p/");
            peers.insert(name.to_owned(), (*peer).clone());
        }
        Ok(Self { peers, at })
    }

    /// Returns whether nothing was heard of a process for too long; one that is not known yet has
    /// only just come.
    pub(crate) fn is_gone(&self, name: &str) -> bool {
        let lease = self.peers.get(name).and_then(|peer| peer.lease);
        lease.is_some_and(|until| until < self.at)
    }

    /// Returns how many processes have taken part so far.
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Returns which of the living processes one is, and how many they are.
    pub(crate) fn rank(&self, name: &str) -> (usize, usize) {
        let living = self.peers.keys().filter(|peer| !self.is_gone(peer));
        let living: Vec<&String> = living.collect();
        let rank = living.iter().position(|peer| *peer == name);
        (rank.unwrap_or_default(), living.len().max(1))
    }

    /// Returns whether a living process is still at the due work of a tick.
    fn works(&self, tick: u32) -> bool {
        self.shifts(tick)
            .any(|(name, handled)| handled.is_none() && !self.is_gone(name))
    }

    /// Returns whether nobody found due work in a tick; who died over it may have found some.
    fn found_nothing(&self, tick: u32) -> bool {
        self.shifts(tick).all(|(_, handled)| handled == Some(0))
    }

    fn shifts(&self, tick: u32) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.peers.iter().filter_map(move |(name, peer)| {
            let shift = peer.shift.filter(|shift| shift.tick == tick)?;
            Some((name.as_str(), shift.handled))
        })
    }
}

impl Ending {
    /// Returns the evening after this tick.
    fn of(&self, evening: &Evening, roster: &Roster) -> Evening {
        let mut next = evening.clone();
        next.done = next.done.plus(self.came_about);
        next.tick += 1;
        next.clock = next.clock.plus(TICK);
        next.over = self.may_close && roster.found_nothing(evening.tick);
        next
    }
}

impl Progress {
    /// Says that this process is alive.
    pub(crate) async fn beat(&self) -> Result<(), Error> {
        let lease = self.wall.now().plus(LEASE);
        let beat = move |_: &Evening, mut peer: Peer, _: &Family| {
            peer.lease = Some(lease);
            Ok(Some((peer, None)))
        };
        self.step(beat).await?;
        Ok(())
    }

    /// Says that this process sets about the due work of a tick, before it takes any; returns
    /// whether that tick is still going on.
    pub(crate) async fn begin_work(&self, tick: u32) -> Result<bool, Error> {
        let begin = move |evening: &Evening, mut peer: Peer, _: &Family| {
            let handled = None;
            peer.shift = Some(Shift { tick, handled });
            let goes_on = evening.tick == tick && !evening.over;
            Ok(goes_on.then_some((peer, None)))
        };
        let evening = self.step(begin).await?;
        Ok(evening.tick == tick && !evening.over)
    }

    /// Says how much due work this process has done, and ends the tick if nobody else is still at
    /// theirs; returns how far the evening has come.
    pub(crate) async fn end(&self, ending: Ending) -> Result<Evening, Error> {
        let at = self.wall.now();
        let me = self.me.clone();
        let end = move |evening: &Evening, mut peer: Peer, family: &Family| {
            if evening.tick != ending.tick || evening.over {
                return Ok(None);
            }
            let (before, tick, handled) = (peer.shift, ending.tick, Some(ending.handled));
            peer.shift = Some(Shift { tick, handled });
            let mut roster = Roster::of(family, at)?;
            roster.peers.insert(me.clone(), peer.clone());
            let next = (!roster.works(tick)).then(|| ending.of(evening, &roster));
            let changed = next.is_some() || peer.shift != before;
            Ok(changed.then_some((peer, next)))
        };
        self.step(end).await
    }

    /// Returns who takes part.
    pub(crate) async fn roster(&self) -> Result<Roster, Error> {
        let command = Command::on(self.evening()?).prefix("p/");
        let family = persist(|| self.engine.read(command.clone())).await?;
        Roster::of(&family, self.wall.now())
    }

    /// Changes what is known of this process, and perhaps the evening with it; returns the evening.
    async fn step<F>(&self, step: F) -> Result<Evening, Error>
    where
        F: Fn(&Evening, Peer, &Family) -> Result<Option<(Peer, Option<Evening>)>, Error>,
        F: Clone + Send + 'static,
    {
        let key = format!("p/{}", self.me);
        let command = Command::on(self.evening()?).prefix("p/");
        let decide = move |family: &Family, _: Timestamp| {
            let evening = family.root::<Evening>()?;
            let evening = evening.ok_or_else(|| Error::not_found("evening"))?;
            let peer = family.get::<Peer>(&key)?;
            let peer = peer.map_or_else(Peer::default, |peer| (*peer).clone());
            let Some((peer, next)) = step(&evening, peer, family)? else {
                return Ok(Decision::unchanged((*evening).clone()));
            };
            let mut edits = Edits::new();
            edits.put(&key, peer);
            if let Some(next) = &next {
                edits.put_root(next.clone());
            }
            Ok::<_, Error>(edits.answer(next.unwrap_or_else(|| (*evening).clone())))
        };
        let stepped = persist(|| self.engine.run(command.clone(), decide.clone())).await?;
        Ok(stepped.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONIGHT: u32 = 70;

    fn peer(lease: i64, tick: u32, handled: Option<u64>) -> Peer {
        Peer {
            lease: Some(Timestamp::from_micros(lease)),
            shift: Some(Shift { tick, handled }),
        }
    }

    /// A roster at the moment 100.
    fn roster(peers: &[Peer]) -> Roster {
        let named = |(number, peer): (usize, &Peer)| (number.to_string(), peer.clone());
        Roster {
            peers: peers.iter().enumerate().map(named).collect(),
            at: Timestamp::from_micros(100),
        }
    }

    #[test]
    fn who_is_dead_is_not_waited_for_and_who_is_not_known_is_alive() {
        let roster = roster(&[peer(200, TONIGHT, Some(0)), peer(99, TONIGHT, None)]);
        assert!(!roster.works(TONIGHT));
        assert!(roster.is_gone("1") && !roster.is_gone("0") && !roster.is_gone("9"));
        assert_eq!(roster.rank("0"), (0, 1));
    }

    #[test]
    fn a_tick_waits_for_the_living_at_their_work() {
        let at_it = [peer(200, TONIGHT, Some(0)), peer(200, TONIGHT, None)];
        assert!(roster(&at_it).works(TONIGHT));
        assert!(!roster(&at_it).works(TONIGHT + 1));
    }

    #[test]
    fn an_evening_does_not_end_with_a_tick_that_somebody_died_over() {
        let died = [peer(200, TONIGHT, Some(0)), peer(99, TONIGHT, None)];
        assert!(!roster(&died).found_nothing(TONIGHT));
        let found = [peer(200, TONIGHT, Some(0)), peer(200, TONIGHT, Some(1))];
        assert!(!roster(&found).found_nothing(TONIGHT));
        let rest = [peer(200, TONIGHT, Some(0)), peer(99, TONIGHT - 1, None)];
        assert!(roster(&rest).found_nothing(TONIGHT));
    }
}
