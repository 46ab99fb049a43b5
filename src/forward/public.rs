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

/// Whether all of a network is special: who names it means its machines, and not the internet by and large.
pub fn is_special(network: IpAddr, bits: u8) -> bool {
    // The largest special ones: 0.0.0.0/8 and the like, fc00::/7.
    let (ends, enough) = match network {
        IpAddr::V4(v4) => {
            let rest = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = u32::from(v4) & !rest;
            ([first, first | rest].map(|end| IpAddr::from(Ipv4Addr::from(end))), bits >= 8)
        }
        IpAddr::V6(v6) => {
            let rest = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            let first = u128::from(v6) & !rest;
            ([first, first | rest].map(|end| IpAddr::from(Ipv6Addr::from(end))), bits >= 7)
        }
    };
    enough && ends.iter().all(|end| !is_public(*end))
}

/// Whether nobody should be told how to let this through: who is reached at such an address trusts whoever
/// reaches it.
pub fn is_trap(address: IpAddr) -> bool {
    match without_mapping(address) {
        IpAddr::V4(v4) => {
            let azure = v4.octets() == [168, 63, 129, 16];
            v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || azure
        }
        IpAddr::V6(v6) => {
            let amazon = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() || amazon
        }
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // "This network", loopback, private, multicast, reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => true,
        // Behind a carrier's address translation.
        [100, 64..=127, ..] => true,
        // In Azure, the host of the virtual machine (learn.microsoft.com, "What is IP address
        // 168.63.129.16").
        [168, 63, 129, 16] => true,
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
    fn networks_are_special_as_a_whole_or_not() {
        for (network, special) in [
            ("10.0.0.0/8", true),
            ("192.168.0.0/16", true),
            ("127.0.0.1/32", true),
            ("fc00::/7", true),
            ("::1/128", true),
            ("0.0.0.0/0", false),
            ("0.0.0.0/1", false),
            ("100.0.0.0/8", false),
            ("192.0.0.0/8", false),
            ("1.1.1.0/24", false),
            ("::/0", false),
            ("::/1", false),
            ("2001:db8::/32", false),
        ] {
            let (address, bits) = network.split_once('/').unwrap();
            let found = is_special(address.parse().unwrap(), bits.parse().unwrap());
            assert_eq!(found, special, "{network}");
        }
    }

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
            "168.63.129.16",
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
