//! What may be reached, by name and by address.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::profile::{Destination, Target};

use super::public::{is_public, is_special, without_mapping};
use super::synthetic::{Names, RESOLVER};

/// The ports of a name that is written without one.
const WEB: [u16; 2] = [443, 80];

/// Below it no port can be had by the command, which has no capabilities (ip(7)).
const FIRST_OF_EVERYBODY: u16 = 1024;

/// The port of name servers.
pub const DOMAIN: u16 = 53;

/// All entries of `[network] allow`.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Destination>);

impl Rules {
    pub fn new(destinations: Vec<Destination>) -> Self {
        Self(destinations)
    }

    /// Whether a name exists inside: any port of it may be reached.
    pub fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|entry| covers_name(&entry.target, name))
    }

    pub fn allow_name(&self, name: &str, port: u16) -> bool {
        self.0.iter().any(|entry| has_port(entry, port) && covers_name(&entry.target, name))
    }

    /// Whether an entry names this address, or a network that it is in. Entries that leave open
    /// who is reached mean machines of the internet: a name without an address, and a network that is
    /// larger than the special ones in it. `is_here` says of an address whether it is this machine's.
    pub fn allow_address(
        &self,
        address: IpAddr,
        port: u16,
        is_here: impl Fn(IpAddr) -> bool,
    ) -> bool {
        let address = without_mapping(address);
        let mut entries = self.0.iter().filter(|entry| has_port(entry, port));
        let is_elsewhere = || is_public(address) && !is_here(address);
        entries.any(|entry| match &entry.target {
            Target::Any => is_elsewhere(),
            Target::Addresses { network, bits } => {
                let means_it = is_single(*network, *bits) || is_special(*network, *bits);
                is_in(address, *network, *bits) && (means_it || is_elsewhere())
            }
            Target::Name(_) | Target::Below(_) => false,
        })
    }

    /// Whether a connection that is for `name` may go to this address, to which the name leads:
    /// to machines of the internet, and to what an entry names by its address.
    pub fn allow_lookup(
        &self,
        address: IpAddr,
        port: u16,
        is_here: impl Fn(IpAddr) -> bool,
    ) -> bool {
        (is_public(address) && !is_here(address)) || self.allow_address(address, port, is_here)
    }

    /// The ports that any entry names.
    pub fn ports(&self) -> BTreeSet<u16> {
        self.0.iter().flat_map(ports).collect()
    }

    /// The names that are known beforehand. Their addresses are the same in every run.
    pub fn names(&self) -> Names {
        let mut names = Names::default();
        for entry in &self.0 {
            if let Target::Name(name) = &entry.target {
                names.address(name);
            }
        }
        names
    }

    /// Where connections of the sandbox are waited for.
    ///
    /// One socket on every address takes in whatever is tried on its port, so that it can be
    /// told what was refused. But where the command could listen itself, on its own loopback,
    /// that would be in its way: there, one socket for each address that an entry names, if
    /// all of the port's entries name single ones.
    pub fn places(&self) -> Vec<SocketAddr> {
        let mut names = self.names();
        let mut places = Vec::new();
        for port in self.ports() {
            let mut entries = self.0.iter().filter(|entry| has_port(entry, port));
            let single: Option<Vec<_>> = entries
                .by_ref()
                .map(|entry| single(entry, &mut names).filter(|_| port >= FIRST_OF_EVERYBODY))
                .collect();
            let everywhere = || vec![vec![IpAddr::from([0; 4]), IpAddr::from([0_u16; 8])]];
            let addresses = single.unwrap_or_else(everywhere).into_iter().flatten();
            places.extend(addresses.map(|address| SocketAddr::new(address, port)));
        }
        if !self.ports().contains(&DOMAIN) {
            places.push(SocketAddr::new(RESOLVER.into(), DOMAIN));
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

fn single(entry: &Destination, names: &mut Names) -> Option<Vec<IpAddr>> {
    match &entry.target {
        Target::Name(name) => names.address(name).map(|both| vec![both.v4.into(), both.v6.into()]),
        Target::Addresses { network: IpAddr::V4(v4), bits: 32 } => Some(vec![(*v4).into()]),
        Target::Addresses { network: IpAddr::V6(v6), bits: 128 } => Some(vec![(*v6).into()]),
        Target::Addresses { .. } | Target::Below(_) | Target::Any => None,
    }
}

fn is_single(network: IpAddr, bits: u8) -> bool {
    bits == if network.is_ipv4() { 32 } else { 128 }
}

fn ports(entry: &Destination) -> Vec<u16> {
    entry.port.map_or(WEB.to_vec(), |port| vec![port])
}

fn has_port(entry: &Destination, port: u16) -> bool {
    ports(entry).contains(&port)
}

/// `*.example.org` does not mean `example.org` itself, as in certificates (RFC 6125, 6.4.3), but
/// does mean names at any depth.
fn covers_name(target: &Target, name: &str) -> bool {
    match target {
        Target::Any => true,
        Target::Name(only) => only == name,
        Target::Below(above) => name
            .strip_suffix(above.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|rest| !rest.is_empty()),
        Target::Addresses { .. } => false,
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differ = u32::from(address) ^ u32::from(network);
            differ.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differ = u128::from(address) ^ u128::from(network);
            differ.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(entries: &[&str]) -> Rules {
        Rules::new(entries.iter().map(|entry| entry.parse().unwrap()).collect())
    }

    fn places(entries: &[&str]) -> Vec<String> {
        rules(entries).places().iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn a_name_is_allowed_at_its_ports() {
        let rules = rules(&["a.example", "b.example:22"]);
        for (name, port, allowed) in [
            ("a.example", 443, true),
            ("a.example", 80, true),
            ("a.example", 22, false),
            ("b.example", 22, true),
            ("b.example", 443, false),
            ("c.example", 443, false),
            ("x.a.example", 443, false),
            ("example", 443, false),
        ] {
            assert_eq!(rules.allow_name(name, port), allowed, "{name}:{port}");
        }
        assert!(rules.knows("b.example") && !rules.knows("x.b.example"));
    }

    #[test]
    fn a_wildcard_means_what_is_below_it() {
        let rules = rules(&["*.example.org:443"]);
        for (name, allowed) in [
            ("a.example.org", true),
            ("a.b.example.org", true),
            ("example.org", false),
            (".example.org", false),
            ("evilexample.org", false),
            ("a.example.org.evil", false),
        ] {
            assert_eq!(rules.allow_name(name, 443), allowed, "{name}");
        }
    }

    #[test]
    fn addresses_are_allowed_by_address_alone() {
        let rules = rules(&["10.0.0.0/8:22", "[2001:db8::1]:22", "a.example:443", "[fd00::]/8:1"]);
        for (address, port, allowed) in [
            ("10.255.0.1", 22, true),
            ("::ffff:10.0.0.1", 22, true),
            ("11.0.0.1", 22, false),
            ("10.0.0.1", 443, false),
            ("2001:db8::1", 22, true),
            ("2001:db8::2", 22, false),
            ("fdff::1", 1, true),
            ("1.1.1.1", 443, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(rules.allow_address(address, port, |_| false), allowed, "{address}");
        }
    }

    #[test]
    fn a_name_leads_to_no_neighbour_unless_its_address_is_named() {
        let open = rules(&["a.example:443", "*:443"]);
        let named = rules(&["a.example:443", "127.0.0.1:443"]);
        let local = "127.0.0.1".parse().unwrap();
        let elsewhere = |_: IpAddr| false;
        assert!(open.allow_lookup("1.1.1.1".parse().unwrap(), 443, elsewhere));
        assert!(!open.allow_lookup(local, 443, elsewhere));
        assert!(!open.allow_address(local, 443, elsewhere));
        assert!(named.allow_lookup(local, 443, elsewhere));
        assert!(!named.allow_lookup(local, 80, elsewhere));
        assert!(!named.allow_lookup("169.254.169.254".parse().unwrap(), 443, elsewhere));
    }

    #[test]
    fn an_address_of_this_machine_has_to_be_named() {
        let own: IpAddr = "203.0.113.7".parse().unwrap();
        let is_here = |address| address == own;
        for entries in [&["*:443"][..], &["0.0.0.0/0:443"], &["203.0.113.0/24:443"]] {
            assert!(!rules(entries).allow_address(own, 443, is_here), "{entries:?}");
            assert!(!rules(entries).allow_lookup(own, 443, is_here), "{entries:?}");
        }
        assert!(rules(&["203.0.113.7:443"]).allow_lookup(own, 443, is_here));
    }

    #[test]
    fn a_large_network_does_not_mean_the_special_ones_in_it() {
        let all = rules(&["0.0.0.0/0:443", "[::]/0:443"]);
        for special in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"] {
            let special = special.parse().unwrap();
            assert!(!all.allow_address(special, 443, |_| false), "{special}");
        }
        assert!(all.allow_address("1.1.1.1".parse().unwrap(), 443, |_| false));
    }

    #[test]
    fn ports_that_nobody_can_have_are_caught_on_all_addresses() {
        let dns = "198.18.0.1:53";
        assert_eq!(places(&["a.example:443"]), ["0.0.0.0:443", dns, "[::]:443"]);
        assert_eq!(places(&["*:53"]), ["0.0.0.0:53", "[::]:53"]);
    }

    #[test]
    fn ports_that_the_command_may_want_are_caught_where_needed() {
        let dns = "198.18.0.1:53";
        let two = ["198.18.1.0:5432", "[2001:2::1:0]:5432"];
        assert_eq!(places(&["db.example:5432"]), [dns, two[0], two[1]]);
        assert_eq!(
            places(&["db.example:5432", "10.0.0.1:5432"]),
            ["10.0.0.1:5432", dns, two[0], two[1]]
        );
        assert_eq!(
            places(&["db.example:5432", "10.0.0.0/8:5432"]),
            ["0.0.0.0:5432", dns, "[::]:5432"]
        );
    }
}
