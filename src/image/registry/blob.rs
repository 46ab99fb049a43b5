//! A blob as a stream that goes on where it broke off.

use std::io::{self, Read};
use std::sync::Arc;

use super::client::Pull;
use super::endpoint::Endpoint;
use super::explain::words;
use super::fetch::{Fetched, Wish, content_length, fetch, pause};
use super::pace::Paced;
use super::trouble::{Broken, Trouble};

type Stream = Paced<Box<dyn Read + Send>>;

/// Bytes of a blob, exactly as many as its descriptor says, or an error.
pub struct Blob {
    pull: Arc<Pull>,
    /// `blobs/sha256:…`
    end: String,
    size: u64,
    position: u64,
    stream: Option<Stream>,
    failures: u32,
    /// The position at the last failure but those without progress.
    mark: u64,
}

impl Blob {
    /// From byte `offset` on; nothing is asked for if that is the end.
    pub fn open(pull: Arc<Pull>, end: String, size: u64, offset: u64) -> Result<Self, Failed> {
        let position = offset.min(size);
        let mut blob =
            Self { pull, end, size, position, stream: None, failures: 0, mark: position };
        if position < size || size == 0 {
            blob.stream = Some(blob.connect()?);
        }
        Ok(blob)
    }

    fn connect(&self) -> Result<Stream, Failed> {
        self.pull.try_all(|endpoint| self.connect_to(endpoint))
    }

    fn connect_to(&self, endpoint: &Endpoint) -> Result<Stream, Trouble> {
        let range = format!("bytes={}-", self.position);
        let all = [("Range", range.as_str())];
        let headers = if self.position == 0 { &[] } else { &all[..] };
        let wish = Wish { end: &self.end, headers };
        let Fetched { server, answer } = fetch(endpoint, wish, &self.pull.transport)?;
        let nonsense = |why: String| Trouble::Nonsense { server: server.clone(), why };
        let is_part = answer.status().as_u16() == 206;
        let (parts, body) = answer.into_parts();
        if is_part {
            let range = parts.headers.get("Content-Range").and_then(|range| range.to_str().ok());
            if !range.is_some_and(|range| fits(range, self.position, self.size)) {
                return Err(nonsense(
                    "it sends another part of the blob than asked for".to_owned(),
                ));
            }
            return Ok(self.paced(body));
        }
        if let Some(length) = content_length(&parts.headers).filter(|length| *length != self.size) {
            let size = self.size;
            return Err(nonsense(format!(
                "it says that the blob has {length} bytes, the manifest says {size}"
            )));
        }
        // A server that knows no ranges begins at the start.
        let mut stream = self.paced(body);
        let skipped = io::copy(&mut stream.by_ref().take(self.position), &mut io::sink());
        let broken = |broken| Trouble::Silent { server: server.clone(), broken };
        match skipped {
            Ok(length) if length == self.position => Ok(stream),
            Ok(_) => Err(broken(Broken::Lost("the server closed the connection".to_owned()))),
            Err(error) => Err(broken(Broken::from_io(&error, &server.host))),
        }
    }

    fn paced(&self, body: ureq::Body) -> Stream {
        let longest = self.pull.transport.options().patience.document;
        Paced::new(Box::new(body.into_reader()), PROGRESS, longest)
    }

    /// Waits before the next attempt, or gives up.
    fn fail(&mut self, why: &io::Error) -> io::Result<()> {
        self.stream = None;
        if self.position - self.mark >= PROGRESS {
            (self.failures, self.mark) = (0, self.position);
        }
        self.failures += 1;
        let patience = &self.pull.transport.options().patience;
        let server = self.pull.last().https.clone();
        let broken = Broken::from_io(why, &server.host);
        let text = match &broken {
            Broken::Lost(why) | Broken::Protocol(why) => why.clone(),
            Broken::Timeout(why) => (*why).to_owned(),
            _ => why.to_string(),
        };
        let lost = Trouble::Silent { server, broken: Broken::Lost(text) };
        let pause = pause(&lost, self.failures, patience);
        let pause = pause.filter(|_| self.failures < patience.attempts).ok_or_else(|| {
            let (at, size, attempts) = (self.position, self.size, self.failures);
            let words = words(&lost);
            io::Error::other(format!("{words}, {attempts} times at byte {at} of {size}"))
        })?;
        std::thread::sleep(pause);
        let stream = self.connect().map_err(|failed| io::Error::other(words(&failed.trouble)))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// After the last byte there is nothing more.
    fn end(&mut self) -> io::Result<usize> {
        let Some(mut stream) = self.stream.take() else { return Ok(0) };
        match stream.read(&mut [0]) {
            Ok(1..) => Err(io::Error::other(format!(
                "the registry sends more than the {} bytes that the manifest says",
                self.size
            ))),
            // That a connection breaks after everything has come does no harm.
            Ok(0) | Err(_) => Ok(0),
        }
    }
}

/// Why no endpoint gave anything.
pub struct Failed {
    /// Of the last endpoint, which is the registry itself.
    pub trouble: Trouble,
    /// What mirrors said before.
    pub mirrors: Vec<Trouble>,
}

/// Bytes between two failures that count as getting on.
const PROGRESS: u64 = 64 * 1024;

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.size - self.position;
            if left == 0 {
                return self.end();
            }
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = match &mut self.stream {
                Some(stream) => stream.read(&mut buffer[..most]),
                None => Err(io::ErrorKind::UnexpectedEof.into()),
            };
            match read {
                Ok(0) => self.fail(&io::ErrorKind::UnexpectedEof.into())?,
                Ok(length) => {
                    self.position += length as u64;
                    return Ok(length);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => self.fail(&error)?,
            }
        }
    }
}

/// `bytes START-END/SIZE` (RFC 9110, section 14.4) for everything from `start` on.
fn fits(range: &str, start: u64, size: u64) -> bool {
    let parts = || {
        let (range, whole) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| text.parse::<u64>().ok();
        let whole = if whole == "*" { size } else { number(whole)? };
        Some((number(first)?, number(last)?, whole))
    };
    parts() == size.checked_sub(1).map(|last| (start, last, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_that_was_asked_for_fits() {
        for (range, is) in [
            ("bytes 10-99/100", true),
            ("bytes 10-99/*", true),
            ("bytes 0-99/100", false),
            ("bytes 11-99/100", false),
            ("bytes 10-98/100", false),
            ("bytes 10-99/101", false),
            ("bytes 10-99", false),
            ("items 10-99/100", false),
            ("bytes */100", false),
            ("bytes +10-99/100x", false),
            ("", false),
        ] {
            assert_eq!(fits(range, 10, 100), is, "{range}");
        }
        assert!(!fits("bytes 0-0/0", 0, 0));
    }
}
