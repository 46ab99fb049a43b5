//! Which addresses are somebody on the internet, and not this machine or its neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of IPv4 that is written as one of IPv6 (RFC 4291, 2.5.5.2) is that of IPv4.
pub fn without_mapping(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Whether a name may lead to this address without an entry for the address itself.
///
/// A name is under the control of whoever answers for it. It must not lead to services that
/// trust whoever can reach them: of this machine, of its networks, of the cloud that it runs in
/// (169.254.169.254, fd00:ec2::254). The ranges are those of the IANA registries of special
/// addresses.
pub fn is_public(address: IpAddr) -> bool {
    match without_mapping(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // "This network", loopback, private, multicast, reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Behind a carrier's address translation.
        [100, 64..=127, ..] => true,
        [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => true,
        // Protocol assignments, and benchmarks: ours stand for names.
        [192, 0, 0, _] | [198, 18..=19, ..] => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        // Translated to IPv4 on the way: who is reached is in the address.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => is_public_v4(v4(g, h)),
        (0x2002, _) => is_public_v4(v4(b, c)),
        // Teredo hides an address of IPv4 too; the next are for benchmarks and for discarding.
        (0x2001, 0) => false,
        (0x2001, 2) => c != 0,
        (0x100, 0) => [c, d] != [0, 0],
        // All that is in use is in 2000::/3 (RFC 4291, 2.4).
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_the_internet_are_public() {
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        assert!(is_public("::ffff:1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn this_machine_and_its_neighbours_are_not() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:2::1",
            "100::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
