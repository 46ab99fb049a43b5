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
    let found = nix::unistd::User::from_name(&name)
        .unwrap_or_else(|error| panic!("cannot look for the user `{name}`: {error}"));
    let Some(user) = found else {
        panic!(
            "the tests run as an ordinary user, and there is no user `{name}`: \
             `useradd --create-home {name}`, or name another one by JAIL_TEST_USER"
        );
    };
    assert!(!user.uid.is_root(), "JAIL_TEST_USER must be an ordinary user, not root");
    User { name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
}

fn caller() -> User {
    let uid = geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let gid = nix::unistd::getegid();
    let name = user.map_or_else(|| uid.to_string(), |user| user.name);
    User { name, uid: uid.as_raw(), gid: gid.as_raw() }
}
