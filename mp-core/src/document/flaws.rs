use std::io;

use serde_json::ser::Formatter;

/// The names of the stamp's members.
pub(super) const STAMPED: [&str; 2] = ["kind", "format"];

/// Writes JSON as it comes, and notes what would keep it from ever being read back.
#[derive(Default)]
pub(super) struct Flaws {
    depth: usize,
    is_own: bool,
    /// How deep objects and lists are nested.
    pub(super) deepest: usize,
    /// The name of the stamp's that a member of the outermost object has: there would be two of it.
    pub(super) taken: Option<&'static str>,
}

impl Flaws {
    fn descend(&mut self) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }
}

impl Formatter for &mut Flaws {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.descend();
        writer.write_all(b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.descend();
        writer.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.is_own = self.depth == 1;
        match first {
            true => Ok(()),
            false => writer.write_all(b","),
        }
    }

    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_own = false;
        Ok(())
    }

    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.is_own
            && let Some(name) = STAMPED.into_iter().find(|name| *name == fragment)
        {
            self.taken = Some(name);
        }
        writer.write_all(fragment.as_bytes())
    }
}
