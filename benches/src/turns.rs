use std::fmt;

use crate::Throughput;

/// One system under measurement: its name, and what one round of it comes to.
pub struct Side<'a> {
    name: String,
    round: Box<dyn FnMut() -> Throughput + 'a>,
}

impl<'a> Side<'a> {
    /// Names a side and its round.
    pub fn new(name: impl Into<String>, round: impl FnMut() -> Throughput + 'a) -> Self {
        Self {
            name: name.into(),
            round: Box::new(round),
        }
    }
}

impl fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Side({})", self.name)
    }
}

/// The medians of all sides, and their ratios to the first one, the floor.
#[derive(Debug)]
pub struct Table {
    title: String,
    rows: Vec<(String, Throughput)>,
}

/// Lets the sides take turns for so many rounds, after one that warms up and does not count.
///
/// A word on the command line (`cargo bench --bench rush -- tickets`) leaves only the sides whose
/// names have it: for a profile of one side.
#[must_use]
pub fn take_turns(title: &str, rounds: usize, mut sides: Vec<Side<'_>>) -> Table {
    if let Some(word) = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
    {
        sides.retain(|side| side.name.contains(&word));
    }
    let mut measured: Vec<Vec<Throughput>> = vec![Vec::new(); sides.len()];
    for round in 0..=rounds {
        for (side, measured) in sides.iter_mut().zip(&mut measured) {
            let throughput = (side.round)();
            if round > 0 {
                measured.push(throughput);
            }
        }
    }
    let medians = measured.into_iter().map(median);
    let rows = sides
        .into_iter()
        .map(|side| side.name)
        .zip(medians)
        .collect();
    Table {
        title: title.to_owned(),
        rows,
    }
}

impl Table {
    /// Returns the throughput of a side by its name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Throughput> {
        self.rows
            .iter()
            .find(|(side, _)| side == name)
            .map(|(_, throughput)| *throughput)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let floor = self
            .rows
            .first()
            .map_or(1.0, |(_, throughput)| throughput.per_second);
        for (name, throughput) in &self.rows {
            writeln!(
                f,
                "  {name:<44} {:>10.0}/s  p99 {:>8.2} ms  {:>7.1}x",
                throughput.per_second,
                throughput.p99.as_secs_f64() * 1_000.0,
                throughput.per_second / floor,
            )?;
        }
        Ok(())
    }
}

fn median(mut rounds: Vec<Throughput>) -> Throughput {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rounds[rounds.len() / 2]
}
