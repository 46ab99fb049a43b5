//! What cannot be had without namespaces, but for files.

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile::{Ids, NetworkMode, Root, RootMode, SeccompPolicy, User};

use super::super::Drawing;

/// The first ABI that keeps signals inside. Nothing else does without a pid namespace.
const SIGNALS: u32 = 6;

/// Refuses each thing that the profile asks for and that needs a namespace.
pub(super) fn refuse(drawing: &mut Drawing) {
    let errors: Vec<Diagnostic> = kernel(drawing)
        .into_iter()
        .chain(walls(drawing))
        .chain(files(drawing))
        .chain(network(drawing))
        .chain(process(drawing))
        .collect();
    drawing.errors.extend(errors);
}

fn refused(what: &str, origin: &Origin, help: &str) -> Diagnostic {
    Diagnostic::error(format!("{what} without namespaces")).at(origin).help(help)
}

fn kernel(drawing: &Drawing) -> Option<Diagnostic> {
    let abi = drawing.host.kernel.landlock_abi;
    if abi >= SIGNALS {
        return None;
    }
    let has = match abi {
        0 => "it has no Landlock".to_owned(),
        abi => format!("its Landlock has ABI {abi}"),
    };
    Some(
        Diagnostic::error("this kernel cannot hold a command without namespaces")
            .because(format!(
                "{has}; only from ABI {SIGNALS} on no signal leads out, to other processes of yours"
            ))
            .help(
                "use Linux 6.12 or newer with Landlock, or a machine that allows user namespaces",
            ),
    )
}

/// There is nothing behind these walls.
fn walls(drawing: &Drawing) -> Vec<Diagnostic> {
    let profile = drawing.profile;
    let off = |value: &Option<Located<bool>>, wanted| {
        value.as_ref().filter(|it| it.value == wanted).map(|it| it.origin.clone())
    };
    let landlock = off(&profile.landlock.enabled, false)
        .map(|origin| refused("Landlock cannot be off", &origin, "leave Landlock on"));
    let policy = profile.seccomp.policy.as_ref();
    let seccomp = policy.filter(|policy| policy.value == SeccompPolicy::Off).map(|policy| {
        refused("the filter cannot be off", &policy.origin, "take the policy `default`")
    });
    let nesting = off(&profile.process.nesting, true)
        .map(|origin| refused("nested namespaces cannot be had", &origin, "leave `nesting` off"));
    let kept = profile.capabilities.keep.first().map(|kept| {
        let what = format!("`{}` cannot be kept", kept.value);
        refused(&what, &kept.origin, "do without the capability: it would be one over the host")
    });
    [landlock, seccomp, nesting, kept].into_iter().flatten().collect()
}

fn files(drawing: &Drawing) -> Vec<Diagnostic> {
    let filesystem = &drawing.profile.filesystem;
    let root = filesystem.root.as_ref().and_then(|root| {
        let what = match &root.value {
            Root::Host => return None,
            Root::Empty => "an empty root cannot be had",
            Root::Directory(_) => "another root cannot be had",
            Root::Image(_) => "an image cannot be run",
        };
        Some(refused(what, &root.origin, "use `root = \"host\"`"))
    });
    let mode = filesystem.root_mode.as_ref().filter(|mode| mode.value != RootMode::ReadOnly);
    let mode = mode.map(|mode| {
        refused("the root cannot be writable", &mode.origin, "use `root-mode = \"read-only\"`")
    });
    root.into_iter().chain(mode).collect()
}

fn network(drawing: &Drawing) -> Vec<Diagnostic> {
    let network = &drawing.profile.network;
    let mode = drawing.network();
    let is_shared = matches!(mode.value, NetworkMode::None | NetworkMode::Host);
    let mode = (!is_shared).then(|| {
        let what = format!("network mode `{}` cannot be had", mode.value.name());
        refused(&what, &mode.origin, "use `none`, or `host`, where `allow` can name ports: `*:443`")
    });
    let publish = network.publish.first().map(|first| {
        let what = format!("`{}` cannot be published", first.value);
        refused(&what, &first.origin, "use `mode = \"host\"`, and listen on that port")
    });
    let etc = "leave it out: the command sees the host's own files in /etc";
    let hosts = network.hosts.values().next();
    let hosts = hosts.map(|first| refused("`hosts` cannot be had", &first.origin, etc));
    let dns = network.dns.first().map(|first| refused("`dns` cannot be had", &first.origin, etc));
    [mode, publish, hosts, dns].into_iter().flatten().collect()
}

fn process(drawing: &Drawing) -> Vec<Diagnostic> {
    let process = &drawing.profile.process;
    let identity = &drawing.host.identity;
    let user = process.user.as_ref().filter(|user| match user.value {
        User::Keep => false,
        User::Root => (identity.uid, identity.gid) != (0, 0),
        User::Ids { uid, gid } => (identity.uid, identity.gid) != (uid, gid),
    });
    let user = user.map(|user| {
        refused("the command cannot be another user", &user.origin, "use `user = \"keep\"`")
    });
    let ids = process.ids.as_ref().filter(|ids| ids.value == Ids::Subuid).map(|ids| {
        refused("more ids than one cannot be had", &ids.origin, "use `ids = \"single\"`")
    });
    let hostname = process.hostname.as_ref().map(|name| {
        refused("the host name cannot be another", &name.origin, "leave `hostname` out")
    });
    [user, ids, hostname].into_iter().flatten().collect()
}
