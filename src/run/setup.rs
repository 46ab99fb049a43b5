//! Init carries out the script's operations, one after the other.

use std::os::fd::{AsFd, OwnedFd};

use landlock::{PathBeneath, RulesetCreated, RulesetCreatedAttr};
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::{sethostname, write};

use crate::forward::Handover;
use crate::script::{Instruction, MountSource, Operation};
use crate::sys::{
    drop_bounding, duplicate, exit_now, join_new_session_keyring, lock_securebits,
    no_new_privileges, open_path, raise_ambient, set_capabilities, set_loopback_up,
};

use super::message::{Call, During, Failure, Fault, Order};
use super::mounts::{Tree, scratch};
use super::reach::open_network;
use super::room::Room;

/// What one operation leaves for the next.
struct Site<'a> {
    /// To the supervisor.
    socket: &'a OwnedFd,
    scratch: Option<OwnedFd>,
    tree: Option<Tree>,
    /// /proc/sys/user/max_user_namespaces of our user namespace.
    user_namespaces: Option<OwnedFd>,
    rooms: Vec<Room>,
    /// To whom sockets are handed over that are made here.
    handover: Option<Handover>,
}

/// Carries out all of `script`; rules go into `ruleset`, and orders come from `socket`. Returns the file systems in memory.
pub fn carry_out(
    script: &[Instruction],
    socket: &OwnedFd,
    ruleset: &mut Option<(u16, RulesetCreated)>,
    handover: Option<Handover>,
) -> Result<Vec<Room>, Failure> {
    let mut site = Site {
        socket,
        scratch: None,
        tree: None,
        user_namespaces: None,
        rooms: Vec::new(),
        handover,
    };
    for Instruction { step, operation } in script {
        site.carry_out(*step, operation, ruleset)
            .map_err(|fault| Failure { step: *step, fault })?;
    }
    Ok(site.rooms)
}

impl Site<'_> {
    fn carry_out(
        &mut self,
        step: u16,
        operation: &Operation,
        ruleset: &mut Option<(u16, RulesetCreated)>,
    ) -> Result<(), Fault> {
        match operation {
            Operation::Scratch { size, inodes } => {
                let scratch = scratch(size, inodes)?;
                let mount = scratch.try_clone().map_err(|_| Errno::EMFILE).during(Call::Open)?;
                self.rooms.push(Room { step, mount });
                self.scratch = Some(scratch);
                Ok(())
            }
            Operation::RootOnScratch => {
                self.tree = Some(Tree::on_scratch(self.take_scratch())?);
                Ok(())
            }
            Operation::RootOverlay { lower } => {
                self.tree = Some(Tree::on_overlay(self.take_scratch(), lower)?);
                Ok(())
            }
            Operation::RootLayers { lowers, kept, owned } => {
                let tree = Tree::on_layers(self.take_scratch(), lowers, kept.as_ref(), *owned)?;
                self.tree = Some(tree);
                Ok(())
            }
            Operation::RootDirectory { path } => {
                self.tree = Some(Tree::on_directory(self.take_scratch(), path)?);
                Ok(())
            }
            Operation::Enter { path, links } => self.tree().enter(path, *links),
            Operation::MakeDirectory { name, mode } => self.tree().make_directory(name, *mode),
            Operation::MakeFile { name } => self.tree().make_file(name),
            Operation::WriteFile { name, content } => self.tree().write_file(name, content),
            Operation::Symlink { name, target } => self.tree().symlink(name, target),
            Operation::Mount { name, source } => {
                let mount = self.tree().mount(name, source)?;
                if let MountSource::Tmpfs { .. } = source {
                    self.rooms.push(Room { step, mount });
                }
                Ok(())
            }
            Operation::Proc { masked, read_only, links } => {
                self.user_namespaces = Some(self.tree().proc(masked, read_only, *links)?);
                Ok(())
            }
            Operation::Dev { devices, links } => self.tree().dev(devices, *links),
            Operation::SealRoot => self.tree().seal(),
            Operation::Pivot => self.take_tree().pivot(),
            // From now on the kernel makes no user namespace below ours (namespaces(7), Linux
            // 4.9). Only CAP_SYS_RESOURCE over ours could raise it again.
            Operation::RefuseNesting => {
                let setting = self.user_namespaces.take().expect("the plan mounts /proc first");
                write(&setting, b"0").during(Call::Write).map(drop)
            }
            Operation::Loopback => set_loopback_up().during(Call::Connect),
            Operation::Forward { places } => {
                let handover = self.handover.take().expect("the script starts a server for them");
                open_network(places, handover)
            }
            Operation::AwaitNetwork => wait_for_the_supervisor(self.socket),
            Operation::Hostname(name) => sethostname(name).during(Call::Sethostname),
            Operation::Keyring { may_fail } => keyring(*may_fail),
            Operation::Capabilities { keep } => capabilities(*keep),
            Operation::NoCapabilities => no_capabilities(),
            Operation::NoNewPrivileges => no_new_privileges().during(Call::Prctl),
            Operation::LandlockPath { path, links, access, access_of_files } => {
                let place = open_path(path, *links).during(Call::Open)?;
                let kind = fstat(&place).during(Call::Open)?.st_mode & SFlag::S_IFMT.bits();
                let is_directory = kind == SFlag::S_IFDIR.bits();
                let access = if is_directory { *access } else { *access_of_files };
                add_rule(ruleset, PathBeneath::new(place, access))
            }
            Operation::LandlockDescriptor { fd, access } => {
                let place = duplicate(*fd).during(Call::Landlock)?;
                match add_rule(ruleset, PathBeneath::new(place, *access)) {
                    // A file without a name, such as a memfd: Landlock does not restrict it.
                    Err(Fault { errno: Errno::EBADFD, .. }) => Ok(()),
                    result => result,
                }
            }
        }
    }

    fn tree(&mut self) -> &mut Tree {
        self.tree.as_mut().expect("the plan makes the root before it fills it")
    }

    fn take_tree(&mut self) -> Tree {
        self.tree.take().expect("the plan pivots once")
    }

    fn take_scratch(&mut self) -> OwnedFd {
        self.scratch.take().expect("the plan makes the scratch tmpfs before the root")
    }
}

/// Until it has done what has to be done from outside.
pub fn wait_for_the_supervisor(socket: &OwnedFd) -> Result<(), Fault> {
    match Order::receive(socket).during(Call::Open)? {
        Some(Order::Begin) => Ok(()),
        // The supervisor could not do its part, and has said so itself.
        Some(Order::Signal(_) | Order::Continue { .. }) | None => exit_now(0),
    }
}

fn keyring(may_fail: bool) -> Result<(), Fault> {
    match join_new_session_keyring() {
        // The user's quota of keys is used up, the kernel has no keys at all, or a filter around us
        // refuses the call, to us and to the command.
        Err(Errno::EDQUOT | Errno::ENOSYS | Errno::EPERM) if may_fail => Ok(()),
        result => result.during(Call::Keyctl),
    }
}

/// All five sets: bounding first, while we still may; then the rest; ambient last, because it
/// is a subset of permitted and inheritable.
fn capabilities(keep: u64) -> Result<(), Fault> {
    drop_bounding(keep).during(Call::Prctl)?;
    lock_securebits().during(Call::Prctl)?;
    set_capabilities(keep).during(Call::Capset)?;
    raise_ambient(keep).during(Call::Prctl)
}

/// Without privilege the bounding set and the security bits stay as they are; no_new_privs then lets
/// nothing come of them.
fn no_capabilities() -> Result<(), Fault> {
    for result in [drop_bounding(0), lock_securebits()] {
        match result {
            Err(Errno::EPERM) => {}
            result => result.during(Call::Prctl)?,
        }
    }
    set_capabilities(0).during(Call::Capset)?;
    raise_ambient(0).during(Call::Prctl)
}

fn add_rule<F: AsFd>(
    ruleset: &mut Option<(u16, RulesetCreated)>,
    rule: PathBeneath<F>,
) -> Result<(), Fault> {
    let (_, ruleset) = ruleset.as_mut().expect("the script makes the ruleset with its rules");
    // The library's error has no errno of its own to pass on.
    ruleset
        .add_rule(rule)
        .map(drop)
        .map_err(|_| Fault { call: Call::Landlock, errno: Errno::last() })
}
