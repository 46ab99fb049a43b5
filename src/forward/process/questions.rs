//! Questions to the name server over TCP (RFC 7766): each behind its length.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::epoll::EpollFlags;

use super::super::flow::{interest, no_wait};

/// How long a connection may say nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// A question is shorter.
const LONGEST: usize = 4096;

/// One connection to the name server.
pub struct Questions {
    pub number: u32,
    stream: TcpStream,
    heard: Vec<u8>,
    said: Vec<u8>,
    pub deadline: Instant,
    pub watched: [Option<EpollFlags>; 2],
}

impl Questions {
    pub fn new(number: u32, stream: TcpStream) -> Self {
        let deadline = Instant::now() + SILENCE;
        Self { number, stream, heard: Vec::new(), said: Vec::new(), deadline, watched: [None; 2] }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn wants(&self) -> EpollFlags {
        interest(self.said.is_empty(), !self.said.is_empty())
    }

    /// Answers what is there; false when the connection is at its end.
    pub fn go_on(&mut self, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>>) -> bool {
        let mut room = [0; LONGEST];
        loop {
            while !self.said.is_empty() {
                match no_wait(|| (&mut &self.stream).write(&self.said)) {
                    Ok(Some(count)) => drop(self.said.drain(..count)),
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
            match no_wait(|| (&mut &self.stream).read(&mut room)) {
                Ok(None) => return true,
                Ok(Some(0)) | Err(_) => return false,
                Ok(Some(count)) => self.heard.extend_from_slice(&room[..count]),
            }
            self.deadline = Instant::now() + SILENCE;
            while let Some(length) = self.heard.first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes(*length));
                if length > LONGEST {
                    return false;
                }
                let Some(question) = self.heard.get(2..2 + length) else { break };
                let Some(words) = answer(question) else { return false };
                let Ok(size) = u16::try_from(words.len()) else { return false };
                self.said.extend(size.to_be_bytes());
                self.said.extend(words);
                self.heard.drain(..2 + length);
            }
        }
    }
}
