//! What an image says about the command: read as something that a stranger wrote.

use std::ffi::OsString;

use nix::libc;

use crate::diagnostic::Diagnostic;
use crate::host::{AccountFile, Accounts};
use crate::image::document::Config;
use crate::units::AbsolutePath;

use super::Drawing;

/// The longest argument or variable that execve(2) takes (MAX_ARG_STRLEN).
const LONGEST_STRING: usize = 131_071;
/// The longest path (PATH_MAX) and name in it (NAME_MAX).
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// The settings of the image that is the root; empty without one.
#[derive(Default)]
pub(super) struct Settings {
    pub environment: Vec<(OsString, OsString)>,
    pub working_dir: Option<AbsolutePath>,
    /// Uid and gid of its user.
    pub user: Option<(u32, u32)>,
}

/// A line of the image's /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account<'a> {
    pub name: &'a [u8],
    pub uid: u32,
    pub gid: u32,
    pub home: &'a [u8],
}

pub(super) fn draw(drawing: &mut Drawing) -> Settings {
    let (Some(rootfs), Some(accounts)) = (drawing.rootfs, &drawing.host.accounts) else {
        return Settings::default();
    };
    let config = &rootfs.image.config;
    let mut errors = Vec::new();
    let mut keep = |because: String| {
        let title = format!("cannot use the image `{}`", rootfs.image.name);
        errors.push(Diagnostic::error(title).because(because));
    };
    let mut settings = Settings::default();
    for text in &config.env {
        match variable(text) {
            Ok(variable) => settings.environment.push(variable),
            Err(because) => keep(because),
        }
    }
    for word in config.entrypoint.iter().chain(&config.cmd) {
        if let Err(because) = plain(word, "a word of its command", LONGEST_STRING) {
            keep(because);
        }
    }
    match config.working_dir.as_deref().filter(|path| !path.is_empty()).map(working_dir) {
        Some(Ok(path)) => settings.working_dir = Some(path),
        Some(Err(because)) => keep(because),
        None => {}
    }
    // Whom the user names, they need not ask the image for.
    if drawing.profile.process.user.is_none() {
        match user(config, accounts) {
            Ok(user) => settings.user = Some(user),
            Err(because) => keep(because),
        }
    }
    drawing.errors.extend(errors);
    settings
}

/// The signal that asks the image's program to end.
pub(super) fn stop_signal(config: &Config) -> Result<Option<i32>, String> {
    let Some(text) = config.stop_signal.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse::<i32>().ok().or_else(|| named_signal(text));
    let number = number.filter(|number| (1..=libc::SIGRTMAX()).contains(number));
    number.map(Some).ok_or_else(|| format!("its stop signal `{}` is none", shown(text)))
}

/// `SIGTERM`, `TERM`, `SIGRTMIN+3`, `RTMAX-1`.
fn named_signal(text: &str) -> Option<i32> {
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if let Some(rest) = name.strip_prefix("RTMIN") {
        let above = if rest.is_empty() { 0 } else { rest.strip_prefix('+')?.parse().ok()? };
        return libc::SIGRTMIN().checked_add(above);
    }
    if let Some(rest) = name.strip_prefix("RTMAX") {
        let below = if rest.is_empty() { 0 } else { rest.strip_prefix('-')?.parse().ok()? };
        return libc::SIGRTMAX().checked_sub(below).filter(|number| *number >= libc::SIGRTMIN());
    }
    format!("SIG{name}").parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
}

/// Returns who has this uid in the image.
pub(super) fn account(accounts: &Accounts, uid: u32) -> Option<Account<'_>> {
    entries(accounts.passwd.text()).filter_map(parse_account).find(|account| account.uid == uid)
}

/// Says whether the image has a name for this gid.
pub(super) fn knows_group(accounts: &Accounts, gid: u32) -> bool {
    entries(accounts.group.text()).filter_map(parse_group).any(|(_, number)| number == gid)
}

fn variable(text: &str) -> Result<(OsString, OsString), String> {
    plain(text, "a variable of its environment", LONGEST_STRING)?;
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        Some(_) => Err(format!("its variable `{}` has no name", shown(text))),
        None => Err(format!("its variable `{}` has no `=`", shown(text))),
    }
}

fn plain(text: &str, what: &str, longest: usize) -> Result<(), String> {
    if text.contains('\0') {
        return Err(format!("{what}, `{}`, holds a NUL byte", shown(text)));
    }
    if text.len() > longest {
        return Err(format!("{what}, `{}`, is longer than {longest} bytes", shown(text)));
    }
    Ok(())
}

fn working_dir(text: &str) -> Result<AbsolutePath, String> {
    plain(text, "its working directory", LONGEST_PATH)?;
    let refuse = |why: &str| format!("its working directory `{}` {why}", shown(text));
    if text.split('/').any(|name| name == "..") {
        return Err(refuse("has a `..` in it"));
    }
    if text.split('/').any(|name| name.len() > LONGEST_NAME) {
        return Err(refuse("has a name of more than 255 bytes in it"));
    }
    AbsolutePath::new(text).ok_or_else(|| refuse("is not absolute"))
}

/// As docker reads it: an image without a user is root's, and a user without a group has the one of
/// its line in /etc/passwd.
fn user(config: &Config, accounts: &Accounts) -> Result<(u32, u32), String> {
    let text = config.user.as_deref().unwrap_or_default();
    if text.is_empty() {
        return Ok((0, 0));
    }
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    for name in [Some(user), group].into_iter().flatten() {
        check_name(name, text)?;
    }
    let (uid, own_gid) = match number(user) {
        Some(uid) => (uid, account(accounts, uid).map_or(0, |account| account.gid)),
        None => {
            let found = known(&accounts.passwd, "passwd", user)?;
            let mut lines = entries(found).filter_map(parse_account);
            let account = lines
                .find(|account| account.name == user.as_bytes())
                .ok_or_else(|| format!("its user `{user}` is not in its /etc/passwd"))?;
            (account.uid, account.gid)
        }
    };
    let gid = match group {
        None => own_gid,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => {
                let found = known(&accounts.group, "group", group)?;
                let mut lines = entries(found).filter_map(parse_group);
                let (_, gid) = lines
                    .find(|(name, _)| *name == group.as_bytes())
                    .ok_or_else(|| format!("its group `{group}` is not in its /etc/group"))?;
                gid
            }
        },
    };
    Ok((uid, gid))
}

fn check_name(name: &str, whole: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+$-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(plain) {
        return Err(format!("`{}` is no user that it could have", shown(whole)));
    }
    Ok(())
}

fn known<'a>(file: &'a AccountFile, name: &str, wanted: &str) -> Result<&'a [u8], String> {
    match file {
        AccountFile::Text(text) => Ok(text),
        AccountFile::Missing => {
            Err(format!("`{wanted}` is looked for in its /etc/{name}, which it does not have"))
        }
        AccountFile::Unusable(why) => {
            Err(format!("`{wanted}` is looked for in its /etc/{name}, and {why}"))
        }
    }
}

fn entries(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

/// `name:password:uid:gid:comment:home:shell` (passwd(5)).
fn parse_account(line: &[u8]) -> Option<Account<'_>> {
    let mut fields = line.split(|byte| *byte == b':');
    let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let home = fields.nth(1).unwrap_or_default();
    let (uid, gid) = (number_in(uid)?, number_in(gid)?);
    (!name.is_empty()).then_some(Account { name, uid, gid, home })
}

/// `name:password:gid:members` (group(5)).
fn parse_group(line: &[u8]) -> Option<(&[u8], u32)> {
    let mut fields = line.split(|byte| *byte == b':');
    let name = fields.next()?;
    Some((name, number_in(fields.nth(1)?)?)).filter(|(name, _)| !name.is_empty())
}

fn number_in(field: &[u8]) -> Option<u32> {
    number(std::str::from_utf8(field).ok()?)
}

/// Digits alone, and none of those that mean no id.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|id| *id != u32::MAX)
}

/// The start of a text that may be of any length.
fn shown(text: &str) -> String {
    const MOST: usize = 64;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n+::::::\nbad:x:y:0::/:\n\
        www:x:33:34:web:/var/www:/usr/sbin/nologin\nend:x:7:8";
    const GROUP: &str = "root:x:0:\nwww:x:34:a,b\nadm:x:4:";

    fn accounts() -> Accounts {
        let text = |text: &str| AccountFile::Text(text.into());
        Accounts { passwd: text(PASSWD), group: text(GROUP) }
    }

    fn user_of(text: &str) -> Result<(u32, u32), String> {
        user(&Config { user: Some(text.into()), ..Config::default() }, &accounts())
    }

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        assert_eq!(user_of(""), Ok((0, 0)));
        assert_eq!(user_of("www"), Ok((33, 34)));
        assert_eq!(user_of("33"), Ok((33, 34)));
        assert_eq!(user_of("5"), Ok((5, 0)));
        assert_eq!(user_of("www:adm"), Ok((33, 4)));
        assert_eq!(user_of("5:6"), Ok((5, 6)));
        assert_eq!(user_of("end"), Ok((7, 8)));
    }

    #[test]
    fn a_user_that_is_not_there_is_refused() {
        let refused = |text: &str| user_of(text).unwrap_err();
        assert_eq!(refused("bad"), "its user `bad` is not in its /etc/passwd");
        assert_eq!(refused("0:none"), "its group `none` is not in its /etc/group");
        for odd in ["a b", ":", "a:", ":a", "a:b:c", "../x", "4294967295", "-", "a\n0"] {
            assert!(user_of(odd).is_err(), "{odd}");
        }
        let long = refused(&"y/".repeat(5000));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn names_are_looked_for_in_a_file_that_can_be_read_only() {
        let unusable = AccountFile::Unusable("it is not a regular file".into());
        let accounts = Accounts { passwd: unusable, group: AccountFile::Missing };
        let config = |user: &str| Config { user: Some(user.into()), ..Config::default() };
        assert_eq!(user(&config("7"), &accounts), Ok((7, 0)));
        assert_eq!(
            user(&config("www"), &accounts).unwrap_err(),
            "`www` is looked for in its /etc/passwd, and it is not a regular file"
        );
        assert_eq!(
            user(&config("7:www"), &accounts).unwrap_err(),
            "`www` is looked for in its /etc/group, which it does not have"
        );
    }

    #[test]
    fn variables_and_directories_of_a_stranger_are_checked() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(variable("A").unwrap_err(), "its variable `A` has no `=`");
        assert_eq!(variable("=x").unwrap_err(), "its variable `=x` has no name");
        assert!(
            variable("A=\0").is_err() && variable(&format!("A={}", "x".repeat(200_000))).is_err()
        );
        assert_eq!(working_dir("/a//b/"), Ok(AbsolutePath::new("/a/b").unwrap()));
        for odd in ["a", "./a", "/a/../b", "/a\0", &format!("/{}", "x".repeat(256))] {
            assert!(working_dir(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn stop_signals_have_names_and_numbers() {
        let signal = |text: &str| {
            stop_signal(&Config { stop_signal: Some(text.into()), ..Config::default() })
        };
        assert_eq!(signal(""), Ok(None));
        for (text, number) in [("SIGQUIT", 3), ("QUIT", 3), ("9", 9), ("SIGRTMIN+3", 37)] {
            assert_eq!(signal(text), Ok(Some(number)), "{text}");
        }
        for odd in ["0", "65", "-1", "SIGNONE", "RTMIN+99", "RTMAX-99", "SIGRTMIN+x", "kill -9"] {
            assert!(signal(odd).is_err(), "{odd}");
        }
    }
}
