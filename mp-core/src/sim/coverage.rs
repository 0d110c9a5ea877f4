use std::{collections::BTreeMap, fmt};

use super::{Fault, WritePoint};

/// How often which fault struck which write point: the table that shows what a check has tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<WritePoint, Row>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    passed: u64,
    struck: BTreeMap<Fault, u64>,
}

impl Coverage {
    /// Returns how often a fault struck a write point.
    #[must_use]
    pub fn count(&self, point: &WritePoint, fault: Fault) -> u64 {
        let row = self.0.get(point);
        row.and_then(|row| row.struck.get(&fault))
            .copied()
            .unwrap_or_default()
    }

    /// Returns the write points that were passed, struck or not.
    pub fn points(&self) -> impl Iterator<Item = &WritePoint> {
        self.0.keys()
    }

    /// Returns the cells of the table that are empty: write points that were passed, and faults
    /// that never struck them.
    pub fn empty_cells(&self) -> impl Iterator<Item = (&WritePoint, Fault)> {
        let cells = |point| Fault::ALL.into_iter().map(move |fault| (point, fault));
        let cells = self.points().flat_map(cells);
        cells.filter(|(point, fault)| self.count(point, *fault) == 0)
    }

    pub(super) fn pass(&mut self, point: WritePoint, fault: Option<Fault>) {
        let row = self.0.entry(point).or_default();
        row.passed += 1;
        if let Some(fault) = fault {
            *row.struck.entry(fault).or_default() += 1;
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        for (point, row) in other.0 {
            let sum = self.0.entry(point).or_default();
            sum.passed += row.passed;
            for (fault, count) in row.struck {
                *sum.struck.entry(fault).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}{:>14}", "write point", "passed")?;
        for fault in Fault::ALL {
            write!(f, "{fault:>14}")?;
        }
        for (point, row) in &self.0 {
            write!(f, "\n{point:<26}{:>14}", row.passed)?;
            for fault in Fault::ALL {
                write!(f, "{:>14}", self.count(point, fault))?;
            }
        }
        Ok(())
    }
}
