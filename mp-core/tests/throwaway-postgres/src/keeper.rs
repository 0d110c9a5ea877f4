use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
};

use crate::account::Account;

/// Stops the server and removes its folder once its input ends, which happens at the latest when the
/// process that holds the other end is gone.
///
/// It goes by the lock file: a dead process that nobody waits for would still answer `kill -0`.
const SCRIPT: &str = r#"
cat
lock=$1/data/postmaster.pid
pid=$(head -n 1 "$lock") && kill -QUIT "$pid"
for _ in $(seq 500); do
    [ -e "$lock" ] || break
    sleep 0.01
done
[ ! -e "$lock" ] || kill -KILL "$pid"
cd /
rm -rf "$1"
"#;

/// A process that cleans up when this one no longer can.
#[derive(Debug)]
pub(crate) struct Keeper(Child);

impl Keeper {
    pub(crate) fn start(account: Account, folder: &Path) -> io::Result<Self> {
        let mut command = account.command("/bin/sh", folder);
        command.args(["-c", SCRIPT, "keeper"]).arg(folder);
        command.stdin(Stdio::piped());
        // What holds the output of a test open keeps those waiting who read it to its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // Out of reach of an interrupt from the keyboard.
        command.process_group(0).spawn().map(Self)
    }
}

impl Drop for Keeper {
    /// Lets it clean up, and waits until it has.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
