//! Connections over TCP: two threads each, one for each direction.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use nix::errno::Errno;

/// More connections than these wait outside.
const MOST: usize = 256;
/// A direction needs its buffer, and little more.
const STACK: usize = 64 * 1024;
const BUFFER: usize = 16 * 1024;

/// The connections that there are. Each holds a copy of the counter.
#[derive(Default)]
pub struct Streams {
    open: Arc<()>,
    /// The kernel had no descriptor left the last time.
    exhausted: bool,
}

impl Streams {
    pub fn have_room(&mut self) -> bool {
        !std::mem::take(&mut self.exhausted) && Arc::strong_count(&self.open) <= MOST
    }

    /// Takes one connection, and has it passed on.
    pub fn accept(&mut self, listener: &TcpListener, inside: u16) {
        match listener.accept() {
            Ok((outside, _)) => {
                let counted = Arc::clone(&self.open);
                // Without a thread, or a place inside, the connection ends.
                let _ = spawn(move || pass_on(&outside, inside, counted));
            }
            Err(error) => {
                let full = [Errno::EMFILE as i32, Errno::ENFILE as i32, Errno::ENOMEM as i32];
                self.exhausted = error.raw_os_error().is_some_and(|errno| full.contains(&errno));
            }
        }
    }
}

fn spawn(body: impl FnOnce() + Send + 'static) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().stack_size(STACK).spawn(body)
}

fn pass_on(outside: &TcpStream, inside: u16, counted: Arc<()>) {
    let Ok(inner) = connect(inside) else { return };
    let (Ok(reader), Ok(writer)) = (inner.try_clone(), outside.try_clone()) else { return };
    if let Ok(back) = spawn(move || one_way(&reader, &writer)) {
        one_way(outside, &inner);
        // Nothing in it panics.
        let _ = back.join();
    }
    drop(counted);
}

/// A program may listen on one of the two loopback addresses alone.
fn connect(port: u16) -> std::io::Result<TcpStream> {
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    TcpStream::connect(v4).or_else(|_| TcpStream::connect(v6))
}

/// Passes on what is read, and that there is no more: the other direction goes on. Who does not take
/// it makes the sender wait.
fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    let mut buffer = [0; BUFFER];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) if to.write_all(&buffer[..length]).is_ok() => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // Broken is broken in both directions.
            Ok(_) | Err(_) => {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
    // It may be closed already, which is as good.
    let _ = to.shutdown(Shutdown::Write);
}
