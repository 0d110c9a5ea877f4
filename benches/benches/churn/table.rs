use std::fmt;

use crate::meter::Size;

/// What the days came to, for a person.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    engine: &'a str,
    retires: bool,
    sizes: &'a [Size],
}

impl<'a> Table<'a> {
    pub(crate) const fn of(engine: &'a str, retires: bool, sizes: &'a [Size]) -> Self {
        Self {
            engine,
            retires,
            sizes,
        }
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.retires {
            "closed aggregates are retired every night"
        } else {
            "nothing is retired"
        };
        writeln!(f, "{}: {how}", self.engine)?;
        writeln!(
            f,
            "  after day       live      marks      total    of it free      heads     others"
        )?;
        for (day, size) in self.sizes.iter().enumerate() {
            write!(f, "  {:>9} {:>10} {:>10}", day + 1, size.live, size.marks)?;
            for bytes in [size.total, size.free, size.heads(), size.others()] {
                write!(f, " {:>6.1} MiB", mebibytes(bytes))?;
            }
            writeln!(f)?;
        }
        let Some(last) = self.sizes.last() else {
            return Ok(());
        };
        writeln!(f, "  tables and indexes after the last day")?;
        for relation in &last.relations {
            let bytes = mebibytes(relation.bytes);
            write!(f, "  {:40} {bytes:>7.1} MiB", relation.name)?;
            match relation.filled {
                Some(filled) => writeln!(f, "  {:>3.0} % filled", filled * 100.0)?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
