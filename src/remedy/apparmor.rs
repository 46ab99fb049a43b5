//! A profile of AppArmor for this very program.

use std::path::Path;

use super::{Fix, Surroundings};

/// Where root alone can write, on every distribution.
const SAFE: &str = "/usr/local/bin/jail";

/// Lets this program make user namespaces, and restricts it in nothing: the sandbox is its own work.
///
/// The profile is for a path. Whoever can put another program there has what the distribution meant to
/// keep from him, so that a program of the caller's own is installed elsewhere first.
pub fn profile(surroundings: &Surroundings) -> Option<Fix> {
    let here = surroundings.program.as_deref()?;
    let path = quotable(here)?;
    let fix = if surroundings.is_replaceable {
        let title = "install this program where root alone can write, for whoever can replace it could \
                     do what it may; and give that one a profile of AppArmor's";
        let install = format!("install -m 0755 \"{path}\" {SAFE}");
        lines(Fix::new(title).line(surroundings.as_root(&install)), SAFE, surroundings)
    } else {
        let title = "give this program a profile of AppArmor's, which holds for its path alone";
        lines(Fix::new(title), path, surroundings)
    };
    Some(fix)
}

fn lines(fix: Fix, path: &str, surroundings: &Surroundings) -> Fix {
    let write = surroundings.as_root("tee /etc/apparmor.d/jail");
    fix.line(format!("{write} >/dev/null <<'END'"))
        .line("abi <abi/4.0>,")
        .line("include <tunables/global>")
        .line(format!("profile jail \"{path}\" flags=(unconfined) {{"))
        .line("  userns,")
        .line("  include if exists <local/jail>")
        .line("}")
        .line("END")
        .line(surroundings.as_root("apparmor_parser -r /etc/apparmor.d/jail"))
}

/// A path that means itself in such a profile. In another one a character would be a pattern, or
/// end what is quoted.
fn quotable(path: &Path) -> Option<&str> {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@ ".contains(c);
    path.to_str().filter(|path| path.starts_with('/') && path.chars().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::Distribution;
    use crate::remedy::forbidden::tests::{shown, surroundings};

    #[test]
    fn only_paths_without_patterns_are_quoted() {
        assert_eq!(quotable(Path::new("/usr/bin/jail")), Some("/usr/bin/jail"));
        assert_eq!(quotable(Path::new("/home/a b/jail-1.0")), Some("/home/a b/jail-1.0"));
        for odd in ["/x/*", "/x/@{HOME}", "/x/\"", "/x/\n", "/x/\u{1b}", "x", "/x/[a]", "/x/$(y)"] {
            assert_eq!(quotable(Path::new(odd)), None, "{odd:?}");
        }
    }

    /// Where the caller can put another program in its place, it is installed elsewhere first.
    #[test]
    fn no_profile_is_for_a_path_that_the_caller_can_write_to() {
        let mut surroundings = surroundings(Distribution::Ubuntu);
        let of = |path: &str| {
            format!(
                "    sudo tee /etc/apparmor.d/jail >/dev/null <<'END'\n    \
                 abi <abi/4.0>,\n    \
                 include <tunables/global>\n    \
                 profile jail \"{path}\" flags=(unconfined) {{\n      \
                 userns,\n      \
                 include if exists <local/jail>\n    \
                 }}\n    \
                 END\n    \
                 sudo apparmor_parser -r /etc/apparmor.d/jail\n"
            )
        };
        let title = "give this program a profile of AppArmor's, which holds for its path alone\n";
        let fix = profile(&surroundings).expect("the path is plain");
        assert_eq!(shown(&[fix]), format!("{title}{}", of("/opt/jail")));
        surroundings.is_replaceable = true;
        let title = "install this program where root alone can write, for whoever can replace it \
                     could do what it may; and give that one a profile of AppArmor's\n    \
                     sudo install -m 0755 \"/opt/jail\" /usr/local/bin/jail\n";
        let fix = profile(&surroundings).expect("the path is plain");
        assert_eq!(shown(&[fix]), format!("{title}{}", of("/usr/local/bin/jail")));
    }
}
