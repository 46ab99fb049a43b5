//! From a profile's `[seccomp]` to a [`Filter`].

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Located, Origin, Source};
use crate::profile::{Capability, Seccomp, SeccompPolicy};

use super::docker;
use super::groups::{GROUP_OF, GROUPS, Group, NO_GROUP, STRICT, Stance};
use super::guard::{CLONE, Guard, Guards, guarded};
use super::hugepages;
use super::ports;
use super::syscalls::{END, number};
use super::types::{Decision, Filter, Verdict};
use super::wish::{self, Wish};

/// All that a filter depends on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub seccomp: &'a Seccomp,
    /// The text of the policy, where that is a file.
    pub text: Option<&'a Arc<Source>>,
    /// May the command make namespaces of its own? A policy from a file decides that itself.
    pub nesting: bool,
    /// The capabilities that the command keeps.
    pub kept: &'a [Capability],
    /// Major and minor version of the kernel.
    pub release: (u32, u32),
    /// `[limits] hugepages`: refuse pages of hugetlbfs if that is false.
    pub hugepages: Option<&'a Located<bool>>,
    /// Who keeps the command to some ports of the host's network.
    pub ports: Option<&'a Origin>,
}

/// Draws the filter that the profile asks for; `None` if it asks for none.
pub fn draw(request: &Request) -> Result<Option<Filter>, Vec<Diagnostic>> {
    let policy = request.seccomp.policy.as_ref();
    let mut filter = match policy.map_or(&SeccompPolicy::Default, |policy| &policy.value) {
        SeccompPolicy::Default => built_in(request, "default", &[])?,
        SeccompPolicy::Strict => built_in(request, "strict", STRICT)?,
        SeccompPolicy::Off => return nothing_to_change(request).map(|()| None),
        SeccompPolicy::File(_) => from_file(request)?,
    };
    if hugepages::refused(request.hugepages).is_some() {
        hugepages::refuse(&mut filter);
    }
    if request.ports.is_some() {
        ports::refuse(&mut filter);
    }
    Ok(Some(filter))
}

// Numbers of <linux/capability.h>.
const CAP_NET_RAW: Capability = Capability(13);
const CAP_SYS_CHROOT: Capability = Capability(18);
const CAP_SYS_PTRACE: Capability = Capability(19);
const CAP_SYS_ADMIN: Capability = Capability(21);
const CAP_SYS_BOOT: Capability = Capability(22);
const CAP_SYS_NICE: Capability = Capability(23);
const CAP_SYS_TIME: Capability = Capability(25);

/// What a policy of our own says about one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    /// The number is no call.
    Unknown,
    /// Allowed, within the guards.
    Guarded,
    /// Allowed with any arguments: the profile names the call.
    Free,
    Refused(Verdict),
}

struct Draft {
    rulings: [Ruling; END],
    guards: Guards,
}

fn built_in(request: &Request, name: &str, refused: &[Group]) -> Result<Filter, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let allow = wish::read(&request.seccomp.allow, &mut errors);
    let deny = wish::read_denied(&request.seccomp.deny, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut draft = Draft::new(refused);
    draft.grant(request.nesting, request.kept);
    for wish in allow {
        draft.allow(wish);
    }
    for wish in deny {
        draft.deny(wish);
    }
    Ok(draft.finish(name))
}

impl Draft {
    fn new(refused: &[Group]) -> Self {
        let mut draft = Self { rulings: [Ruling::Unknown; END], guards: Guards::ALL };
        draft.guards.lift(Guard::Internet);
        for (ruling, group) in draft.rulings.iter_mut().zip(GROUP_OF) {
            if group != NO_GROUP {
                *ruling = ruling_of(GROUPS[usize::from(group)].stance);
            }
        }
        for group in refused {
            for call in group.calls {
                draft.rulings[*call as usize] = ruling_of(group.stance);
            }
            for guard in group.guards {
                draft.guards.set(*guard);
            }
        }
        draft
    }

    /// Opens what a nested sandbox needs, and what a kept capability is for.
    ///
    /// Only capabilities that mean something in a user namespace: the kernel wants the others
    /// outside. Device nodes stay refused even with CAP_MKNOD, as no mount would let them work.
    fn grant(&mut self, nesting: bool, kept: &[Capability]) {
        const NAMESPACES: &[Wish] = &[
            Wish::Groups("@namespace"),
            Wish::Groups("@hostname"),
            // Its flags lie in memory, where a filter cannot see them. With namespaces
            // granted there is nothing left to see.
            Wish::Call(number("clone3")),
        ];
        let opened = kept.iter().map(|capability| match *capability {
            CAP_NET_RAW => &[Wish::Groups("@raw-sockets")],
            CAP_SYS_CHROOT => &const { [Wish::Call(number("chroot"))] },
            CAP_SYS_PTRACE => &[Wish::Groups("@debug")],
            // Not `@mount`: the mounts belong to the namespaces that it is a power over.
            CAP_SYS_ADMIN => NAMESPACES,
            CAP_SYS_BOOT => &const { [Wish::Call(number("reboot"))] },
            CAP_SYS_NICE => &[Wish::Groups("@numa")],
            CAP_SYS_TIME => &[Wish::Groups("@clock")],
            _ => &[],
        });
        let nested = NAMESPACES.iter().chain(&[Wish::Groups("@mount")]);
        for wish in opened.flatten().chain(nested.filter(|_| nesting)) {
            self.allow(*wish);
        }
    }

    fn allow(&mut self, wish: Wish) {
        match wish {
            // By clone every thread and process starts: its name alone does not ask for
            // namespaces, which `@namespace` does.
            Wish::Call(CLONE) => self.rulings[CLONE as usize] = Ruling::Guarded,
            Wish::Call(call) => self.rulings[call as usize] = Ruling::Free,
            Wish::Groups(_) => {
                for group in wish.groups() {
                    for call in group.calls {
                        let ruling = &mut self.rulings[*call as usize];
                        if *ruling != Ruling::Free {
                            *ruling = Ruling::Guarded;
                        }
                    }
                    for guard in group.guards {
                        self.guards.lift(*guard);
                    }
                }
            }
        }
    }

    fn deny(&mut self, wish: Wish) {
        for call in wish.calls() {
            self.rulings[call as usize] = Ruling::Refused(refusal_of(call));
        }
        for guard in wish.groups().flat_map(|group| group.guards) {
            self.guards.set(*guard);
            // A rule that is denied holds even for a call that `allow` names.
            for call in guard.calls() {
                let ruling = &mut self.rulings[*call as usize];
                if *ruling == Ruling::Free {
                    *ruling = Ruling::Guarded;
                }
            }
        }
    }

    fn finish(&self, name: &str) -> Filter {
        let mut decisions = Vec::with_capacity(END);
        for (call, ruling) in (0..).zip(&self.rulings) {
            match ruling {
                Ruling::Unknown => {}
                Ruling::Guarded => decisions.push(guarded(call, self.guards)),
                Ruling::Free => decisions.push(Decision::plain(call, Verdict::Allow)),
                Ruling::Refused(verdict) => decisions.push(Decision::plain(call, *verdict)),
            }
        }
        Filter { name: name.to_owned(), fallback: Verdict::NO_SUCH_CALL, decisions }
    }
}

fn ruling_of(stance: Stance) -> Ruling {
    match stance {
        Stance::Allowed => Ruling::Guarded,
        Stance::Refused => Ruling::Refused(Verdict::NOT_PERMITTED),
        Stance::Absent => Ruling::Refused(Verdict::NO_SUCH_CALL),
    }
}

/// What a denied call answers: as in the group that refuses it anyway, else EPERM.
fn refusal_of(call: u32) -> Verdict {
    let group = &GROUPS[usize::from(GROUP_OF[call as usize])];
    match group.stance {
        Stance::Absent => Verdict::NO_SUCH_CALL,
        Stance::Allowed | Stance::Refused => Verdict::NOT_PERMITTED,
    }
}

fn nothing_to_change(request: &Request) -> Result<(), Vec<Diagnostic>> {
    let Seccomp { allow, deny, .. } = request.seccomp;
    let lists = [("allow", allow), ("deny", deny)];
    let mut errors: Vec<_> = lists
        .iter()
        .flat_map(|(key, list)| list.iter().map(move |word| (key, word)))
        .map(|(key, word)| {
            let title = format!("`{key}` of `{}` has no effect: there is no filter", word.value);
            Diagnostic::error(title)
                .at(&word.origin)
                .because("`[seccomp] policy` is `off`")
                .help("leave the word out, or take the policy `default`")
        })
        .collect();
    errors.extend(hugepages::refused(request.hugepages).map(hugepages::unfiltered));
    errors.extend(request.ports.map(ports::unfiltered));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn from_file(request: &Request) -> Result<Filter, Vec<Diagnostic>> {
    let Some(source) = request.text else {
        let error = Diagnostic::error("the file of `[seccomp] policy` has not been read");
        return Err(vec![error.at(policy_origin(request))]);
    };
    let mut errors = Vec::new();
    let allow = read_for_file(&request.seccomp.allow, &mut errors, wish::read);
    let deny = read_for_file(&request.seccomp.deny, &mut errors, wish::read_denied);
    let filter = docker::read(source, request.kept, request.release);
    let mut filter = match filter {
        Ok(filter) => filter,
        Err(error) => {
            errors.push(error);
            return Err(errors);
        }
    };
    let mut guards = Guards::ALL;
    if request.nesting {
        guards.lift(Guard::Namespaces);
    }
    for call in allow.into_iter().flat_map(Wish::calls) {
        let decision = match call {
            CLONE => guarded(call, guards),
            _ => Decision::plain(call, Verdict::Allow),
        };
        replace(&mut filter, decision);
    }
    for call in deny.into_iter().flat_map(Wish::calls) {
        replace(&mut filter, Decision::plain(call, refusal_of(call)));
    }
    if let Some(name) = wish::essential_among(|call| filter.surely_refuses(call, None)) {
        let title = format!("the policy `{}` refuses `{name}`: no command could run", source.name);
        let error = Diagnostic::error(title).at(policy_origin(request));
        errors.push(error.help(format!("allow `{name}` in the policy")));
    }
    if errors.is_empty() { Ok(filter) } else { Err(errors) }
}

/// Reads a list that changes a policy from a file, which has its own rules about arguments.
fn read_for_file(
    list: &[Located<String>],
    errors: &mut Vec<Diagnostic>,
    read: fn(&[Located<String>], &mut Vec<Diagnostic>) -> Vec<Wish>,
) -> Vec<Wish> {
    for word in list {
        if GROUPS.iter().any(|group| group.name == word.value && !group.guards.is_empty()) {
            let title = format!("`{}` cannot change a policy from a file", word.value);
            let error = Diagnostic::error(title).at(&word.origin);
            let cause = "it stands for rules about arguments, which the file states itself";
            errors.push(error.because(cause).help("name the system calls one by one"));
        }
    }
    read(list, errors)
}

fn replace(filter: &mut Filter, decision: Decision) {
    let number = decision.number;
    match filter.decisions.binary_search_by_key(&number, |known| known.number) {
        Ok(index) => filter.decisions[index] = decision,
        Err(index) => filter.decisions.insert(index, decision),
    }
}

fn policy_origin<'a>(request: &'a Request) -> &'a Origin {
    request.seccomp.policy.as_ref().map_or(&Origin::BuiltIn, |policy| &policy.origin)
}

#[cfg(test)]
mod tests;
