//! How far a run came, and with what status jail ends.

use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::run::{Outcome, Refused};

use super::network::network;
use super::packages;
use super::reached::reached;
use super::types::Phase;
use super::unseen;
use super::words::words;

/// Exit status when jail itself failed.
const FAILED: u8 = 125;
/// Exit status when the time was over, as that of timeout(1).
const TIMED_OUT: u8 = 124;

/// The end of a run, also of one that did not come about.
#[derive(Debug)]
pub struct Ending {
    pub phase: Phase,
    /// The exit status of jail.
    pub status: u8,
    /// What there is to say about it; not the plan's notes.
    pub messages: Vec<Diagnostic>,
    pub outcome: Option<Outcome>,
}

impl Ending {
    /// Jail failed before it began.
    pub fn failed(phase: Phase, messages: Vec<Diagnostic>) -> Self {
        Self { phase, status: FAILED, messages, outcome: None }
    }

    /// The command was not executed, or the sandbox broke down around it.
    pub fn refused(refused: Refused) -> Self {
        let Refused { diagnostic, status, started } = refused;
        let phase = if started { Phase::Run } else { Phase::Start };
        Self { phase, status, messages: vec![diagnostic], outcome: None }
    }

    /// The command has ended.
    pub fn ran(plan: &Plan, outcome: Outcome) -> Self {
        let words = reached(plan, &outcome).iter().map(words).collect::<Vec<_>>();
        let refused = outcome.network.iter().flat_map(|account| network(plan, account));
        let packages = packages::note(plan, &outcome);
        let unseen = unseen::note(plan, &outcome);
        let messages = words.into_iter().chain(refused).chain(packages).chain(unseen);
        let messages = messages.chain(outcome.notes.clone()).collect();
        let status = if outcome.timed_out { TIMED_OUT } else { outcome.end.status() };
        Self { phase: Phase::Run, status, messages, outcome: Some(outcome) }
    }

    /// Those messages that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.messages.iter().filter(|message| message.severity == Severity::Error)
    }
}
