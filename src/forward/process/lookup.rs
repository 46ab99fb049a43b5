//! Names to addresses, by threads that may wait.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::pair::Ticket;

/// How many names are looked up at the same time.
const THREADS: usize = 4;

/// How many wait for that.
const QUEUE: usize = 1024;

/// What became of a name: addresses, or why there are none.
pub type Found = Result<Vec<IpAddr>, String>;

/// The threads, and the questions and answers on their way.
pub struct Lookups {
    questions: SyncSender<(Ticket, String)>,
    answers: Receiver<(Ticket, Found)>,
    /// Rings when there is an answer.
    pub bell: Arc<EventFd>,
}

impl Lookups {
    /// Starts the threads, which are restricted as this one is by now.
    pub fn start() -> Result<Self, Errno> {
        crate::sys::look_names_up_by_files_and_dns();
        let (questions, waiting) = sync_channel(QUEUE);
        let (done, answers) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        for _ in 0..THREADS {
            let (waiting, done, bell) = (Arc::clone(&waiting), Sender::clone(&done), bell.clone());
            thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(move || look_up(&waiting, &done, &bell))
                .map_err(|error| error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw))?;
        }
        Ok(Self { questions, answers, bell })
    }

    /// Puts a question; false if too many wait.
    pub fn ask(&self, ticket: Ticket, name: &str) -> bool {
        self.questions.try_send((ticket, name.to_owned())).is_ok()
    }

    /// What was found since.
    pub fn found(&self) -> Vec<(Ticket, Found)> {
        // Only to silence it; what there is stands in the channel.
        let _ = self.bell.read();
        self.answers.try_iter().collect()
    }
}

type Questions = Mutex<Receiver<(Ticket, String)>>;

fn look_up(questions: &Questions, answers: &Sender<(Ticket, Found)>, bell: &EventFd) {
    loop {
        // The lock protects nothing that a panic could leave half done.
        let question = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
        // The other end is gone when the process ends.
        let Ok((ticket, name)) = question else { return };
        let found = match (name.as_str(), 0).to_socket_addrs() {
            Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
            Err(error) => Err(words(&error)),
        };
        if answers.send((ticket, found)).is_err() || bell.write(1).is_err() {
            return;
        }
    }
}

/// What getaddrinfo(3) says, without what the library puts before it.
fn words(error: &std::io::Error) -> String {
    let words = error.to_string();
    let prefix = "failed to lookup address information: ";
    words.strip_prefix(prefix).unwrap_or(&words).to_owned()
}
