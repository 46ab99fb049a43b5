//! The world around a jail: a host in a network namespace of its own, and a peer behind its gateway.
//! `outside.py` has the addresses.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::support::{Jail, Running, User, spawn};

const SCRIPT: &str = include_str!("outside.py");

/// Goes away with the value, and all that runs in it.
pub struct Outside {
    host: Running,
    user: User,
}

impl Outside {
    pub fn new() -> Self {
        let user = User::ordinary();
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "python3", "-c", SCRIPT]);
        command.current_dir("/").stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        user.apply(&mut command);
        let mut host = Running::new("outside.py".into(), spawn(&mut command));
        host.wait_for("up");
        Self { host, user }
    }

    /// A jail on this host, of an ordinary user: uid and gid are the same as outside, and nothing may be
    /// done to the network.
    pub fn jail(&self) -> Jail {
        self.prepared("")
    }

    /// The same after commands of the host's root, in a mount namespace of its own.
    pub fn prepared(&self, preparation: &str) -> Jail {
        Jail::new().through(self.launcher(preparation))
    }

    pub fn launcher(&self, preparation: &str) -> Vec<OsString> {
        let script = format!(
            "{preparation}\nexec unshare --user --map-user={} --map-group={} -- \"$@\"",
            self.user.uid, self.user.gid
        );
        let host = self.host.pid().to_string();
        let words = [
            "nsenter",
            "--user",
            "--net",
            "--preserve-credentials",
            "--target",
            &host,
            "unshare",
            "--mount",
            "sh",
            "-ec",
            &script,
            "sh",
        ];
        words.map(OsString::from).into()
    }
}
