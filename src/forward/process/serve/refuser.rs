//! Counts what is refused, finds out whose it was, and says it at once if that is wanted.

use std::net::SocketAddr;

use crate::diagnostic::Diagnostic;

use super::super::super::refusals::{Counted, Refusals, Refused};
use super::super::asking::{Asker, Transport};
use super::super::complain;

pub(super) struct Refuser {
    pub refusals: Refusals,
    /// Nobody is asked any more when the command has ended.
    pub asker: Option<Asker>,
    pub speaks: bool,
}

/// Where the program inside has its end of what is refused. It must still be there: what has been answered
/// may be closed already, and its program gone.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub transport: Transport,
    pub from: Option<SocketAddr>,
}

/// Of a connection over TCP.
impl From<Option<SocketAddr>> for Client {
    fn from(from: Option<SocketAddr>) -> Self {
        Self { transport: Transport::Tcp, from }
    }
}

impl Refuser {
    pub fn refuse(&mut self, refused: Refused, client: Client) {
        let whose = whose(&mut self.asker, client);
        let first = self.refusals.count(refused, whose).cloned();
        self.speak(first);
    }

    /// The second of two that are meant as one.
    pub fn remember(&mut self, refused: Refused, client: Client) {
        let whose = whose(&mut self.asker, client);
        let first = self.refusals.remember(refused, whose).cloned();
        self.speak(first);
    }

    fn speak(&self, first: Option<Counted>) {
        if let Some(counted) = first.filter(|_| self.speaks) {
            complain(Diagnostic::note(counted.first_line()));
        }
    }
}

/// Asks which program it was, when that is wanted.
fn whose(asker: &mut Option<Asker>, client: Client) -> impl FnOnce() -> Option<String> {
    move || asker.as_mut()?.program(client.transport, client.from)
}
