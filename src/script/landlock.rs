//! A ruleset of the plan as access rights of this kernel's ABI.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort,
    Ruleset as Builder, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, errno_cause, kernel_errno};
use crate::plan::{Access, Ruleset};

/// The newest ABI of the library that this kernel has as well.
///
/// Rights that are newer than the library stay unhandled: Landlock leaves those alone.
pub fn abi_of(ruleset: &Ruleset) -> ABI {
    match ruleset.abi {
        0 => ABI::Unsupported,
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6 => ABI::V6,
        7 => ABI::V7,
        8 => ABI::V8,
        _ => ABI::V9,
    }
}

/// A ruleset that refuses every file system access, signals and abstract sockets to outside if `scoped`, and
/// connections to all ports but those named, if any are.
///
/// Every right asked for is a hard requirement: the library must not leave any out in silence.
pub fn create(ruleset: &Ruleset) -> Result<RulesetCreated, Diagnostic> {
    let abi = abi_of(ruleset);
    let build = || {
        let mut builder = Builder::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(abi))?;
        if ruleset.scoped {
            builder = builder.scope(Scope::from_all(abi))?;
        }
        let Some(ports) = &ruleset.ports else { return builder.create() };
        builder = builder.handle_access(AccessNet::ConnectTcp)?;
        let rules = ports.iter().map(|port| Ok(NetPort::new(*port, AccessNet::ConnectTcp)));
        builder.create()?.add_rules(rules)
    };
    build().map_err(|error| refused(&error))
}

/// A ruleset about nothing but signals: none leads out.
pub fn signals() -> Result<RulesetCreated, Diagnostic> {
    let builder = Builder::default().set_compatibility(CompatLevel::HardRequirement);
    builder.scope(Scope::Signal).and_then(Builder::create).map_err(|error| refused(&error))
}

/// Where no call failed, the library knows why.
fn refused(error: &landlock::RulesetError) -> Diagnostic {
    let errno = kernel_errno(error);
    let because = errno.map_or_else(|| error.to_string(), errno_cause);
    let diagnostic = Diagnostic::error("cannot create the Landlock ruleset").because(because);
    match errno {
        Some(Errno::ENOMEM) => {
            diagnostic.help("free some memory, or raise the limit of this container")
        }
        Some(Errno::EMFILE | Errno::ENFILE) => {
            diagnostic.help("raise the limit of open files: ulimit -n 64")
        }
        _ => diagnostic,
    }
}

/// The rights for `access` on a directory, and on a file.
pub fn rights(access: Access, abi: ABI) -> (BitFlags<AccessFs>, BitFlags<AccessFs>) {
    let read = AccessFs::ReadDir | AccessFs::ReadFile | AccessFs::Execute;
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev;
    let change = AccessFs::WriteFile | AccessFs::Truncate;
    let wanted = match access {
        Access::List => AccessFs::ReadDir.into(),
        Access::Read => read,
        Access::Write => AccessFs::from_all(abi) & !devices,
        Access::ReadWrite => read | change | AccessFs::IoctlDev,
        Access::ReadFile => AccessFs::ReadFile.into(),
        Access::WriteFile => change,
        Access::ReadWriteFile => change | AccessFs::ReadFile | AccessFs::IoctlDev,
    };
    let handled = wanted & AccessFs::from_all(abi);
    (handled, handled & AccessFs::from_file(abi))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_grant_never_makes_devices() {
        let (directory, file) = rights(Access::Write, ABI::V7);

        assert!(directory.contains(AccessFs::MakeReg | AccessFs::Refer));
        assert!(!directory.intersects(AccessFs::MakeChar | AccessFs::MakeBlock));
        assert!(!file.contains(AccessFs::IoctlDev));
    }

    #[test]
    fn rights_stay_within_the_abi() {
        let (_, file) = rights(Access::WriteFile, ABI::V1);

        assert_eq!(file, AccessFs::WriteFile);
    }
}
