//! After a run: messages, the table of `--stats`, the report, the exit status.

use std::ffi::{OsStr, OsString};

use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::report::{self, Asked, Ending, Phase, Target};

use super::FAILED;
use super::arguments::RunArguments;
use super::voice::{Volume, complain, say};

/// Opens what `--report` names, if it was given.
pub fn target(report: Option<&OsStr>) -> Result<Option<Target>, Vec<Diagnostic>> {
    report.map(Target::open).transpose().map_err(|mistake| vec![mistake])
}

/// Says everything about a run that is over; returns the exit status.
pub fn tell(
    arguments: &RunArguments,
    target: Option<Target>,
    asked: &Asked,
    plan: Option<&Plan>,
    ending: &Ending,
) -> u8 {
    say(&ending.messages, Volume::unless(arguments.quiet));
    if let (true, Some(plan), Some(outcome)) = (arguments.stats, plan, &ending.outcome) {
        complain(&report::stats(plan, outcome));
    }
    deliver(target, asked, plan, ending)
}

/// The command line was not understood, but as much of it as names the report.
pub fn unread(mistakes: Vec<Diagnostic>, report: Option<OsString>) -> Result<u8, Vec<Diagnostic>> {
    match target(report.as_deref()) {
        Ok(target) => {
            let ending = Ending::failed(Phase::Arguments, mistakes);
            say(&ending.messages, Volume::Everything);
            Ok(deliver(target, &Asked::now(&[]), None, &ending))
        }
        Err(more) => Err(mistakes.into_iter().chain(more).collect()),
    }
}

fn deliver(target: Option<Target>, asked: &Asked, plan: Option<&Plan>, ending: &Ending) -> u8 {
    let Some(target) = target else { return ending.status };
    let drawn = report::draw(asked, plan, ending);
    match report::deliver(target, &drawn, ending.outcome.as_ref()) {
        Ok(()) => ending.status,
        Err(mistake) => {
            say(&[mistake], Volume::Errors);
            FAILED
        }
    }
}
