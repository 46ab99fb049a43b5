//! Which program inside has a socket, by what /proc shows of the sandbox's processes.
//!
//! What is found is what the program calls itself, in at most 15 bytes of its own choice. The work is bounded:
//! a command with very many processes or descriptors stays without a name.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::forward::{Question, Transport};

/// So many bytes of a table of sockets are read.
const LONGEST_TABLE: u64 = 1 << 20;
/// So many processes and so many of their descriptors are looked at.
const MOST_PROCESSES: usize = 1024;
const MOST_DESCRIPTORS: usize = 8192;
/// So long is looked: signals wait meanwhile, and each process may have very many threads. Who asks waits
/// for little longer.
const PATIENCE: Duration = Duration::from_millis(200);

/// The name of the program that has the socket which is asked about. `init` is a child that has not been
/// waited for.
pub fn program(init: Pid, question: Question) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    let socket = socket(init, question.transport, question.from)?;
    let process = holder(init, &format!("socket:[{socket}]"), deadline)?;
    let name = fs::read(format!("/proc/{process}/comm")).ok()?;
    harmless(&name)
}

/// The number of the socket inside that is bound to this place.
fn socket(init: Pid, transport: Transport, from: SocketAddr) -> Option<u64> {
    let (v4, v6) = match transport {
        Transport::Tcp => ("tcp", "tcp6"),
        Transport::Udp => ("udp", "udp6"),
    };
    let mut places = vec![from.ip().to_canonical()];
    if transport == Transport::Udp {
        // One that is not connected.
        places.extend([Ipv4Addr::UNSPECIFIED.into(), IpAddr::from(Ipv6Addr::UNSPECIFIED)]);
    }
    let shown: Vec<String> = places
        .iter()
        .flat_map(|place| shown(*place))
        .map(|it| format!("{it}:{:04X}", from.port()))
        .collect();
    [v4, v6].iter().find_map(|table| {
        let mut text = String::new();
        let file = File::open(format!("/proc/{init}/net/{table}")).ok()?;
        file.take(LONGEST_TABLE).read_to_string(&mut text).ok()?;
        in_table(&text, &shown)
    })
}

/// Of the lines of such a table (proc(5), `/proc/net/tcp`): that of a socket which a process has.
fn in_table(table: &str, places: &[String]) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let place = fields.nth(1)?;
        let number: u64 = fields.nth(7)?.parse().ok()?;
        (places.iter().any(|it| it == place) && number != 0).then_some(number)
    })
}

/// An address as the tables have it: words in the order of this machine. One of IPv4 may be in the table of
/// IPv6.
fn shown(address: IpAddr) -> Vec<String> {
    let words = |bytes: &[u8]| -> String {
        let words = bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
        words.map(|word| format!("{:08X}", u32::from_ne_bytes(word))).collect()
    };
    match address {
        IpAddr::V4(address) => {
            vec![words(&address.octets()), words(&address.to_ipv6_mapped().octets())]
        }
        IpAddr::V6(address) => vec![words(&address.octets())],
    }
}

/// A process below `init` that has this open, if it is found in time.
fn holder(init: Pid, target: &str, deadline: Instant) -> Option<u32> {
    let mut left = MOST_DESCRIPTORS;
    let mut open = children(u32::try_from(init.as_raw()).ok()?, deadline)?;
    let mut next = 0;
    while let Some(process) = open.get(next).copied() {
        next += 1;
        for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            left = left.checked_sub(1)?;
            if fs::read_link(entry.path()).is_ok_and(|it| it.as_os_str() == target) {
                return Some(process);
            }
        }
        if open.len() < MOST_PROCESSES {
            open.extend(children(process, deadline)?);
        }
    }
    None
}

/// The children of all threads of a process; `None` when the time is over. A kernel without `children`
/// knows none.
fn children(process: u32, deadline: Instant) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        if Instant::now() >= deadline {
            return None;
        }
        let Ok(list) = fs::read_to_string(thread.path().join("children")) else { continue };
        found.extend(list.split_ascii_whitespace().filter_map(|it| it.parse::<u32>().ok()));
        if found.len() >= MOST_PROCESSES {
            break;
        }
    }
    Some(found)
}

/// Letters, digits and a few signs; in the place of all else a `?` stands. Nobody is to write sentences of
/// his own into what jail says.
fn harmless(name: &[u8]) -> Option<String> {
    let name = name.trim_ascii();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" ._+:@/-".contains(byte);
    let plain = name.iter().map(|byte| if is_plain(byte) { char::from(*byte) } else { '?' });
    let plain: String = plain.take(15).collect();
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::process::Command;

    use super::*;

    #[test]
    fn sockets_are_found_by_their_place() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let found = socket(Pid::this(), Transport::Tcp, place).unwrap();
        assert_eq!(link.to_str(), Some(format!("socket:[{found}]").as_str()));
        assert_eq!(socket(Pid::this(), Transport::Udp, place), None);
    }

    /// Of a command with so many processes and threads that they cannot be seen through.
    #[test]
    fn it_is_not_looked_longer_than_there_is_time() {
        let (_ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", theirs.as_raw_fd())).unwrap();
        let target = link.to_str().unwrap();
        let mut child = Command::new("cat").stdin(OwnedFd::from(theirs)).spawn().unwrap();
        let now = Instant::now();
        let in_time = holder(Pid::this(), target, now + Duration::from_secs(60));
        let late = holder(Pid::this(), target, now);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(in_time, Some(child.id()));
        assert_eq!(late, None);
    }

    #[test]
    fn a_table_is_read_by_its_columns() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 0 1\n   \
            1: 0100007F:1F90 0200007F:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0\n\
            nonsense\n";
        assert_eq!(in_table(table, &["0100007F:1F90".into()]), Some(4711));
        assert_eq!(in_table(table, &["0100007F:1F91".into()]), None);
        assert_eq!(in_table("", &[]), None);
    }

    #[test]
    fn addresses_are_words_of_this_machine() {
        let words = shown("127.0.0.1".parse().unwrap());
        if cfg!(target_endian = "little") {
            assert_eq!(words, ["0100007F", "0000000000000000FFFF00000100007F"]);
        }
        assert_eq!(shown("::".parse().unwrap()), ["0".repeat(32)]);
    }

    #[test]
    fn a_name_says_nothing_but_a_name() {
        for (name, plain) in [
            (&b"npm ci\n"[..], Some("npm ci")),
            (b"a, 3 times): ok", Some("a? 3 times?: ok")),
            (b"\x1b[31mred\n", Some("??31mred")),
            (b"b\xc3\xbccher`$\n", Some("b??cher??")),
            (b"much longer than fifteen bytes", Some("much longer tha")),
            (b" \n", None),
            (b"", None),
        ] {
            assert_eq!(harmless(name).as_deref(), plain, "{name:?}");
        }
    }
}
