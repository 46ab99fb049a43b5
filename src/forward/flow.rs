//! Bytes from one connection to another and back, with as much in between as one read takes.
//!
//! What the receiver does not take waits here, and nothing more is read until it has: a slow
//! reader slows the sender down, and costs no memory. The end of one direction is passed on by
//! itself, so that half-closed connections work.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use nix::sys::epoll::EpollFlags;

/// The most bytes of one direction that wait here.
pub const CHUNK: usize = 128 * 1024;

/// How often a direction is read from before others have their turn.
const TURNS: usize = 8;

/// One direction.
#[derive(Debug, Default)]
pub struct Pipe {
    waiting: Vec<u8>,
    /// How much of it was taken.
    taken: usize,
    /// The sender has nothing more to say.
    ended: bool,
    /// The receiver knows.
    told: bool,
}

impl Pipe {
    /// Puts bytes in that were read already.
    pub fn put(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Moves what can be moved without waiting. `scratch` is room for one read.
    pub fn pump(&mut self, from: &TcpStream, to: &TcpStream, scratch: &mut [u8]) -> io::Result<()> {
        for _ in 0..TURNS {
            self.flush(to)?;
            if self.wants_room() {
                return Ok(());
            }
            if self.ended {
                return self.tell(to);
            }
            let count = match no_wait(|| (&mut &*from).read(scratch))? {
                Some(0) => {
                    self.ended = true;
                    return self.tell(to);
                }
                Some(count) => count,
                None => return Ok(()),
            };
            let written = no_wait(|| (&mut &*to).write(&scratch[..count]))?.unwrap_or(0);
            self.put(&scratch[written..count]);
        }
        Ok(())
    }

    fn flush(&mut self, to: &TcpStream) -> io::Result<()> {
        while self.wants_room() {
            match no_wait(|| (&mut &*to).write(&self.waiting[self.taken..]))? {
                Some(count) => self.taken += count,
                None => return Ok(()),
            }
        }
        // What was room for a burst is not kept for a connection that says nothing.
        self.waiting = Vec::new();
        self.taken = 0;
        Ok(())
    }

    fn tell(&mut self, to: &TcpStream) -> io::Result<()> {
        if !self.told {
            self.told = true;
            match to.shutdown(Shutdown::Write) {
                // It has gone by itself.
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// Whether bytes wait until the receiver has room.
    pub fn wants_room(&self) -> bool {
        self.taken < self.waiting.len()
    }

    /// Whether more may be read.
    pub fn wants_bytes(&self) -> bool {
        !self.ended && !self.wants_room()
    }

    /// Whether all was passed on, and the end of it.
    pub fn is_done(&self) -> bool {
        self.told
    }
}

/// `None` where it would have to wait.
pub fn no_wait<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map(Some),
        }
    }
}

/// What to wait for on a connection that one direction comes from and the other goes to.
pub fn interest(from: bool, to: bool) -> EpollFlags {
    let mut flags = EpollFlags::empty();
    flags.set(EpollFlags::EPOLLIN, from);
    flags.set(EpollFlags::EPOLLOUT, to);
    flags
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn what_is_not_taken_waits_and_nothing_more_is_read() {
        let (mut sender, from) = pair();
        let (to, mut receiver) = pair();
        from.set_nonblocking(true).unwrap();
        to.set_nonblocking(true).unwrap();
        let sent: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
        let whole = sent.clone();
        let thread = std::thread::spawn(move || sender.write_all(&whole).map(drop));
        let (mut pipe, mut scratch) = (Pipe::default(), vec![0; CHUNK]);
        while !pipe.wants_room() {
            pipe.pump(&from, &to, &mut scratch).unwrap();
        }
        assert!(pipe.waiting.len() <= CHUNK);
        assert!(!pipe.wants_bytes());
        let mut received = Vec::new();
        let mut part = vec![0; 1 << 20];
        receiver.set_nonblocking(true).unwrap();
        while !pipe.is_done() || received.len() < sent.len() {
            pipe.pump(&from, &to, &mut scratch).unwrap();
            if let Some(count) = no_wait(|| receiver.read(&mut part)).unwrap() {
                received.extend_from_slice(&part[..count]);
            }
        }
        thread.join().unwrap().unwrap();
        assert!(received == sent);
    }

    #[test]
    fn the_end_of_one_direction_leaves_the_other_open() {
        let (client, from) = pair();
        let (to, server) = pair();
        let (mut there, mut back, mut scratch) = (Pipe::default(), Pipe::default(), vec![0; CHUNK]);
        client.shutdown(Shutdown::Write).unwrap();
        there.pump(&from, &to, &mut scratch).unwrap();
        assert!(there.is_done() && !back.is_done());
        assert_eq!((&server).read(&mut scratch).unwrap(), 0);
        (&server).write_all(b"late").unwrap();
        drop(server);
        while !back.is_done() {
            back.pump(&to, &from, &mut scratch).unwrap();
        }
        let mut heard = String::new();
        (&client).read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "late");
    }
}
