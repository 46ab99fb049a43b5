//! One function per kind of step.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::diagnostic::Diagnostic;
use crate::plan::{
    Action, Extent, IdMap, LandlockRule, Limit, Mount, NetworkSpace, Plan, RootSource, Ruleset,
    Subject,
};
use crate::profile::Publish;
use crate::sys::{Links, NAMESPACES, NEW_CGROUP, NEW_NETWORK};
use crate::units::AbsolutePath;

use super::layout::{Layout, last_component};
use super::types::{
    Cgroup, Domain, Exec, Forward, Ids, Isolation, Join, Mapping, MountSource, Namespaces, Nat,
    Operation, Payload, Place, Rlimit, Script, TimeLimit,
};
use super::{bpf, landlock, limits, nat};

/// Turns every step into what the processes carry out.
pub fn compile(plan: &Plan) -> Result<Script, Diagnostic> {
    let mut draft = Draft::new(links_of(plan));
    for (index, step) in plan.steps.iter().enumerate() {
        let index = u16::try_from(index).map_err(|_| too_long())?;
        draft.layout.begin(index);
        draft.add(index, &step.action).map_err(|diagnostic| diagnostic.at(&step.origin))?;
    }
    draft.finish()
}

/// A failure names its step by two bytes.
fn too_long() -> Diagnostic {
    Diagnostic::error("the plan has more than 65536 steps").help(
        "grant a directory in the place of many files, and a wildcard or a network in the place of many \
         hosts",
    )
}

/// A root that we make has only links of ours; one that somebody else made has any.
fn links_of(plan: &Plan) -> Links {
    // Without namespaces every path is one of the host without links, and a link is an attack.
    let ours = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Root(RootSource::Empty) | Action::Domain { .. }));
    if ours { Links::Refuse } else { Links::InRoot }
}

/// The parts of a script, as far as they are known.
struct Draft {
    namespaces: u64,
    domain: Option<Domain>,
    place: Option<Place>,
    join: Option<Join>,
    cgroup: Option<Cgroup>,
    nat: Option<Nat>,
    publish: Option<(u16, Vec<Publish>)>,
    ids: Option<Ids>,
    layout: Layout,
    new_session: Option<u16>,
    umask: Option<u32>,
    rlimits: Vec<Rlimit>,
    nice: Option<(u16, i32)>,
    no_real_time: Option<u16>,
    time: Option<TimeLimit>,
    forward: Option<Forward>,
    environment: Vec<CString>,
    workdir: Option<(u16, CString)>,
    landlock: Option<(u16, ::landlock::RulesetCreated)>,
    descriptors: (u16, Vec<i32>),
    attend: Option<(u16, seccompiler::BpfProgram)>,
    seccomp: Option<(u16, seccompiler::BpfProgram)>,
    exec: Option<Exec>,
}

impl Draft {
    fn new(links: Links) -> Self {
        Self {
            namespaces: NAMESPACES,
            domain: None,
            place: None,
            join: None,
            cgroup: None,
            nat: None,
            publish: None,
            ids: None,
            layout: Layout::new(links),
            new_session: None,
            umask: None,
            rlimits: Vec::new(),
            nice: None,
            no_real_time: None,
            time: None,
            forward: None,
            environment: Vec::new(),
            workdir: None,
            landlock: None,
            descriptors: (0, Vec::new()),
            attend: None,
            seccomp: None,
            exec: None,
        }
    }

    fn add(&mut self, step: u16, action: &Action) -> Result<(), Diagnostic> {
        match action {
            Action::Cgroup(parent) => {
                let parent = parent.clone();
                self.cgroup = Some(Cgroup { step, parent, settings: Vec::new() });
            }
            Action::Limit(limit) => {
                let cgroup = self.cgroup.as_mut().expect("the plan makes the cgroup first");
                cgroup.settings.push(limits::setting(step, limit));
                if let Limit::Cpus(_) = limit {
                    self.no_real_time = Some(step);
                }
            }
            Action::Namespaces(NetworkSpace::Empty | NetworkSpace::Connected) => {
                self.namespaces |= NEW_NETWORK;
            }
            Action::Namespaces(NetworkSpace::Host) => {}
            Action::Namespaces(NetworkSpace::Joined(path)) => {
                self.join = Some(Join { step, path: path.to_c_string() });
            }
            Action::Domain { errno: _ } => {
                let signals = landlock::signals()?;
                self.domain = Some(Domain { step, signals, writable: Vec::new() });
            }
            Action::Place { path, directories, links } => {
                let (path, directories) = (path.clone(), directories.clone());
                self.place = Some(Place { step, path, directories, links: links.clone() });
            }
            Action::Ids(map) => self.ids = Some(Ids { step, mapping: mapping(map) }),
            Action::NewSession => self.new_session = Some(step),
            Action::Umask(mask) => self.umask = Some(*mask),
            Action::Environment(variables) => self.environment = environment(variables)?,
            Action::Workdir(path) => self.workdir = Some((step, path.to_c_string())),
            Action::Landlock(ruleset) => self.landlock(step, ruleset)?,
            Action::Attend { filter, writable } => {
                let domain = self.domain.as_mut().expect("the plan makes the domain first");
                domain.writable.clone_from(writable);
                self.attend = Some((step, bpf::assemble(filter)));
            }
            Action::Seccomp(filter) => self.seccomp = Some((step, bpf::assemble(filter))),
            Action::Descriptors { keep } => self.descriptors = (step, keep.clone()),
            Action::Exec { argv, search } => self.exec(step, argv, search)?,
            Action::Scratch { .. }
            | Action::Root(_)
            | Action::Symlink { .. }
            | Action::Directory { .. }
            | Action::File { .. }
            | Action::Mount { .. }
            | Action::Proc { .. }
            | Action::Dev { .. } => self.files(action)?,
            Action::SealRoot => self.layout.push(Operation::SealRoot),
            Action::Pivot => self.layout.push(Operation::Pivot),
            Action::Loopback => self.layout.push(Operation::Loopback),
            Action::Forward { places, upstream } => {
                self.layout.push(Operation::Forward { places: places.clone() });
                let upstream = upstream.clone();
                self.forward = Some(Forward { step, allow: Vec::new(), upstream });
            }
            Action::Allow(destination) => {
                let forward = self.forward.as_mut().expect("the plan starts the server first");
                forward.allow.push(destination.clone());
            }
            Action::Nat(plan) => {
                let (program, arguments) = (plan.program.to_c_string(), nat::arguments(plan));
                self.nat = Some(Nat { step, program, arguments });
            }
            Action::Publish(all) => self.publish = Some((step, all.clone())),
            Action::Hostname(name) => {
                // By then all is there that others do to the network.
                if self.nat.is_some() || self.publish.is_some() {
                    self.layout.push(Operation::AwaitNetwork);
                }
                self.layout.push(Operation::Hostname(name.clone()));
            }
            Action::Keyring { may_fail } => {
                self.layout.push(Operation::Keyring { may_fail: *may_fail });
            }
            Action::RefuseNesting => self.layout.push(Operation::RefuseNesting),
            Action::Rlimit { resource, bounds } => {
                self.rlimits.push(limits::rlimit(step, *resource, *bounds));
            }
            Action::Nice(nice) => self.nice = Some((step, *nice)),
            Action::TimeLimit { limit, grace, signal } => {
                let (limit, grace, signal) = (limit.0, grace.0, *signal);
                self.time = Some(TimeLimit { step, limit, grace, signal });
            }
            Action::Capabilities { .. } if self.domain.is_some() => {
                self.layout.push(Operation::NoCapabilities);
            }
            Action::Capabilities { keep } => {
                let keep = keep.iter().fold(0, |bits, capability| bits | 1 << capability.0);
                self.layout.push(Operation::Capabilities { keep });
            }
            Action::NoNewPrivileges => self.layout.push(Operation::NoNewPrivileges),
        }
        Ok(())
    }

    /// Steps that put something at a path.
    fn files(&mut self, action: &Action) -> Result<(), Diagnostic> {
        let layout = &mut self.layout;
        match action {
            Action::Scratch { size, inodes } => {
                layout.push(Operation::Scratch { size: number(size.0), inodes: number(*inodes) })
            }
            Action::Root(source) => layout.push(match source {
                RootSource::Empty => Operation::RootOnScratch,
                RootSource::Overlay { lower } => {
                    Operation::RootOverlay { lower: lower.to_c_string() }
                }
                RootSource::Layers { image: _, lowers, owned, kept } => Operation::RootLayers {
                    lowers: lowers.iter().map(AbsolutePath::to_c_string).collect(),
                    kept: kept
                        .as_ref()
                        .map(|kept| (kept.upper.to_c_string(), kept.work.to_c_string())),
                    owned: *owned,
                },
                RootSource::Directory { path } | RootSource::Copy { path, .. } => {
                    Operation::RootDirectory { path: path.to_c_string() }
                }
            }),
            Action::Symlink { path, target } => {
                let name = layout.approach(path, true);
                layout.push(Operation::Symlink { name, target: c_string(target)? });
            }
            Action::Directory { path } => {
                let name = layout.approach(path, true);
                layout.push(Operation::MakeDirectory { name, mode: 0o755 });
                layout.made(path);
            }
            Action::File { path, content } => {
                let name = layout.approach(path, true);
                layout.push(Operation::WriteFile { name, content: content.clone() });
            }
            Action::Mount { path, create, mount } => self.mount(path, *create, mount),
            Action::Proc { masked, read_only } => {
                let names = |paths: &[AbsolutePath]| {
                    paths.iter().map(|path| below("/proc", path)).collect()
                };
                layout.push(Operation::Proc {
                    masked: names(masked),
                    read_only: names(read_only),
                    links: layout.links,
                });
            }
            Action::Dev { devices } => layout.push(Operation::Dev {
                devices: devices.iter().map(|path| below("/dev", path)).collect(),
                links: layout.links,
            }),
            other => unreachable!("{other:?} puts nothing at a path"),
        }
        Ok(())
    }

    fn mount(&mut self, path: &AbsolutePath, create: bool, mount: &Mount) {
        let layout = &mut self.layout;
        let name = layout.approach(path, create);
        if create {
            layout.push(if is_directory(mount) {
                Operation::MakeDirectory { name: name.clone(), mode: 0o755 }
            } else {
                Operation::MakeFile { name: name.clone() }
            });
            layout.made(path);
        }
        let source = match mount {
            Mount::Private { mode } => MountSource::Private { mode: *mode },
            Mount::Tmpfs { size } => MountSource::Tmpfs { size: number(size.0) },
            Mount::Bind { from, write, directory: _ } => {
                let directory = from.parent().unwrap_or_else(AbsolutePath::root).to_c_string();
                MountSource::Bind { directory, name: last_component(from), read_only: !write }
            }
            Mount::Overlay { lower } => MountSource::Overlay { lower: lower.to_c_string() },
            Mount::File { content, write } => {
                MountSource::File { content: content.clone(), read_only: !write }
            }
            Mount::Mask { directory } => MountSource::Mask { directory: *directory },
        };
        layout.push(Operation::Mount { name, source });
    }

    /// The ruleset is made now; its rules are opened in the finished tree, and the
    /// payload takes it on.
    fn landlock(&mut self, step: u16, ruleset: &Ruleset) -> Result<(), Diagnostic> {
        let abi = landlock::abi_of(ruleset);
        let links = if self.domain.is_some() { Links::Refuse } else { Links::InRoot };
        self.landlock = Some((step, landlock::create(ruleset)?));
        for LandlockRule { subject, access } in &ruleset.rules {
            let (access, access_of_files) = landlock::rights(*access, abi);
            self.layout.push(match subject {
                Subject::Path(path) => {
                    let path = path.to_c_string();
                    Operation::LandlockPath { path, links, access, access_of_files }
                }
                Subject::Descriptor(fd) => {
                    Operation::LandlockDescriptor { fd: *fd, access: access_of_files }
                }
            });
        }
        Ok(())
    }

    fn exec(
        &mut self,
        step: u16,
        argv: &[OsString],
        search: &[AbsolutePath],
    ) -> Result<(), Diagnostic> {
        let program = argv.first().ok_or_else(|| missing("the command"))?;
        let candidates = if program.as_bytes().contains(&b'/') {
            vec![c_string(program)?]
        } else {
            search
                .iter()
                .map(|directory| c_string(directory.as_path().join(program).as_os_str()))
                .collect::<Result<_, _>>()?
        };
        self.exec = Some(Exec {
            step,
            candidates,
            argv: argv.iter().map(|word| c_string(word)).collect::<Result<_, _>>()?,
            envp: Vec::new(),
        });
        Ok(())
    }

    fn finish(self) -> Result<Script, Diagnostic> {
        let mut exec = self.exec.ok_or_else(|| missing("the command"))?;
        exec.envp = self.environment;
        // The cgroup that init is cloned into is not yet that of the cloning process.
        let cgroup_namespace = if self.cgroup.is_some() { 0 } else { NEW_CGROUP };
        let in_scope = self.cgroup.as_ref().is_some_and(Cgroup::is_joined_later);
        let (isolation, waits) = match self.domain {
            // It is moved into every cgroup: a container's filter may have no clone3(2).
            Some(domain) => (Isolation::Domain(domain), self.cgroup.is_some()),
            None => {
                let ids = self.ids.ok_or_else(|| missing("ids"))?;
                let by_helpers = matches!(ids.mapping, Mapping::Helpers { .. });
                let flags = self.namespaces | cgroup_namespace;
                let namespaces = Namespaces { flags, join: self.join, ids };
                (Isolation::Namespaces(namespaces), in_scope || by_helpers)
            }
        };
        Ok(Script {
            isolation,
            place: self.place,
            waits,
            cgroup: self.cgroup,
            nat: self.nat,
            publish: self.publish,
            setup: self.layout.instructions,
            landlock: self.landlock,
            payload: Payload {
                new_session: self.new_session,
                umask: self.umask,
                rlimits: self.rlimits,
                nice: self.nice,
                no_real_time: self.no_real_time,
                workdir: self.workdir.ok_or_else(|| missing("the working directory"))?,
                descriptors: self.descriptors,
                attend: self.attend,
                seccomp: self.seccomp,
                exec,
                rehearsal: false,
            },
            time: self.time,
            forward: self.forward,
        })
    }
}

fn missing(what: &str) -> Diagnostic {
    Diagnostic::error(format!("the plan has no step for {what}"))
}

fn is_directory(mount: &Mount) -> bool {
    match mount {
        Mount::File { .. } => false,
        Mount::Private { .. } | Mount::Tmpfs { .. } | Mount::Overlay { .. } => true,
        Mount::Bind { directory, .. } | Mount::Mask { directory } => *directory,
    }
}

fn mapping(map: &IdMap) -> Mapping {
    match &map.mappers {
        None => Mapping::Own { uid_map: lines(&map.uids), gid_map: lines(&map.gids) },
        Some((newuidmap, newgidmap)) => Mapping::Helpers {
            uid: (newuidmap.to_c_string(), arguments(&map.uids)),
            gid: (newgidmap.to_c_string(), arguments(&map.gids)),
        },
    }
}

/// As /proc/PID/uid_map wants it; see user_namespaces(7).
fn lines(extents: &[Extent]) -> Vec<u8> {
    let line = |extent: &Extent| {
        format!("{} {} {}\n", extent.inside, extent.outside, extent.count).into_bytes()
    };
    extents.iter().flat_map(line).collect()
}

fn arguments(extents: &[Extent]) -> Vec<CString> {
    let numbers =
        |extent: &Extent| [extent.inside, extent.outside, extent.count].map(|n| number(n.into()));
    extents.iter().flat_map(numbers).collect()
}

fn environment(variables: &[(OsString, OsString)]) -> Result<Vec<CString>, Diagnostic> {
    let entry = |(name, value): &(OsString, OsString)| {
        let mut text = name.clone();
        text.push("=");
        text.push(value);
        c_string(&text)
    };
    variables.iter().map(entry).collect()
}

/// What is left of `path` below `directory`.
fn below(directory: &str, path: &AbsolutePath) -> CString {
    let rest = path.as_path().strip_prefix(directory).unwrap_or(path.as_path());
    CString::new(rest.as_os_str().as_bytes()).expect("an absolute path has no NUL byte")
}

fn number(value: u64) -> CString {
    CString::new(value.to_string()).expect("digits are not NUL")
}

fn c_string(text: &OsStr) -> Result<CString, Diagnostic> {
    CString::new(text.to_os_string().into_vec())
        .map_err(|_| Diagnostic::error(format!("`{}` contains a NUL byte", text.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Origin, Palette, render};
    use crate::plan::Step;

    fn told(actions: Vec<Action>) -> String {
        let origin = Origin::Flag("--flag".into());
        let steps = actions.into_iter().map(|action| Step { action, origin: origin.clone() });
        let plan = Plan { steps: steps.collect(), notes: Vec::new(), degraded: Vec::new() };
        match compile(&plan) {
            Ok(_) => panic!("it was compiled"),
            Err(error) => render(&error, Palette::Plain),
        }
    }

    fn exec(argv: &[&str]) -> Action {
        Action::Exec { argv: argv.iter().map(OsString::from).collect(), search: Vec::new() }
    }

    #[test]
    fn a_plan_that_is_not_whole_is_not_run() {
        let lacks = |what| format!("jail: error: the plan has no step for {what}\n");
        assert_eq!(told(vec![]), lacks("the command"));
        assert_eq!(told(vec![exec(&["true"])]), lacks("ids"));
        let none = format!("{} --> --flag\n", lacks("the command"));
        assert_eq!(told(vec![exec(&[])]), none);
    }

    #[test]
    fn a_plan_of_more_steps_than_can_be_named_is_not_run() {
        let steps = |count| vec![Action::Umask(0o22); count];
        assert!(told(steps(65_536)).contains("has no step for the command"));
        assert_eq!(
            told(steps(65_537)),
            "jail: error: the plan has more than 65536 steps\n\
             help: grant a directory in the place of many files, and a wildcard or a network in the \
             place of many hosts\n"
        );
    }

    /// The kernel would take what stands before it for all.
    #[test]
    fn a_text_that_the_kernel_would_cut_off_is_not_handed_over() {
        let refused = "jail: error: `/bin/a\\u{0}b` contains a NUL byte\n --> --flag\n";
        assert_eq!(told(vec![exec(&["/bin/a\0b"])]), refused);
    }
}
