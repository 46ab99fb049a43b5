//! Completion scripts: what clap makes of the command line, and what it cannot know.
//!
//! The names of profiles and images come from the program when they are asked for, and the command
//! that is run inside completes as it would without jail. Both are functions of the shell that stand
//! behind clap's script; the lines that call them are put into it.

use std::collections::BTreeSet;

use clap_complete::Shell;

use super::command;

/// A completion script for `shell`.
pub fn script(shell: Shell) -> String {
    let mut made = Vec::new();
    clap_complete::generate(shell, &mut command(), "jail", &mut made);
    let made = String::from_utf8(made).expect("names and help are text");
    match shell {
        Shell::Bash => with_options(&format!("{made}\n{BASH}")),
        Shell::Zsh => zsh(&made),
        Shell::Fish => with_options(&fish(&made)),
        _ => made,
    }
}

const BASH: &str = include_str!("jail.bash");
const ZSH: &str = include_str!("jail.zsh");
const FISH: &str = include_str!("jail.fish");

/// Values get functions in the place of file names; after the command there are no options of ours.
fn zsh(made: &str) -> String {
    let lines = made.lines().map(|line| {
        let line = line.replace("'*::argv -- ", "'(-)*::argv -- ");
        let line = line.replace(":_cmdambivalent'", ":_normal'");
        if line.contains(":PROFILE:") || line.contains("::profiles -- ") {
            line.replace(":_files'", ":_jail_profiles'")
        } else if line.contains(":IMAGE:")
            || line.contains(":image -- ")
            || line.contains("images -- ")
        {
            line.replace(":_default'", ":_jail_images'")
        } else {
            line
        }
    });
    let text = lines.map(|line| line + "\n").collect::<String>();
    // The last lines call what stands before them.
    let (functions, call) = text.split_once("\nif [ \"$funcstack[1]\"").expect("clap ends so");
    format!("{functions}\n{ZSH}\nif [ \"$funcstack[1]\"{call}")
}

fn fish(made: &str) -> String {
    let lines = made.lines().map(|line| {
        let mut line = line.to_owned();
        for command in ["run", "plan"] {
            let known = format!("\"__fish_jail_using_subcommand {command}\"");
            line = line.replace(&known, &format!("\"__fish_jail_options {command}\""));
        }
        if line.contains(" -l profile ") {
            line.push_str(" -a \"(__fish_jail_profiles)\"");
        } else if line.contains(" -l image ") {
            line.push_str(" -F -a \"(__fish_jail_images)\"");
        }
        line + "\n"
    });
    format!("{}\n{FISH}", lines.collect::<String>())
}

/// Puts the options that take a value into the place that the functions have for them.
fn with_options(script: &str) -> String {
    let mut jail = command();
    jail.build();
    let commands = ["run", "plan"].map(|name| jail.find_subcommand(name).expect("it is there"));
    let arguments = commands.iter().flat_map(|command| command.get_arguments());
    let (mut long, mut short) = (BTreeSet::new(), BTreeSet::new());
    for argument in arguments.filter(|argument| argument.get_action().takes_values()) {
        let names = argument.get_long_and_visible_aliases().unwrap_or_default();
        long.extend(names.into_iter().map(|name| format!("--{name}")));
        short.extend(argument.get_short());
    }
    let words = |separator: &str| long.iter().cloned().collect::<Vec<_>>().join(separator);
    let letters = short.iter().collect::<String>();
    let subjects = super::help::subjects().collect::<Vec<_>>().join(" ");
    let script = script.replace("@LONG_IN_CASE@", &words("|")).replace("@SUBJECTS@", &subjects);
    script.replace("@LONG@", &words(" ")).replace("@SHORT@", &letters)
}
