use std::{cell::RefCell, fmt, process};

use ring::rand::{SecureRandom, SystemRandom};

/// How many ids are drawn at a time.
const POOL: usize = 32;

/// Names one commit for ever, so that its outcome can be asked for after a lost answer.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub u128);

impl CommitId {
    /// Draws a new id from the operating system's random source.
    ///
    /// Commit ids decide nothing and are shown to nobody, so they do not pass through
    /// [`Entropy`](crate::entropy::Entropy). Each thread draws a few at a time and gives each out
    /// once; a process that was forked off draws its own. A virtual machine whose memory is restored
    /// twice from one snapshot gives the few that were left out twice: start the process anew there.
    ///
    /// # Panics
    ///
    /// If the operating system has no random bytes to give.
    #[must_use]
    pub fn random() -> Self {
        thread_local! {
            static DRAWN: RefCell<Drawn> = const { RefCell::new(Drawn::NONE) };
        }
        DRAWN.with_borrow_mut(|drawn| drawn.next(process::id()))
    }
}

/// The ids that a thread of a process has drawn, of which the first few are not given out yet.
#[derive(Clone)]
struct Drawn {
    ids: [[u8; 16]; POOL],
    left: usize,
    process: u32,
}

impl Drawn {
    const NONE: Self = Self {
        ids: [[0; 16]; POOL],
        left: 0,
        process: 0,
    };

    fn next(&mut self, process: u32) -> CommitId {
        // A fork copies what its parent has not given out yet, and the parent gives that out too.
        if self.left == 0 || self.process != process {
            self.draw(process);
        }
        self.left -= 1;
        CommitId(u128::from_le_bytes(self.ids[self.left]))
    }

    fn draw(&mut self, process: u32) {
        SystemRandom::new()
            .fill(self.ids.as_flattened_mut())
            .expect("the operating system supplies random bytes");
        (self.left, self.process) = (POOL, process);
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({:032x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn no_id_is_given_out_twice_on_any_thread() {
        const EACH: usize = 10 * POOL + 1;
        let draw = || (0..EACH).map(|_| CommitId::random()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(draw)).collect();
        let drawn = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("draws"));
        assert_eq!(drawn.collect::<HashSet<_>>().len(), 4 * EACH);
    }

    #[test]
    fn a_process_that_was_forked_off_draws_its_own() {
        let mut parent = Drawn::NONE;
        let mut given = HashSet::from([parent.next(1)]);
        let mut child = parent.clone();
        for _ in 0..POOL {
            assert!(given.insert(parent.next(1)));
            assert!(given.insert(child.next(2)));
        }
    }
}
