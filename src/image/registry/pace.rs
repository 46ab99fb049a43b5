//! A byte now and then is no answer.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// A stream that must bring `least` bytes in the time that is spent waiting for it, again and again.
/// How long its reader takes for other things does not count.
pub struct Paced<R> {
    inner: R,
    least: u64,
    longest: Duration,
    came: u64,
    waited: Duration,
}

/// Why such a stream ends.
#[derive(Debug)]
pub struct TooSlow;

impl<R> Paced<R> {
    pub fn new(inner: R, least: u64, longest: Duration) -> Self {
        Self { inner, least, longest, came: 0, waited: Duration::ZERO }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waited > self.longest {
            return Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow));
        }
        let begun = Instant::now();
        let count = self.inner.read(buffer)?;
        self.waited += begun.elapsed();
        self.came += count as u64;
        if self.came >= self.least {
            (self.came, self.waited) = (0, Duration::ZERO);
        }
        Ok(count)
    }
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too little came for too long")
    }
}

impl std::error::Error for TooSlow {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brings a few bytes each time, and all time has passed.
    fn read_all(bytes: &[u8], least: u64) -> io::Result<usize> {
        let mut paced = Paced::new(bytes, least, Duration::ZERO);
        let (mut total, mut buffer) = (0, [0; 10]);
        loop {
            match paced.read(&mut buffer)? {
                0 => return Ok(total),
                count => total += count,
            }
        }
    }

    #[test]
    fn enough_must_come_in_time() {
        assert_eq!(read_all(&[0; 100], 10).unwrap(), 100);
        let error = read_all(&[0; 100], 11).unwrap_err();
        assert!(error.get_ref().unwrap().is::<TooSlow>());
    }
}
