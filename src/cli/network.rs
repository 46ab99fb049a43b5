//! The flags of `[network]`, in podman's spelling where podman has the thing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;

use clap::Args;

use crate::diagnostic::{Diagnostic, Located};
use crate::profile::{Network, parse_address, parse_host_name, published_twice};

use super::layer::{list, one, switch, utf8, value};
use super::words;

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Network")]
pub struct NetworkFlags {
    /// Choose the network that the command has
    ///
    /// none, unless said: a loopback interface of its own. host: the network of this machine, with all
    /// that listens on it. nat: all that this machine reaches, but for what listens on its loopback
    /// interface (needs pasta, package passt). allow: what --allow names, and nothing else. ns:PATH: the network
    /// namespace of this file, as ns:/proc/PID/ns/net.
    #[arg(long, value_name = "MODE", value_parser = words::NETWORK_MODES)]
    pub network: Option<OsString>,

    /// Reach this destination, as example.org:443, *.example.org or 192.0.2.0/24:5432
    #[arg(long, value_name = "DESTINATION")]
    pub allow: Vec<OsString>,

    /// Have a port of this machine lead to one inside
    ///
    /// Without an address this machine alone may connect. With `/udp` at its end it is one of UDP.
    #[arg(short, long, value_name = "[IP:]HOST:INSIDE")]
    pub publish: Vec<OsString>,

    /// Let the command reach what listens on this machine's loopback interface: off, unless said
    #[arg(long, value_name = "SWITCH", value_parser = words::SWITCHES)]
    pub host_loopback: Option<OsString>,

    /// Name an address in /etc/hosts
    #[arg(long, value_name = "NAME:IP")]
    pub add_host: Vec<OsString>,

    /// Ask this server for names
    #[arg(long, value_name = "IP")]
    pub dns: Vec<OsString>,
}

/// What the flags say about the network; mistakes go to `mistakes`.
pub fn network(flags: &NetworkFlags, mistakes: &mut Vec<Diagnostic>) -> Network {
    let publish = list("--publish", &flags.publish, mistakes, value);
    mistakes.extend(published_twice(&publish));
    Network {
        mode: one("--network", flags.network.as_ref(), mistakes, value),
        allow: list("--allow", &flags.allow, mistakes, value),
        publish,
        host_loopback: one("--host-loopback", flags.host_loopback.as_ref(), mistakes, switch),
        hosts: hosts(&flags.add_host, mistakes),
        dns: list("--dns", &flags.dns, mistakes, |text| Ok(parse_address(utf8(text)?)?)),
    }
}

fn hosts(flags: &[OsString], mistakes: &mut Vec<Diagnostic>) -> BTreeMap<String, Located<IpAddr>> {
    let named = list("--add-host", flags, mistakes, host);
    let named = named.into_iter();
    named.map(|Located { value: (name, ip), origin }| (name, Located::new(ip, origin))).collect()
}

/// Reads `NAME:IP`; an address of IPv6 needs no brackets.
fn host(text: &OsStr) -> Result<(String, IpAddr), Diagnostic> {
    let text = utf8(text)?;
    let Some((name, address)) = text.split_once(':') else {
        return Err(Diagnostic::error(format!("`{text}` names no address"))
            .help("write NAME:IP, as `db:127.0.0.1`"));
    };
    Ok((parse_host_name(name)?, parse_address(address)?))
}
