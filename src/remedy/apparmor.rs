//! A profile of AppArmor for this very program.

use std::path::Path;

use super::{Fix, Surroundings};

/// Lets this program make user namespaces, and restricts it in nothing: the sandbox is its own work.
pub fn profile(surroundings: &Surroundings) -> Option<Fix> {
    let path = quotable(surroundings.program.as_deref()?)?;
    let write = surroundings.as_root("tee /etc/apparmor.d/jail");
    Some(
        Fix::new("give this program a profile of AppArmor's, which holds for its path alone")
            .line(format!("{write} >/dev/null <<'END'"))
            .line("abi <abi/4.0>,")
            .line("include <tunables/global>")
            .line(format!("profile jail \"{path}\" flags=(unconfined) {{"))
            .line("  userns,")
            .line("  include if exists <local/jail>")
            .line("}")
            .line("END")
            .line(surroundings.as_root("apparmor_parser -r /etc/apparmor.d/jail")),
    )
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

    #[test]
    fn only_paths_without_patterns_are_quoted() {
        assert_eq!(quotable(Path::new("/usr/bin/jail")), Some("/usr/bin/jail"));
        assert_eq!(quotable(Path::new("/home/a b/jail-1.0")), Some("/home/a b/jail-1.0"));
        for odd in ["/x/*", "/x/@{HOME}", "/x/\"", "/x/\n", "/x/\u{1b}", "x", "/x/[a]"] {
            assert_eq!(quotable(Path::new(odd)), None, "{odd:?}");
        }
    }
}
