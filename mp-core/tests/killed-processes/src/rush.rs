use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Debug, Display},
    thread,
};

use crate::Process;

/// Processes that work off what each is handed, are killed at random moments, and are started again
/// until everything was acknowledged.
pub struct Rush<K, A> {
    /// What each process is handed; there are as many processes as portions.
    pub portions: Vec<BTreeSet<K>>,
    /// The most acknowledgements that a process lives to give.
    pub life_max: usize,
    /// Reads what a child says of an item; `None` for what is no acknowledgement.
    pub acknowledgement: fn(&str) -> Option<(K, A)>,
}

impl<K, A> Debug for Rush<K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rush")
            .field("processes", &self.portions.len())
            .field("life_max", &self.life_max)
            .finish_non_exhaustive()
    }
}

/// What the processes of a [`Rush`] have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged<K, A> {
    /// What was said of each item.
    pub answers: BTreeMap<K, A>,
    /// How many processes were killed.
    pub kills: usize,
}

impl<K: Debug + Display + Ord + Send, A: Send> Rush<K, A> {
    /// Works off all portions, by children that `start` starts.
    ///
    /// # Panics
    ///
    /// If a child ends before it was killed or done, or acknowledges what it was not handed, or
    /// something twice.
    #[must_use]
    pub fn run(self, start: impl Fn() -> Process + Sync) -> Acknowledged<K, A> {
        let Self {
            portions,
            life_max,
            acknowledgement,
        } = self;
        let ready = || {
            let mut child = start();
            child.wait_until_ready();
            child
        };
        // All are ready before the first begins: otherwise that might be done before the last is.
        let first: Vec<Process> = portions.iter().map(|_| ready()).collect();
        let keep =
            &|(portion, first)| keep_one_running(portion, first, ready, life_max, acknowledgement);
        let mut all = Acknowledged {
            answers: BTreeMap::new(),
            kills: 0,
        };
        thread::scope(|scope| {
            let processes = portions.into_iter().zip(first);
            let processes: Vec<_> = processes.map(|it| scope.spawn(move || keep(it))).collect();
            for process in processes {
                let of_one = process.join().expect("a process failed");
                all.answers.extend(of_one.answers);
                all.kills += of_one.kills;
            }
        });
        all
    }
}

/// Starts a child again and again, until all of one portion was acknowledged.
fn keep_one_running<K: Debug + Display + Ord, A>(
    mut waiting: BTreeSet<K>,
    first: Process,
    start: impl Fn() -> Process,
    life_max: usize,
    acknowledgement: fn(&str) -> Option<(K, A)>,
) -> Acknowledged<K, A> {
    let (mut answers, mut kills) = (BTreeMap::new(), 0);
    let mut next = Some(first);
    while !waiting.is_empty() {
        let mut child = next.take().unwrap_or_else(&start);
        child.hand(&waiting);
        let life = fastrand::usize(1..=life_max.max(1));
        let (acknowledged, killed) = child.live(life, acknowledgement);
        kills += usize::from(killed);
        for (item, answer) in acknowledged {
            assert!(waiting.remove(&item), "{item:?} was not asked for");
            answers.insert(item, answer);
        }
        assert!(killed || waiting.is_empty(), "a child ended early");
    }
    Acknowledged { answers, kills }
}
