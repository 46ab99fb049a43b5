//! Connections that the kernel refuses because nobody listens on their port.
//!
//! They never reach the forwarder's sockets, yet the user wants to be told. The answer to such an
//! attempt is a reset that acknowledges the first packet and has the sequence number zero (RFC 9293,
//! 3.10.7.1), which no other reset has. A raw socket inside hears those, and nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_IMM, BPF_IND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_LDX,
    BPF_MSH, BPF_RET, BPF_W, sock_filter,
};

/// Where these stand in a head of TCP.
const SEQUENCE: u32 = 4;
const FLAGS: u32 = 13;

/// The flags RST and ACK.
const REFUSAL: u32 = 0x14;

/// More than two heads are long.
pub const LONGEST: usize = 128;

/// What a raw socket lets through. One of IPv4 gets the head of the packet as well, one of IPv6 does
/// not (raw(7), ipv6(7)).
pub fn filter(v4: bool) -> Vec<sock_filter> {
    let load = if v4 { BPF_IND } else { BPF_ABS };
    let (drop_all, take_all) = (0, LONGEST as u32);
    let mut program = Vec::with_capacity(8);
    if v4 {
        program.push(step(BPF_LDX | BPF_B | BPF_MSH, 0));
    } else {
        program.push(step(BPF_LDX | BPF_W | BPF_IMM, 0));
    }
    program.push(step(BPF_LD | BPF_W | load, SEQUENCE));
    program.push(unless(0, 4));
    program.push(step(BPF_LD | BPF_B | load, FLAGS));
    program.push(step(BPF_ALU | BPF_AND | BPF_K, REFUSAL));
    program.push(unless(REFUSAL, 1));
    program.push(step(BPF_RET | BPF_K, take_all));
    program.push(step(BPF_RET | BPF_K, drop_all));
    program
}

fn step(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Skips so many steps where the accumulator is not this.
fn unless(k: u32, skip: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | BPF_JEQ | BPF_K) as u16, jt: 0, jf: skip, k }
}

/// Whom a connection was for that was refused: who the reset says that it is from. `from` is the
/// sender as the kernel says it, of IPv6.
pub fn refused(packet: &[u8], from: Option<IpAddr>) -> Option<SocketAddr> {
    let (address, head) = match from {
        Some(address) => (address, packet),
        None => {
            let words = usize::from(packet.first()? & 0x0f);
            let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            (Ipv4Addr::from(source).into(), packet.get(4 * words..)?)
        }
    };
    let port = u16::from_be_bytes(*head.first_chunk()?);
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(words: u8) -> Vec<u8> {
        let mut packet = vec![0; usize::from(words) * 4];
        packet[0] = 0x40 | words;
        packet[12..16].copy_from_slice(&[198, 18, 1, 0]);
        packet.extend([0x1f, 0x90, 0, 7]);
        packet
    }

    #[test]
    fn who_refused_is_read_from_both_heads() {
        let whom = Some("198.18.1.0:8080".parse().unwrap());
        assert_eq!(refused(&packet(5), None), whom);
        assert_eq!(refused(&packet(15), None), whom);
        let v6: IpAddr = "2001:2::1:0".parse().unwrap();
        let whom = Some("[2001:2::1:0]:8080".parse().unwrap());
        assert_eq!(refused(&packet(5)[20..], Some(v6)), whom);
    }

    #[test]
    fn what_breaks_off_is_nobody() {
        for length in 0..22 {
            assert_eq!(refused(&packet(5)[..length], None), None);
        }
        assert_eq!(refused(&[], Some(Ipv4Addr::LOCALHOST.into())), None);
    }
}
