//! What stays hidden below a granted /sys.

use crate::diagnostic::Origin;
use crate::host::{FileKind, system};
use crate::plan::Mount;
use crate::profile::NetworkMode;
use crate::units::AbsolutePath;

use super::Drawing;
use super::tree::{Placement, Rank, Tree};

/// Masks what is sensitive, unless a rule is about that very path.
pub(super) fn hide(drawing: &Drawing, tree: &mut Tree) {
    let sys = AbsolutePath::root().join("sys");
    if !tree.keys().any(|path| sys.contains(path)) {
        return;
    }
    // sysfs shows the interfaces of the namespace that it was mounted in.
    let network: &[&str] = match drawing.network().value {
        NetworkMode::None | NetworkMode::Nat | NetworkMode::Allow | NetworkMode::Namespace(_) => {
            &system::SYS_NETWORK
        }
        NetworkMode::Host => &[],
    };
    let fixed = system::SYS_HIDDEN.iter().chain(network).filter_map(AbsolutePath::new);
    let throttles = drawing.host.files.keys().filter(|path| {
        path.as_path().starts_with(system::SYS_CPUS)
            && path.as_path().ends_with(system::SYS_CPU_HIDDEN)
    });
    let hidden: Vec<AbsolutePath> = fixed.chain(throttles.cloned()).collect();
    for path in hidden {
        let fact = drawing.host.fact(&path);
        let directory = match fact.kind {
            FileKind::Missing => continue,
            FileKind::Directory | FileKind::Unreachable(_) => true,
            _ => false,
        };
        tree.entry(fact.canonical).or_insert(Placement {
            mount: Mount::Mask { directory },
            origin: Origin::BuiltIn,
            kind: fact.kind,
            links: Vec::new(),
            rank: Rank::BuiltIn,
        });
    }
}
