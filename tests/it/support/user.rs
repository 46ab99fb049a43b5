//! The ordinary user that everything runs as.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::{Gid, Uid, geteuid};

/// A user by ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// The one that runs the tests, or the one that root gives them to.
    pub fn ordinary() -> Self {
        static USER: OnceLock<User> = OnceLock::new();
        USER.get_or_init(|| if tests_are_root() { test_user() } else { caller() }).clone()
    }

    pub fn root() -> Self {
        Self { name: "root".into(), uid: 0, gid: 0 }
    }

    /// Makes a command run as this user. The standard library clears the supplementary
    /// groups as well when root sets a user.
    pub fn apply(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        if tests_are_root() && self.uid != 0 {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Makes a file or directory this user's.
    pub fn own(&self, path: &Path) {
        if tests_are_root() {
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            let flag = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
            nix::unistd::fchownat(nix::fcntl::AT_FDCWD, path, Some(uid), Some(gid), flag)
                .unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
        }
    }
}

pub fn tests_are_root() -> bool {
    geteuid().is_root()
}

fn test_user() -> User {
    let name = std::env::var("JAIL_TEST_USER").unwrap_or_else(|_| "jail-test".into());
    let (Some(uid), Some(gid)) = (id(&["-u", &name]), id(&["-g", &name])) else {
        panic!(
            "the tests run as an ordinary user, and there is no user `{name}`: \
             `useradd --create-home {name}`, or name another one by JAIL_TEST_USER"
        );
    };
    let number = |id: String| id.parse().expect("id(1) prints a number");
    let user = User { name, uid: number(uid), gid: number(gid) };
    assert_ne!(user.uid, 0, "JAIL_TEST_USER must be an ordinary user, not root");
    user
}

fn caller() -> User {
    let (uid, gid) = (geteuid().as_raw(), nix::unistd::getegid().as_raw());
    User { name: id(&["-un"]).unwrap_or_else(|| uid.to_string()), uid, gid }
}

/// What id(1) prints. The tests are a static program, in which getpwnam(3) crashes where the
/// system's user database is a library to load.
fn id(arguments: &[&str]) -> Option<String> {
    let output = Command::new("id").args(arguments).output().expect("there is an id(1)");
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}
