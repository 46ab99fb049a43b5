//! The `allow` and `deny` lists of a profile: names of calls and of groups.

use crate::diagnostic::{Diagnostic, Located, did_you_mean};

use super::groups::{GROUPS, Group};
use super::syscalls::{self, by_name, by_number};

/// What one word of a list stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Call(u32),
    /// All groups with this name.
    Groups(&'static str),
}

/// Calls that a command cannot start or end without, or that jail needs to say why it did not.
const ESSENTIAL: [&str; 5] = ["execve", "exit", "exit_group", "rt_sigreturn", "write"];

impl Wish {
    /// The groups with the name; none for a call.
    pub(super) fn groups(self) -> impl Iterator<Item = &'static Group> {
        GROUPS.iter().filter(move |group| match self {
            Self::Call(_) => false,
            Self::Groups(name) => group.name == name,
        })
    }

    /// Every call that the word stands for.
    pub(super) fn calls(self) -> Vec<u32> {
        match self {
            Self::Call(number) => vec![number],
            Self::Groups(_) => self.groups().flat_map(|group| group.calls).copied().collect(),
        }
    }
}

/// Reads one list; what is not a name becomes an error of its own.
pub(super) fn read(list: &[Located<String>], errors: &mut Vec<Diagnostic>) -> Vec<Wish> {
    let mut wishes = Vec::with_capacity(list.len());
    for word in list {
        match find(&word.value) {
            Some(wish) => wishes.push(wish),
            None => errors.push(unknown(word)),
        }
    }
    wishes
}

/// Reads a `deny` list: the same, without what no command can do without.
pub(super) fn read_denied(list: &[Located<String>], errors: &mut Vec<Diagnostic>) -> Vec<Wish> {
    for word in list {
        if let Some(wish) = find(&word.value)
            && let Some(name) = wish.calls().into_iter().filter_map(by_number).find(essential)
        {
            errors.push(indispensable(word, name));
        }
    }
    read(list, errors)
}

/// Returns the first essential call among those that `refused` holds for.
pub(super) fn essential_among(refused: impl Fn(u32) -> bool) -> Option<&'static str> {
    ESSENTIAL.into_iter().find(|name| by_name(name).is_some_and(&refused))
}

fn essential(name: &&str) -> bool {
    ESSENTIAL.contains(name)
}

fn find(word: &str) -> Option<Wish> {
    if word.starts_with('@') {
        GROUPS.iter().find(|group| group.name == word).map(|group| Wish::Groups(group.name))
    } else {
        by_name(word).map(Wish::Call)
    }
}

fn unknown(word: &Located<String>) -> Diagnostic {
    let (title, nearest) = if word.value.starts_with('@') {
        let names = GROUPS.iter().map(|group| group.name);
        ("no group of system calls is named", did_you_mean(&word.value, names))
    } else {
        let names = syscalls::CALLS.iter().map(|call| call.name);
        ("no system call is named", did_you_mean(&word.value, names))
    };
    let error = Diagnostic::error(format!("{title} `{}`", word.value)).at(&word.origin);
    match nearest {
        Some(name) => error.help(format!("did you mean `{name}`?")),
        None => error.help("write the name as the kernel has it, or that of a group, as `@debug`"),
    }
}

fn indispensable(word: &Located<String>, name: &str) -> Diagnostic {
    let title = if word.value == name {
        format!("cannot deny `{name}`: no command could run")
    } else {
        format!("cannot deny `{}`: it holds `{name}`, and no command could run", word.value)
    };
    Diagnostic::error(title).at(&word.origin).help("deny only what the command can do without")
}
