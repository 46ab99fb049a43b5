//! The command line as clap sees it: commands and their arguments, as typed.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use super::flags::SandboxFlags;
use super::help::HelpArguments;
use super::image::ImageArguments;

/// Run one command in a rootless Linux sandbox
///
/// What is not granted is absent inside: no network, a private home and /tmp, a read-only
/// system, no capabilities, a system call filter, a clean environment. A profile, one TOML file,
/// grants what the command needs; flags change it for one run. No daemon, no setuid program,
/// no root.
#[derive(Debug, Parser)]
#[command(
    name = "jail",
    version,
    after_help = "Example:\n  jail run make test\n\nSee `jail run --help` for what can be granted, and `jail help` for more to read.",
    disable_help_subcommand = true
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What `jail` can do.
#[derive(Debug)]
pub enum Command {
    Run(RunArguments),
    Plan(PlanArguments),
    Check(CheckArguments),
    Image(ImageArguments),
    Completions(CompletionsArguments),
    Help(HelpArguments),
}

/// The names of the commands.
pub const NAMES: [&str; 6] = ["run", "plan", "check", "image", "completions", "help"];

/// By hand and not derived, so that only the options of the command in use are made: those of
/// `run` and `plan` are many, and each start would pay for both.
impl Subcommand for Command {
    fn augment_subcommands(jail: clap::Command) -> clap::Command {
        let command = |name, about| clap::Command::new(name).about(about);
        jail.subcommands([
            command("run", RUN_ABOUT).defer(RunArguments::augment_args),
            command("plan", PLAN_ABOUT).defer(PlanArguments::augment_args),
            command("check", CHECK_ABOUT).defer(CheckArguments::augment_args),
            command("image", IMAGE_ABOUT).defer(ImageArguments::augment_args),
            command("completions", COMPLETIONS_ABOUT).defer(CompletionsArguments::augment_args),
            command("help", HELP_ABOUT).defer(HelpArguments::augment_args),
        ])
    }

    fn augment_subcommands_for_update(jail: clap::Command) -> clap::Command {
        Self::augment_subcommands(jail)
    }

    fn has_subcommand(name: &str) -> bool {
        NAMES.contains(&name)
    }
}

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some(("run", its)) => RunArguments::from_arg_matches(its).map(Self::Run),
            Some(("plan", its)) => PlanArguments::from_arg_matches(its).map(Self::Plan),
            Some(("check", its)) => CheckArguments::from_arg_matches(its).map(Self::Check),
            Some(("image", its)) => ImageArguments::from_arg_matches(its).map(Self::Image),
            Some(("completions", its)) => {
                CompletionsArguments::from_arg_matches(its).map(Self::Completions)
            }
            Some(("help", its)) => HelpArguments::from_arg_matches(its).map(Self::Help),
            Some(_) | None => Err(clap::Error::new(ErrorKind::MissingSubcommand)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const RUN_ABOUT: &str = "Make a sandbox, run a command in it, and exit as it did";
const PLAN_ABOUT: &str = "Print what `jail run` would do, and who asked for each step";
const CHECK_ABOUT: &str = "Check profiles and print every error in them";
const IMAGE_ABOUT: &str = "Pull, look at and remove images";
const COMPLETIONS_ABOUT: &str = "Print a completion script for a shell";
const HELP_ABOUT: &str = "Print the help of a command, or what there is to know about a subject";

/// Make a sandbox, run a command in it, and exit as it did
///
/// Options come before the command; everything from the command's name on belongs to the
/// command, options too. Without a command, at a terminal, it is your shell, or the command that an
/// image names.
///
/// A flag is stronger than the profile. For nested paths the longest path wins, whatever the
/// order; of two rules for the same path the later one. Relative paths in flags are relative to
/// the working directory; `~`, `$VAR` and `${VAR:-default}` are expanded.
#[derive(Args, Debug)]
#[command(args_override_self = true, override_usage = "jail run [OPTIONS] [--] COMMAND [ARG]...", after_help = RUN_EXAMPLES, after_long_help = RUN_LONG)]
pub struct RunArguments {
    #[command(flatten)]
    pub sandbox: SandboxFlags,

    /// Print errors only, no notes and no warnings
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Print the plan to stderr before the run
    #[arg(long, help_heading = "Output")]
    pub verbose: bool,

    /// Print what the command used to stderr at the end
    #[arg(long, help_heading = "Output")]
    pub stats: bool,

    /// Write one JSON object about the run to this file, or to descriptor fd:N
    ///
    /// It tells a command that exits with 124 to 127 from one that did not run, and says what was
    /// used and which limit was reached. It is written in any case but when jail is killed, and
    /// whole or not at all; an earlier one goes away at the start. docs/report.md has every key.
    /// Put it first: what stands behind a mistake in the command line is not read.
    #[arg(long, value_name = "FILE|fd:N", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub report: Option<OsString>,

    #[command(flatten)]
    pub payload: Payload,
}

/// Print what `jail run` would do, and who asked for each step
///
/// Takes the options of `jail run`, and draws the same plan from them. Nothing is run and
/// nothing is changed.
#[derive(Args, Debug)]
#[command(args_override_self = true, override_usage = "jail plan [OPTIONS] [--] COMMAND [ARG]...", after_help = PLAN_EXAMPLES, after_long_help = PLAN_LONG)]
pub struct PlanArguments {
    #[command(flatten)]
    pub sandbox: SandboxFlags,

    /// Print errors only, no notes and no warnings
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Print the plan as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub payload: Payload,
}

/// The command that runs inside.
#[derive(Args, Debug)]
pub struct Payload {
    /// The command to run inside, and its arguments
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        help_heading = None::<&str>,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub argv: Vec<OsString>,
}

/// Check profiles and print every error in them
///
/// Reads each profile with all that it extends, and reports unknown keys, wrong types, bad values
/// and impossible combinations, all at once. Whether this machine has the paths that a profile
/// names is not checked: `jail plan` does that.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail check dev.toml ci.toml")]
pub struct CheckArguments {
    /// A path to a profile, or the name of one
    #[arg(value_name = "PROFILE", required = true, value_hint = ValueHint::FilePath)]
    pub profiles: Vec<OsString>,
}

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  jail completions bash > ~/.local/share/bash-completion/completions/jail"
)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

const RUN_EXAMPLES: &str = "\
Examples:
  jail run make test
  jail run --read ~/.cargo --network host -- cargo fetch
  jail run --profile ci.toml --mask .env sh -c 'npm ci && npm test'";

const RUN_LONG: &str = "\
Examples:
  Build and test in the working directory, without network:
    jail run make test
  Grant one more directory for reading, and the network:
    jail run --read ~/.cargo --network host -- cargo fetch
  Use a profile, and hide one file from the command:
    jail run --profile ci.toml --mask .env sh -c 'npm ci && npm test'
  Cap memory, processors and time:
    jail run -m 2G --cpus 1.5 --time 10m make test

Exit status:
  The command's own, or
  124      the time limit ended the command
  125      jail itself failed, and the command did not start
  126      the command was found but cannot be executed
  127      the command was not found inside
  128+N    signal N ended the command

Environment variables of jail:
  JAIL_PROFILE    the profiles to use when no --profile is given, with `:` between them
  JAIL_QUIET      if set and neither empty nor 0, as --quiet
  JAIL_VERBOSE    if set and neither empty nor 0, as --verbose
  NO_COLOR        if set and not empty, print without colours
See `jail help environment` for what else is read.";

const PLAN_EXAMPLES: &str = "\
Examples:
  jail plan make test
  jail plan --profile ci.toml --json -- make test";

const PLAN_LONG: &str = "\
Examples:
  See what the default profile grants in this directory:
    jail plan make test
  The same for a profile, for another program to read:
    jail plan --profile ci.toml --json -- make test

Environment variables of jail:
  JAIL_PROFILE    the profiles to use when no --profile is given, with `:` between them
  JAIL_QUIET      if set and neither empty nor 0, as --quiet
  NO_COLOR        if set and not empty, print without colours
See `jail help environment` for what else is read.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// `jail` itself and all commands, at every depth.
    fn commands(command: &clap::Command) -> Vec<&clap::Command> {
        std::iter::once(command).chain(command.get_subcommands().flat_map(commands)).collect()
    }

    #[test]
    fn every_help_shows_examples_that_are_understood() {
        let mut program = Arguments::command();
        // Commands are filled in when they are needed.
        program.build();
        assert!(commands(&program).len() > 15);
        for command in commands(&program) {
            let short = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let long = command.get_after_long_help().map(ToString::to_string);
            for help in [&short, long.as_ref().unwrap_or(&short)] {
                let lines = help.lines().filter(|line| line.trim_start().starts_with("jail "));
                let lines: Vec<&str> = lines.collect();
                assert!(!lines.is_empty(), "`{}` shows no example", command.get_name());
                let parts = lines.iter().flat_map(|line| line.split(['|', '&', '>']));
                for line in parts.filter(|part| part.trim().starts_with("jail ")) {
                    let parsed = Arguments::command().try_get_matches_from(line.split_whitespace());
                    assert!(parsed.is_ok(), "`{line}`: {parsed:?}");
                }
            }
        }
    }
}
