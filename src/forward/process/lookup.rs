//! Names to addresses, by threads that may wait.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::refusals::Why;
use super::pair::Ticket;

/// How many names are looked up at the same time.
const THREADS: usize = 4;

/// How many wait for that.
const QUEUE: usize = 1024;

/// What became of a name: addresses, or why there are none.
pub type Found = Result<Vec<IpAddr>, String>;

/// The threads, and the questions and answers on their way.
pub struct Lookups {
    questions: SyncSender<Question>,
    answers: Receiver<Answer>,
    /// Rings when there is an answer.
    pub bell: Arc<EventFd>,
}

impl Lookups {
    /// Starts the threads, which are restricted as this one is by now.
    pub fn start() -> Result<Self, Errno> {
        crate::sys::look_names_up_by_files_and_dns();
        let (lookups, waiting, done) = Self::unattended()?;
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..THREADS {
            let (waiting, done) = (Arc::clone(&waiting), Sender::clone(&done));
            let bell = Arc::clone(&lookups.bell);
            thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(move || look_up(&waiting, &done, &bell))
                .map_err(|error| error.raw_os_error().map_or(Errno::EAGAIN, Errno::from_raw))?;
        }
        Ok(lookups)
    }

    /// Without anybody who takes the questions and answers them.
    fn unattended() -> Result<(Self, Receiver<Question>, Sender<Answer>), Errno> {
        let (questions, waiting) = sync_channel(QUEUE);
        let (done, answers) = channel();
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        Ok((Self { questions, answers, bell }, waiting, done))
    }

    /// Puts a question, unless too many wait.
    pub fn ask(&self, ticket: Ticket, name: &str) -> Result<(), Why> {
        self.questions
            .try_send((ticket, name.to_owned()))
            .map_err(|_| Why::Limit("too many names are looked up at once".into()))
    }

    /// What was found since.
    pub fn found(&self) -> Vec<Answer> {
        // Only to silence it; what there is stands in the channel.
        let _ = self.bell.read();
        self.answers.try_iter().collect()
    }
}

/// For whom, and the name.
type Question = (Ticket, String);
type Answer = (Ticket, Found);
type Questions = Mutex<Receiver<Question>>;

fn look_up(questions: &Questions, answers: &Sender<Answer>, bell: &EventFd) {
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

/// What getaddrinfo(3) says, without what the library puts before it, and as all messages are written.
fn words(error: &std::io::Error) -> String {
    let words = error.to_string();
    let prefix = "failed to lookup address information: ";
    words.strip_prefix(prefix).unwrap_or(&words).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[test]
    fn a_flood_of_questions_is_refused() {
        let (lookups, _waiting, _done) = Lookups::unattended().unwrap();
        let ask = |number| lookups.ask(Ticket { place: 0, number }, "a.example");
        for number in 0..QUEUE {
            assert_eq!(ask(number as u32), Ok(()));
        }
        let refused = Why::Limit("too many names are looked up at once".into());
        assert_eq!(ask(9999), Err(refused));
    }

    #[test]
    fn what_the_library_puts_before_the_words_is_not_passed_on() {
        let library = "failed to lookup address information: Name or service not known";
        assert_eq!(words(&Error::other(library)), "name or service not known");
        assert_eq!(words(&Error::other("out of memory")), "out of memory");
    }
}
