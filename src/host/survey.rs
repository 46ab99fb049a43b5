//! The one look at the machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, cause};
use crate::image::Rootfs;
use crate::profile::project::directory_of;
use crate::profile::{
    Grant, NetworkMode, PathText, Profile, Root, Rule, SeccompPolicy, expand, mentions_project,
};
use crate::units::AbsolutePath;

use super::system::GENERATED;
use super::walk::Walker;
use super::{
    FileFact, FileKind, Host, accounts, bare, cgroups, descriptors, devices, hugepages, identity,
    kernel, mounts, network, overlays, rlimits, subids, system, workdir::workdir,
};

/// Reads all facts that a plan for `profile` needs, and nothing else. `rootfs` is the image that the
/// profile names, if it names one.
///
/// A path that cannot be expanded is passed over here: the plan says what is wrong with it.
pub fn survey(profile: &Profile, rootfs: Option<&Rootfs>) -> Result<Host, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut walker = Walker::new(Path::new("/"));
    let environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let identity = identity::survey(&environment, &mut walker);
    let workdir = keep(workdir(), &mut errors);
    let kernel = keep(kernel::survey(), &mut errors);
    let subids = match &profile.process.ids {
        Some(ids) => subids::survey(ids, &identity, &environment).unwrap_or_else(|missing| {
            errors.extend(missing);
            None
        }),
        None => None,
    };
    let (Some(workdir), Some(kernel)) = (workdir, kernel) else { return Err(errors) };
    let project = if mentions_project(profile) { directory_of(&workdir) } else { workdir.clone() };
    let wanted = profile.limits.need_a_cgroup();
    let network = network::survey(profile, &environment);
    let cgroups = wanted.then(|| cgroups::survey(identity.uid, &environment));
    let mut host = Host {
        cgroups,
        identity,
        workdir,
        project,
        environment,
        kernel,
        rlimits: keep(rlimits::survey(), &mut errors).unwrap_or_default(),
        subids,
        network,
        descriptors: descriptors::survey(profile),
        seccomp: None,
        interfaces: keep(interfaces(profile), &mut errors).unwrap_or_default(),
        block_devices: BTreeMap::new(),
        files: BTreeMap::new(),
        rootfs: BTreeMap::new(),
        accounts: None,
        no_overlay: overlays::survey(profile, rootfs),
        stores: Vec::new(),
        unmade_stores: Vec::new(),
        bare: None,
    };
    host.bare = keep(bare::survey(profile, &host), &mut errors).flatten();
    errors.extend(hugepages::inherited(profile));
    host.seccomp = keep(policy(profile, &host), &mut errors).flatten();
    match devices::survey(profile, &host) {
        Ok(devices) => host.block_devices = devices,
        Err(untold) => errors.extend(untold),
    }
    survey_files(profile, rootfs, &mut host, &mut walker);
    if errors.is_empty() { Ok(host) } else { Err(errors) }
}

fn keep<T>(result: Result<T, Diagnostic>, errors: &mut Vec<Diagnostic>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn interfaces(profile: &Profile) -> Result<Vec<AbsolutePath>, Diagnostic> {
    let more = hugepages::refused(profile).map(|_| hugepages::FILE_SYSTEM);
    mounts::survey(more).map_err(|error| {
        Diagnostic::error("cannot tell what is mounted")
            .because(format!("/proc/self/mountinfo: {}", cause(&error)))
            .help("mount /proc on the host: `mount -t proc proc /proc`")
    })
}

fn policy(profile: &Profile, host: &Host) -> Result<Option<Arc<Source>>, Diagnostic> {
    let Some(policy) = &profile.seccomp.policy else { return Ok(None) };
    let SeccompPolicy::File(text) = &policy.value else { return Ok(None) };
    let name = text.text.to_string_lossy().into_owned();
    let refuse = |because: String| {
        Diagnostic::error(format!("cannot read the seccomp policy `{name}`"))
            .at(&policy.origin)
            .because(because)
    };
    let path = expand(text, &host.variables())
        .map_err(|error| Diagnostic::from(error).at(&policy.origin))?;
    let text = std::fs::read_to_string(path.as_path()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => refuse("no such file [ENOENT]".into()).help("create it"),
        _ => refuse(cause(&error)),
    })?;
    Ok(Some(Arc::new(Source { name, text })))
}

fn survey_files(profile: &Profile, image: Option<&Rootfs>, host: &mut Host, walker: &mut Walker) {
    let versioned = java_settings();
    let private = system::PRIVATE.iter().map(|(path, _)| *path);
    let private = private.chain([system::VAR_RUN]).filter_map(AbsolutePath::new);
    let mut paths: Vec<AbsolutePath> =
        system::entries(&host.files, &profile.network, &host.network);
    paths.extend(private.chain(versioned));
    if host.bare.is_some() {
        paths.extend(system::BARE.iter().filter_map(AbsolutePath::new));
    }
    paths.extend(host.identity.home.clone());
    paths.push(host.workdir.clone());
    paths.extend(host.interfaces.iter().cloned());
    let targets = mentioned(profile, host);
    paths.extend(targets.iter().cloned());
    if targets.iter().any(|path| AbsolutePath::root().join("sys").contains(path)) {
        paths.extend(below_sys());
    }
    for path in paths {
        look(&mut host.files, walker, &path);
    }
    // A bind may show a mentioned place a second time, under its name without links.
    let places: Vec<AbsolutePath> = targets.iter().map(|path| host.fact(path).canonical).collect();
    for path in places {
        look(&mut host.files, walker, &path);
    }
    look_into_device_directories(profile, host, walker);
    // A rule below a bind finds its mount point in the directory that is bound.
    for path in sources_below_binds(profile, host) {
        look(&mut host.files, walker, &path);
    }
    survey_stores(profile, host, walker);
    if let Some(image) = image {
        survey_image(image, host, &targets);
    } else {
        survey_directory(profile, host, &targets);
    }
}

fn look(files: &mut BTreeMap<AbsolutePath, FileFact>, walker: &mut Walker, path: &AbsolutePath) {
    if !files.contains_key(path) {
        let fact = walker.fact(path);
        files.insert(path.clone(), fact);
    }
}

/// A directory among the devices (`/dev/dri`) stands for the nodes in it.
fn look_into_device_directories(profile: &Profile, host: &mut Host, walker: &mut Walker) {
    for device in &profile.filesystem.devices {
        let Ok(path) = expand(&device.value, &host.variables()) else { continue };
        let fact = host.fact(&path);
        if fact.kind != FileKind::Directory {
            continue;
        }
        // One that cannot be listed shows no nodes, which the plan refuses.
        let Ok(listing) = std::fs::read_dir(fact.canonical.as_path()) else { continue };
        for node in listing.flatten().filter_map(|entry| AbsolutePath::new(entry.path())) {
            look(&mut host.files, walker, &node);
        }
    }
}

/// The directories in /etc that belong to the Java machines in /usr/lib/jvm: Debian names
/// those after the version and the architecture, these after the version.
fn java_settings() -> Vec<AbsolutePath> {
    let Ok(listing) = std::fs::read_dir(system::JAVA_MACHINES) else { return Vec::new() };
    let settings = listing.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let version = name.to_str()?.rsplit_once('-')?.0;
        let known = version.starts_with(system::JAVA_SETTINGS);
        known.then(|| AbsolutePath::root().join("etc").join(version))
    });
    settings.collect()
}

/// Returns every path that the profile names, those of the host and those inside.
fn mentioned(profile: &Profile, host: &Host) -> Vec<AbsolutePath> {
    let variables = host.variables();
    let mut texts: Vec<&PathText> = Vec::new();
    for rule in &profile.filesystem.rules {
        texts.push(&rule.value.path);
        if let Grant::Bind { from, .. } = &rule.value.grant {
            texts.push(from);
        }
    }
    texts.extend(profile.filesystem.devices.iter().map(|device| &device.value));
    texts.extend(profile.process.workdir.as_ref().map(|workdir| &workdir.value));
    if let Some(Root::Directory(directory)) = profile.filesystem.root.as_ref().map(|r| &r.value) {
        texts.push(directory);
    }
    if let Some(SeccompPolicy::File(file)) = profile.seccomp.policy.as_ref().map(|p| &p.value) {
        texts.push(file);
    }
    if let Some(NetworkMode::Namespace(file)) = profile.network.mode.as_ref().map(|m| &m.value) {
        texts.push(file);
    }
    let named = texts.into_iter().filter_map(|text| expand(text, &variables).ok());
    named.chain(profile.files.iter().map(|file| host.workdir.join(file))).collect()
}

fn sources_below_binds(profile: &Profile, host: &Host) -> Vec<AbsolutePath> {
    let place = |text: &PathText| {
        let path = expand(text, &host.variables()).ok()?;
        Some(host.fact(&path).canonical)
    };
    let rules = &profile.filesystem.rules;
    let mut sources = Vec::new();
    for bind in rules {
        let Grant::Bind { from, .. } = &bind.value.grant else { continue };
        let (Some(from), Some(to)) = (place(from), place(&bind.value.path)) else { continue };
        let targets = rules.iter().filter_map(|rule| place(&rule.value.path));
        let others = host.identity.home.iter().chain([&host.workdir]).cloned();
        let workdir = profile.process.workdir.iter().filter_map(|workdir| place(&workdir.value));
        let below = targets
            .chain(others)
            .chain(workdir)
            .filter_map(|path| path.as_path().strip_prefix(&to).ok().map(|rest| from.join(rest)));
        sources.extend(below);
    }
    sources
}

fn below_sys() -> Vec<AbsolutePath> {
    let mut paths: Vec<AbsolutePath> = system::SYS_HIDDEN
        .iter()
        .chain(&system::SYS_NETWORK)
        .filter_map(AbsolutePath::new)
        .collect();
    // Without /sys here there is nothing to hide either.
    let Ok(listing) = std::fs::read_dir(system::SYS_CPUS) else { return paths };
    let throttles = listing.flatten().filter(|entry| {
        let name = entry.file_name();
        let number = name.as_bytes().strip_prefix(b"cpu").unwrap_or_default();
        number.first().is_some_and(u8::is_ascii_digit)
    });
    paths.extend(
        throttles.filter_map(|cpu| AbsolutePath::new(cpu.path().join(system::SYS_CPU_HIDDEN))),
    );
    paths
}

/// Finds those of our own directories that a rule shows, or a part of which.
fn survey_stores(profile: &Profile, host: &mut Host, walker: &mut Walker) {
    let variables = host.variables();
    let text = |rule: &Rule| match &rule.grant {
        Grant::Bind { from, write } => Some((expand(from, &variables).ok()?, *write)),
        Grant::Write => Some((expand(&rule.path, &variables).ok()?, true)),
        Grant::Read | Grant::Overlay => Some((expand(&rule.path, &variables).ok()?, false)),
        Grant::Mask | Grant::Tmpfs { .. } => None,
    };
    let shown = profile.filesystem.rules.iter().filter_map(|rule| {
        let (path, write) = text(&rule.value)?;
        Some((host.fact(&path).canonical, write))
    });
    let shown: Vec<(AbsolutePath, bool)> = shown.collect();
    for store in crate::image::directories() {
        let place = walker.fact(&store).canonical;
        if shown.iter().any(|(shown, _)| shown.contains(&place) || place.contains(shown)) {
            look(&mut host.files, walker, &place);
            let could_be_made = shown.iter().any(|(above, write)| *write && above.contains(&place));
            if could_be_made && host.fact(&place).kind == FileKind::Missing {
                let there = FileFact { kind: FileKind::Directory, ..host.fact(&place) };
                host.files.insert(place.clone(), there);
                host.unmade_stores.push(place.clone());
            }
            host.stores.push(place);
        }
    }
}

/// Looks at the mount points inside an image, and at who is known in it.
fn survey_image(image: &Rootfs, host: &mut Host, targets: &[AbsolutePath]) {
    let mut walker = Walker::in_layers(image.seen());
    let mut paths: Vec<AbsolutePath> = GENERATED.iter().filter_map(AbsolutePath::new).collect();
    paths.extend(image.image.config.working_dir.iter().filter_map(AbsolutePath::new));
    survey_rootfs(host, &mut walker, targets, paths);
    host.accounts = Some(accounts::survey(&mut walker));
}

/// Looks at the mount points inside a directory root.
fn survey_directory(profile: &Profile, host: &mut Host, targets: &[AbsolutePath]) {
    let Some(Root::Directory(text)) = profile.filesystem.root.as_ref().map(|root| &root.value)
    else {
        return;
    };
    let Ok(directory) = expand(text, &host.variables()) else { return };
    let directory = host.fact(&directory).canonical;
    let inside = host.interfaces.iter().filter_map(|interface| {
        let rest = interface.as_path().strip_prefix(directory.as_path()).ok()?;
        Some(AbsolutePath::root().join(rest))
    });
    let paths = inside.collect();
    survey_rootfs(host, &mut Walker::new(directory.as_path()), targets, paths);
}

/// Looks inside of a root whose links lead elsewhere than here.
fn survey_rootfs(
    host: &mut Host,
    walker: &mut Walker,
    targets: &[AbsolutePath],
    mut paths: Vec<AbsolutePath>,
) {
    let private = system::PRIVATE.iter().map(|(path, _)| *path);
    paths.extend(private.chain(system::PROVIDED).filter_map(AbsolutePath::new));
    paths.extend(host.identity.home.clone());
    paths.push(host.workdir.clone());
    for fact in targets.iter().map(|path| host.fact(path)) {
        paths.extend(fact.links.into_iter().map(|link| link.path));
        paths.push(fact.canonical);
    }
    for path in paths {
        look(&mut host.rootfs, walker, &path);
        // What is mounted there is mounted where the links lead.
        let place = host.rootfs[&path].canonical.clone();
        look(&mut host.rootfs, walker, &place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Located, Origin};
    use crate::profile::Base;

    fn rule(path: &str, grant: Grant) -> Located<Rule> {
        let rule = Rule { path: text(path), grant, optional: false };
        Located::new(rule, Origin::BuiltIn)
    }

    fn text(path: &str) -> PathText {
        PathText { text: path.into(), base: Base::WorkingDirectory }
    }

    #[test]
    fn every_path_of_the_profile_and_the_system_is_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let from = directory.path().canonicalize().unwrap();
        std::fs::create_dir(from.join("sub")).unwrap();
        let mut profile = Profile::default();
        let bind = Grant::Bind { from: text(from.to_str().unwrap()), write: false };
        profile.filesystem.rules.push(rule("/data", bind));
        profile.filesystem.rules.push(rule("/data/sub", Grant::Read));
        profile.filesystem.rules.push(rule("/sys", Grant::Read));
        let host = survey(&profile, None).unwrap();

        for path in
            ["/data", "/data/sub", "/usr", "/lib64", "/tmp", "/etc/ssl/certs", "/sys/firmware"]
        {
            assert!(host.files.contains_key(&AbsolutePath::new(path).unwrap()), "{path}");
        }
        let below = AbsolutePath::new(from.join("sub")).unwrap();
        assert_eq!(host.files[&below].kind, FileKind::Directory);
        assert_eq!(host.files[&AbsolutePath::new("/usr").unwrap()].kind, FileKind::Directory);
        assert!(host.files.contains_key(&host.workdir));
    }

    #[test]
    fn paths_inside_a_directory_root_are_walked_inside_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("scratch")).unwrap();
        std::os::unix::fs::symlink("/scratch", root.join("tmp")).unwrap();
        let mut profile = Profile::default();
        let source = Root::Directory(text(root.to_str().unwrap()));
        profile.filesystem.root = Some(Located::new(source, Origin::BuiltIn));
        let host = survey(&profile, None).unwrap();
        let tmp = &host.rootfs[&AbsolutePath::new("/tmp").unwrap()];
        assert_eq!(tmp.canonical, AbsolutePath::new("/scratch").unwrap());
        assert_eq!(host.rootfs[&AbsolutePath::new("/proc").unwrap()].kind, FileKind::Missing);
    }

    #[test]
    fn a_missing_policy_is_named_with_its_key() {
        let mut profile = Profile::default();
        let policy = SeccompPolicy::File(text("/nowhere/policy.json"));
        profile.seccomp.policy = Some(Located::new(policy, Origin::Flag("--seccomp".into())));
        let errors = survey(&profile, None).unwrap_err();
        assert_eq!(errors[0].title, "cannot read the seccomp policy `/nowhere/policy.json`");
        assert_eq!(errors[0].origin, Some(Origin::Flag("--seccomp".into())));
    }
}
