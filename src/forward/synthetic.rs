//! Names and the addresses that stand for them inside.
//!
//! Every allowed name has an address of its own, so that the address that a connection goes to
//! says which name was meant. They are of the ranges for benchmarks, which no network routes
//! (RFC 2544 and RFC 5180): who is reached by one of them is on no network outside.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where names are asked for: the address in /etc/resolv.conf.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The address of IPv6 that connections of the sandbox come from.
pub const OWN_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1);

/// How many names one run may have. The address of one is never given to another.
pub const MOST_NAMES: usize = 4096;

const FIRST_V4: u32 = 0xc612_0100;
const FIRST_V6: u128 = 0x2001_0002_0000_0000_0000_0000_0001_0000;

/// The two addresses of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
}

impl Synthetic {
    fn of(index: u32) -> Self {
        Self { v4: (FIRST_V4 + index).into(), v6: (FIRST_V6 + u128::from(index)).into() }
    }
}

/// All names of a run, in the order in which they were first asked for.
#[derive(Debug, Default)]
pub struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// The addresses of a name, always the same; `None` when there are too many names.
    pub fn address(&mut self, name: &str) -> Option<Synthetic> {
        if let Some(number) = self.numbers.get(name) {
            return Some(Synthetic::of(*number));
        }
        if self.names.len() >= MOST_NAMES {
            return None;
        }
        let number = u32::try_from(self.names.len()).ok()?;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        Some(Synthetic::of(number))
    }

    /// The name that an address stands for.
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        let number = match address {
            IpAddr::V4(v4) => u128::from(u32::from(v4).checked_sub(FIRST_V4)?),
            IpAddr::V6(v6) => u128::from(v6).checked_sub(FIRST_V6)?,
        };
        self.names.get(usize::try_from(number).ok()?).map(String::as_str)
    }
}

/// Whether an address is of the ranges that stand for names, also if it stands for none.
pub fn is_synthetic(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => u32::from(v4) >> 17 == FIRST_V4 >> 17,
        IpAddr::V6(v6) => u128::from(v6) >> 80 == FIRST_V6 >> 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_addresses_and_shares_them_with_nobody() {
        let mut names = Names::default();
        let one = names.address("a.example").unwrap();
        let other = names.address("b.example").unwrap();
        assert_ne!(one, other);
        assert_eq!(names.address("a.example"), Some(one));
        for address in [IpAddr::V4(other.v4), IpAddr::V6(other.v6)] {
            assert_eq!(names.name(address), Some("b.example"));
            assert!(is_synthetic(address));
        }
    }

    #[test]
    fn what_was_given_to_nobody_has_no_name() {
        let mut names = Names::default();
        names.address("a.example").unwrap();
        for address in ["198.18.0.1", "198.18.1.1", "1.2.3.4", "::1", "2001:2::1", "ffff::"] {
            assert_eq!(names.name(address.parse().unwrap()), None, "{address}");
        }
        for address in ["198.17.255.255", "198.20.0.0", "2001:2:1::", "2001:1::"] {
            assert!(!is_synthetic(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_flood_of_names_ends() {
        let mut names = Names::default();
        for number in 0..MOST_NAMES {
            assert!(names.address(&format!("{number}.example")).is_some());
        }
        assert_eq!(names.address("one-more.example"), None);
        assert!(names.address("0.example").is_some());
    }
}
