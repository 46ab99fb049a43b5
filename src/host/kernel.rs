//! What the kernel can do.

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::sys;

use super::Kernel;

/// Asks the kernel for its version and for its Landlock ABI.
pub fn survey() -> Result<Kernel, Diagnostic> {
    let name = nix::sys::utsname::uname().map_err(|errno| {
        Diagnostic::error("cannot ask for the version of the kernel").because(errno_cause(errno))
    })?;
    let text = name.release().to_string_lossy();
    let release = parse_release(&text).ok_or_else(|| {
        Diagnostic::error(format!("cannot read the version of the kernel, `{text}`"))
            .because("it does not begin with two numbers, as `6.12.1` does")
    })?;
    let landlock_abi = sys::landlock_abi().map_err(|errno| {
        Diagnostic::error("cannot ask the kernel for its Landlock ABI").because(errno_cause(errno))
    })?;
    Ok(Kernel { release, landlock_abi })
}

fn parse_release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        assert_eq!(parse_release("6.18.0-rc1+"), Some((6, 18)));
        assert_eq!(parse_release("5.15-generic"), Some((5, 15)));
        assert_eq!(parse_release("six"), None);
    }
}
