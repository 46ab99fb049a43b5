//! `[network]`: what the command reaches, by which names, and who reaches it.
//!
//! [`values`]: the keys' own words; [`destination`]: entries of `allow`; [`publish`]: ports.

mod destination;
mod publish;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diagnostic::Located;

use super::PathText;

pub use destination::{Destination, Target};
pub use publish::{Publish, Transport, published_twice};
pub use values::{parse_address, parse_host_name};

/// `[network]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub mode: Option<Located<NetworkMode>>,
    /// What may be reached; the rest is refused.
    pub allow: Vec<Located<Destination>>,
    /// Ports of this machine that lead inside. No two are the same place outside.
    pub publish: Vec<Located<Publish>>,
    /// May the command reach what listens on the host's loopback interface?
    pub host_loopback: Option<Located<bool>>,
    /// Names for /etc/hosts.
    pub hosts: BTreeMap<String, Located<IpAddr>>,
    /// Whom the command asks for names, in order.
    pub dns: Vec<Located<IpAddr>>,
}

/// `[network] mode`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkMode {
    /// A loopback interface of its own, and nothing else.
    None,
    /// The host's network.
    Host,
    /// A network of its own that reaches what the host reaches, by pasta(1).
    Nat,
    /// A network of its own that reaches what `allow` names.
    Allow,
    /// A network namespace that is there already, by the path of its file.
    Namespace(PathText),
}

impl NetworkMode {
    /// As it is written, without the path of a namespace.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Nat => "nat",
            Self::Allow => "allow",
            Self::Namespace(_) => "ns",
        }
    }

    /// Whether the command gets a network namespace that is made for it.
    pub fn is_own(&self) -> bool {
        match self {
            Self::None | Self::Nat | Self::Allow => true,
            Self::Host | Self::Namespace(_) => false,
        }
    }
}
