//! Who calls.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::units::AbsolutePath;

use super::walk::Walker;
use super::{FileKind, Identity};

/// Reads who the caller is.
///
/// A static program has no name service, so /etc/passwd and /etc/group are read as they are;
/// an account from elsewhere (LDAP) falls back to what the environment says.
pub fn survey(environment: &BTreeMap<OsString, OsString>, walker: &mut Walker) -> Identity {
    let uid = nix::unistd::geteuid().as_raw();
    let gid = nix::unistd::getegid().as_raw();
    // An unreadable file is the same to us as one without the caller in it.
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    let group = std::fs::read("/etc/group").unwrap_or_default();
    let account = account(&passwd, uid);
    let variable = |name: &str| environment.get(OsStr::new(name)).filter(|v| is_plain(v)).cloned();
    let account_home = account.as_ref().and_then(|account| AbsolutePath::new(&account.home));
    let home = environment.get(OsStr::new("HOME")).and_then(AbsolutePath::new);
    let home = home.or_else(|| account_home.clone());
    let name = match &account {
        Some(account) => account.name.clone(),
        None => variable("USER").unwrap_or_else(|| "user".into()),
    };
    Identity {
        uid,
        gid,
        is_global_root: uid == 0 && has_all_ids(),
        group: group_name(&group, gid).unwrap_or_else(|| name.clone()),
        name,
        shell: account
            .and_then(|account| AbsolutePath::new(account.shell))
            .unwrap_or_else(|| AbsolutePath::root().join("bin/sh")),
        home: home.map(|home| resolve(&home, walker)),
        account_home: account_home.map(|home| resolve(&home, walker)),
    }
}

/// Says whether uids mean here what they mean to the kernel: the first namespace maps all of
/// them to themselves (user_namespaces(7)). Where nothing can be read, root may be the real one.
fn has_all_ids() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").map_or(true, |map| maps_all_ids(&map))
}

/// Every id as it is: the map of the first user namespace (user_namespaces(7)).
pub fn maps_all_ids(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// A home that cannot be reached is still where the command's home will be.
fn resolve(home: &AbsolutePath, walker: &mut Walker) -> AbsolutePath {
    let fact = walker.fact(home);
    if matches!(fact.kind, FileKind::Unreachable(_)) { home.clone() } else { fact.canonical }
}

/// Says whether a name can stand in a generated /etc/passwd without breaking its line.
fn is_plain(name: &OsString) -> bool {
    !name.is_empty() && !name.as_bytes().iter().any(|byte| b":\n/\0".contains(byte))
}

struct Account {
    name: OsString,
    home: OsString,
    shell: OsString,
}

/// `name:password:uid:gid:comment:home:shell` (passwd(5)).
fn account(passwd: &[u8], uid: u32) -> Option<Account> {
    let uid = uid.to_string();
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let [name, _, id, _, _, home, shell] = fields[..] else { return None };
        (id == uid.as_bytes() && !name.is_empty()).then(|| Account {
            name: owned(name),
            home: owned(home),
            shell: owned(shell),
        })
    })
}

/// `name:password:gid:members` (group(5)).
fn group_name(group: &[u8], gid: u32) -> Option<OsString> {
    let gid = gid.to_string();
    group.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        (fields.nth(1)? == gid.as_bytes() && !name.is_empty()).then(|| owned(name))
    })
}

fn owned(field: &[u8]) -> OsString {
    OsString::from_vec(field.to_vec())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n+::::::\n\
        dev:x:1001:1002:,,,:/home/dev:/bin/zsh\n";

    #[test]
    fn the_first_user_namespace_has_every_id() {
        assert!(maps_all_ids("         0          0 4294967295"));
        assert!(!maps_all_ids("         0       1000          1"));
        assert!(!maps_all_ids("0 0 4294967294\n4294967294 1 1"));
    }

    #[test]
    fn an_account_is_found_by_its_number() {
        let account = account(PASSWD, 1001).unwrap();
        assert_eq!((account.name, account.home), ("dev".into(), "/home/dev".into()));
        assert_eq!(account.shell, "/bin/zsh");
        assert!(super::account(PASSWD, 100).is_none());
        assert_eq!(group_name(b"a:x:10:\nb:x:100:u,v\n", 100), Some("b".into()));
    }

    #[test]
    fn home_is_the_one_of_the_environment_if_that_is_absolute() {
        let mut walker = Walker::new(Path::new("/"));
        let mut home = |value: &str| {
            let environment = BTreeMap::from([("HOME".into(), value.into())]);
            survey(&environment, &mut walker).home
        };
        assert_eq!(home("/nowhere/x"), AbsolutePath::new("/nowhere/x"));
        assert_ne!(home("nowhere"), AbsolutePath::new("/nowhere"));
    }

    #[test]
    fn a_name_that_would_break_a_line_is_not_taken() {
        assert!(!is_plain(&"a:b".into()) && !is_plain(&"a\nb".into()) && !is_plain(&"".into()));
        assert!(is_plain(&"al.ice".into()));
    }

    #[test]
    fn no_name_is_a_command_of_a_shell() {
        let login = |name: &str| {
            let mut identity = survey(&BTreeMap::new(), &mut Walker::new(Path::new("/")));
            identity.uid = 1000;
            identity.name = name.into();
            identity.login()
        };
        assert_eq!(login("ann.b-c_1"), "ann.b-c_1");
        for odd in ["; reboot", "$(reboot)", "a b", "`x`", "--help", "", "\u{1b}", "ä"] {
            assert_eq!(login(odd), "1000", "{odd:?}");
        }
    }
}
