//! The command line: words in, exit status out.
//!
//! [`arguments`] and [`flags`] hold what was typed. [`layer`] turns flags into a profile that lies
//! over the others; from there on a flag is like a line of a profile. [`usage`] puts clap's
//! complaints into our words. [`rootfs`] finds the image of a run, [`shell`] the command when
//! none is given. [`account`] tells how it went. [`variables`] reads `JAIL_*`, [`help`] is what `jail help` prints;
//! [`mod@profile`] is about profiles themselves, [`trust`] about that of a project. Everything that is printed goes through [`voice`].

mod account;
mod arguments;
mod check;
mod completions;
mod doctor;
mod env_file;
mod flags;
pub mod help;
mod image;
mod layer;
mod limits;
mod network;
mod profile;
mod rootfs;
mod rules;
mod run;
mod shell;
mod trust;
mod usage;
mod variables;
mod voice;
mod words;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::diagnostic::Diagnostic;

use arguments::{Arguments, Command};
pub use completions::script as completions;
use usage::Stop;
use voice::{Volume, answer, complain, delivered, say};

/// Exit status when jail itself failed.
const FAILED: u8 = 125;

/// The whole program.
pub fn main() -> ExitCode {
    if std::env::var_os("HOME").is_none_or(|home| home.is_empty()) {
        // Then the home is that of the user's account.
        crate::sys::look_users_up_by_files();
    }
    let result = match usage::parse(std::env::args_os().collect()) {
        Ok(arguments) => execute(arguments.command),
        Err(stop) => explain(stop),
    };
    ExitCode::from(result.unwrap_or_else(|mistakes| {
        say(&mistakes, Volume::Everything);
        FAILED
    }))
}

/// The command line as clap knows it, for completions and man pages.
pub fn command() -> clap::Command {
    Arguments::command()
}

fn execute(command: Command) -> Result<u8, Vec<Diagnostic>> {
    match command {
        Command::Run(mut arguments) => {
            variables::apply_to_run(&mut arguments);
            run::run(&arguments)
        }
        Command::Plan(mut arguments) => {
            variables::apply_to_plan(&mut arguments);
            run::plan(&arguments)
        }
        Command::Check(arguments) => check::check(&arguments),
        Command::Profile(arguments) => profile::profile(&arguments),
        Command::Trust(arguments) => trust::trust(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
        Command::Image(arguments) => image::image(&arguments),
        Command::Completions(arguments) => {
            answer(completions::script(arguments.shell).as_bytes()).map(|()| 0)
        }
        Command::Help(arguments) => help::help(&arguments),
    }
}

fn explain(stop: Stop) -> Result<u8, Vec<Diagnostic>> {
    match stop {
        Stop::Answer(words) => delivered(words.print()).map(|()| 0),
        // A script with an empty variable in `jail $COMMAND` must not take this for success.
        Stop::Nothing(words) => {
            complain(&words.render().to_string());
            Ok(FAILED)
        }
        Stop::Mistake(mistake, report) => account::unread(vec![*mistake], report),
    }
}
