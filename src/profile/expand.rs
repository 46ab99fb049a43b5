//! From a path as typed to a path: `~`, `$VAR`, `${VAR:-default}`, `$PROJECT`.
//!
//! A variable that is unset or empty is refused rather than left out: `$OUT/` must never come
//! to mean `/`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::{Base, Grant, NetworkMode, PathText, Profile, Root, SeccompPolicy};
use crate::diagnostic::Diagnostic;
use crate::units::AbsolutePath;

/// What a path may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// `~` and `$HOME`.
    pub home: Option<&'a AbsolutePath>,
    pub workdir: &'a AbsolutePath,
    /// `$PROJECT`
    pub project: &'a AbsolutePath,
    pub environment: &'a BTreeMap<OsString, OsString>,
}

/// Why a path could not be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unexpanded {
    /// The path as typed.
    pub text: OsString,
    pub because: String,
    pub help: Option<String>,
}

impl From<Unexpanded> for Diagnostic {
    fn from(unexpanded: Unexpanded) -> Self {
        let mut diagnostic = Self::error(format!("cannot expand `{}`", unexpanded.text.display()))
            .because(unexpanded.because);
        diagnostic.help.extend(unexpanded.help);
        diagnostic
    }
}

/// The path that `path` means.
pub fn expand(path: &PathText, variables: &Variables<'_>) -> Result<AbsolutePath, Unexpanded> {
    let problem = |Problem { because, help }| Unexpanded { text: path.text.clone(), because, help };
    let bytes = expand_bytes(path.text.as_bytes(), variables, 0).map_err(problem)?;
    if bytes.is_empty() {
        return Err(problem(Problem::new("nothing is left of it")));
    }
    if bytes.contains(&0) {
        return Err(problem(Problem::new("it holds a NUL byte")));
    }
    let base = match &path.base {
        Base::WorkingDirectory => variables.workdir.clone(),
        Base::Directory(directory) => variables.workdir.join(directory),
    };
    Ok(base.join(Path::new(OsStr::from_bytes(&bytes))))
}

/// Does any path of the profile need `$PROJECT`? May say yes where it does not matter.
pub fn mentions_project(profile: &Profile) -> bool {
    let names_it = |path: &PathText| {
        let text = path.text.as_bytes();
        let has = |name: &[u8]| text.windows(name.len()).any(|window| window == name);
        has(b"$PROJECT") || has(b"${PROJECT")
    };
    let rules = profile.filesystem.rules.iter().any(|rule| {
        let from = match &rule.value.grant {
            Grant::Bind { from, .. } => names_it(from),
            Grant::Read | Grant::Write | Grant::Overlay | Grant::Mask | Grant::Tmpfs { .. } => {
                false
            }
        };
        from || names_it(&rule.value.path)
    });
    let root = match profile.filesystem.root.as_ref().map(|root| &root.value) {
        Some(Root::Directory(path)) => names_it(path),
        Some(Root::Host | Root::Empty | Root::Image(_)) | None => false,
    };
    let seccomp = match profile.seccomp.policy.as_ref().map(|policy| &policy.value) {
        Some(SeccompPolicy::File(path)) => names_it(path),
        Some(SeccompPolicy::Default | SeccompPolicy::Strict | SeccompPolicy::Off) | None => false,
    };
    let devices = profile.filesystem.devices.iter().any(|device| names_it(&device.value));
    let io = profile.limits.io.iter().any(|limit| names_it(&limit.value.path));
    let workdir = profile.process.workdir.as_ref().is_some_and(|path| names_it(&path.value));
    let network = match profile.network.mode.as_ref().map(|mode| &mode.value) {
        Some(NetworkMode::Namespace(path)) => names_it(path),
        Some(NetworkMode::None | NetworkMode::Host | NetworkMode::Nat | NetworkMode::Allow)
        | None => false,
    };
    rules || root || seccomp || devices || io || workdir || network
}

/// Defaults may hold variables with defaults; deeper nesting than this is a mistake.
const DEEPEST: usize = 16;

struct Problem {
    because: String,
    help: Option<String>,
}

impl Problem {
    fn new(because: impl Into<String>) -> Self {
        Self { because: because.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

fn expand_bytes(text: &[u8], variables: &Variables<'_>, depth: usize) -> Result<Vec<u8>, Problem> {
    if depth > DEEPEST {
        return Err(Problem::new("its defaults are nested too deeply"));
    }
    let mut out = Vec::with_capacity(text.len() + 32);
    let mut rest = expand_tilde(text, variables, &mut out)?;
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        out.extend_from_slice(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        match rest.first() {
            Some(b'$') => {
                out.push(b'$');
                rest = &rest[1..];
            }
            Some(b'{') => {
                let (inside, after) = braces(&rest[1..])?;
                out.extend(expand_braces(inside, variables, depth)?);
                rest = after;
            }
            Some(_) | None => {
                let end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
                let name = variable_name(&rest[..end])?;
                out.extend_from_slice(lookup(name, variables).ok_or_else(|| unset(name))?);
                rest = &rest[end..];
            }
        }
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Writes the home directory for a leading `~`; returns what follows it.
fn expand_tilde<'a>(
    text: &'a [u8],
    variables: &Variables<'_>,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], Problem> {
    let Some(rest) = text.strip_prefix(b"~") else { return Ok(text) };
    if !matches!(rest.first(), None | Some(b'/')) {
        return Err(Problem::new("the home of another user cannot be looked up")
            .help("write the whole path, or `./~` for a file of that name"));
    }
    let Some(home) = variables.home else {
        return Err(
            Problem::new("there is no home directory").help("set `HOME`, or write the whole path")
        );
    };
    out.extend_from_slice(home.as_path().as_os_str().as_bytes());
    Ok(rest)
}

/// Splits what follows `${` at the brace that closes it.
fn braces(text: &[u8]) -> Result<(&[u8], &[u8]), Problem> {
    let mut open = 1;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'{' if at > 0 && text[at - 1] == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok((&text[..at], &text[at + 1..]));
        }
    }
    Err(Problem::new("`${` has no `}`").help("write `$$` for a dollar"))
}

/// `VAR` or `VAR:-default`.
fn expand_braces(
    inside: &[u8],
    variables: &Variables<'_>,
    depth: usize,
) -> Result<Vec<u8>, Problem> {
    let end = inside.iter().position(|byte| !is_word(*byte)).unwrap_or(inside.len());
    let name = variable_name(&inside[..end])?;
    let default = match &inside[end..] {
        [] => None,
        [b':', b'-', default @ ..] => Some(default),
        _ => {
            return Err(Problem::new(format!("`{}` is not understood", lossy(inside)))
                .help("write `${VAR}` or `${VAR:-default}`"));
        }
    };
    match (lookup(name, variables), default) {
        (Some(value), _) => Ok(value.to_vec()),
        (None, Some(default)) => expand_bytes(default, variables, depth + 1),
        (None, None) => Err(unset(name)),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn variable_name(name: &[u8]) -> Result<&[u8], Problem> {
    match name.first() {
        Some(first) if !first.is_ascii_digit() => Ok(name),
        Some(_) | None => {
            Err(Problem::new("`$` has no name after it").help("write `$$` for a dollar"))
        }
    }
}

fn lookup<'a>(name: &[u8], variables: &Variables<'a>) -> Option<&'a [u8]> {
    let value = match name {
        b"PROJECT" => variables.project.as_path().as_os_str(),
        b"HOME" => variables.home?.as_path().as_os_str(),
        _ => variables.environment.get(OsStr::from_bytes(name))?,
    };
    Some(value.as_bytes()).filter(|value| !value.is_empty())
}

fn unset(name: &[u8]) -> Problem {
    let name = lossy(name);
    Problem::new(format!("the variable `{name}` is not set, or empty"))
        .help(format!("set it, or write `${{{name}:-default}}`"))
}

fn lossy(bytes: &[u8]) -> String {
    OsString::from_vec(bytes.to_vec()).display().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::{Located, Origin};
    use crate::profile::{IoLimit, Rule};

    fn path(text: impl Into<OsString>) -> PathText {
        PathText { text: text.into(), base: Base::WorkingDirectory }
    }

    /// Expands with a home, a working directory, and a few variables.
    fn expanded(path: &PathText) -> Result<AbsolutePath, Unexpanded> {
        let absolute = |path| AbsolutePath::new(path).unwrap();
        let (home, workdir, project) =
            (absolute("/home/ann"), absolute("/home/ann/code/src"), absolute("/home/ann/code"));
        let environment = [("OUT", "/out"), ("REL", "target"), ("EMPTY", ""), ("HOME", "/wrong")]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        expand(
            path,
            &Variables {
                home: Some(&home),
                workdir: &workdir,
                project: &project,
                environment: &environment,
            },
        )
    }

    #[test]
    fn paths_are_expanded() {
        for (text, meant) in [
            (".", "/home/ann/code/src"),
            ("../x", "/home/ann/code/x"),
            ("~", "/home/ann"),
            ("~/.cargo", "/home/ann/.cargo"),
            ("./~", "/home/ann/code/src/~"),
            ("/a/~", "/a/~"),
            ("$HOME/x", "/home/ann/x"),
            ("$PROJECT/.git", "/home/ann/code/.git"),
            ("${PROJECT}x", "/home/ann/codex"),
            ("$OUT", "/out"),
            ("$OUT/$REL", "/out/target"),
            ("$REL", "/home/ann/code/src/target"),
            ("${OUT:-/else}", "/out"),
            ("${NONE:-/else}", "/else"),
            ("${EMPTY:-/else}", "/else"),
            ("${NONE:-~/.cargo}/bin", "/home/ann/.cargo/bin"),
            ("${NONE:-${ALSO_NONE:-$OUT/x}}/y", "/out/x/y"),
            ("${NONE:-}x", "/home/ann/code/src/x"),
            ("/a$$b", "/a$b"),
            ("/{a}", "/{a}"),
        ] {
            assert_eq!(expanded(&path(text)), Ok(AbsolutePath::new(meant).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_explained() {
        let other = "the home of another user cannot be looked up";
        for (text, because) in [
            ("$NONE/x", "the variable `NONE` is not set, or empty"),
            ("$EMPTY/", "the variable `EMPTY` is not set, or empty"),
            ("${NONE}", "the variable `NONE` is not set, or empty"),
            ("~bob/x", other),
            ("${NONE:-~bob}", other),
            ("$", "`$` has no name after it"),
            ("$/x", "`$` has no name after it"),
            ("$1", "`$` has no name after it"),
            ("${}", "`$` has no name after it"),
            ("${OUT", "`${` has no `}`"),
            ("${OUT-x}", "`OUT-x` is not understood"),
            ("${NONE:-}", "nothing is left of it"),
            ("a\0b", "it holds a NUL byte"),
        ] {
            assert_eq!(expanded(&path(text)).unwrap_err().because, because, "{text}");
        }
        let nested = format!("{}x{}", "${A:-".repeat(100), "}".repeat(100));
        let because = expanded(&path(nested)).unwrap_err().because;
        assert_eq!(because, "its defaults are nested too deeply");
    }

    #[test]
    fn without_a_home_only_what_needs_it_fails() {
        let root = AbsolutePath::root();
        let environment = BTreeMap::new();
        let variables =
            Variables { home: None, workdir: &root, project: &root, environment: &environment };
        assert_eq!(expand(&path("x"), &variables), Ok(root.join("x")));
        let diagnostic = Diagnostic::from(expand(&path("~/x"), &variables).unwrap_err());
        assert_eq!(diagnostic.title, "cannot expand `~/x`");
        assert_eq!(diagnostic.because.as_deref(), Some("there is no home directory"));
        assert!(expand(&path("$HOME/x"), &variables).is_err());
    }

    #[test]
    fn a_relative_path_starts_at_its_base() {
        let at = |base: &str| {
            let path = PathText { text: "../rootfs".into(), base: Base::Directory(base.into()) };
            expanded(&path).unwrap().to_string()
        };
        assert_eq!(at("/etc/jail/profiles"), "/etc/jail/rootfs");
        assert_eq!(at("profiles"), "/home/ann/code/src/rootfs");
        assert_eq!(at(""), "/home/ann/code/rootfs");
    }

    #[test]
    fn only_a_profile_with_the_project_mentions_it() {
        let mut profile = Profile::default();
        let rule =
            |path, grant| Located::new(Rule { path, grant, optional: false }, Origin::BuiltIn);
        profile.filesystem.rules.push(rule(path("$OUT"), Grant::Read));
        assert!(!mentions_project(&profile));
        let mut limited = profile.clone();
        let device = IoLimit {
            path: path("$PROJECT"),
            read: None,
            write: None,
            read_ops: Some(1),
            write_ops: None,
        };
        limited.limits.io.push(Located::new(device, Origin::BuiltIn));
        assert!(mentions_project(&limited));
        let from = path("${PROJECT:-.}/x");
        profile.filesystem.rules.push(rule(path("/x"), Grant::Bind { from, write: false }));
        assert!(mentions_project(&profile));
    }

    proptest! {
        #[test]
        fn any_bytes_are_expanded_or_refused(bytes in vec(any::<u8>(), 0..40)) {
            let text = path(OsString::from_vec(bytes));
            if let Err(unexpanded) = expanded(&text) {
                prop_assert_eq!(unexpanded.text, text.text);
            }
        }

        #[test]
        fn a_dollar_doubled_is_itself(bytes in vec(1..=255_u8, 1..40)) {
            let doubled = bytes.iter().flat_map(|byte| {
                vec![*byte; if *byte == b'$' { 2 } else { 1 }]
            });
            let text = b"/".iter().copied().chain(doubled).collect();
            let plain = Path::new("/").join(OsStr::from_bytes(&[b"/", &bytes[..]].concat()));
            prop_assert_eq!(
                expanded(&path(OsString::from_vec(text))).ok(),
                AbsolutePath::new(plain)
            );
        }
    }
}
