//! `[network]`: what cannot be had together, how the network is connected, and what /etc says about
//! names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diagnostic::{ASK_THE_DOCTOR, Diagnostic, Located, Origin};
use crate::host::NameServer;
use crate::plan::{Action, Nat, NetworkSpace};
use crate::profile::{Capability, NetworkMode, Target, expand};

use super::{Drawing, Steps, allow};

/// Whom the command asks for names where the host asks a server on itself. No other use is known of
/// them: a link-local address that nobody gives out (RFC 3927), and a local one of ours (RFC 4193).
const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
const RESOLVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd6a, 0x6169, 0x6c00, 0, 0, 0, 0, 0x53);

/// With these the command can send what it likes, to any address, without asking the kernel.
const CAP_NET_ADMIN: Capability = Capability(12);
const CAP_NET_RAW: Capability = Capability(13);

/// Refuses what makes no sense in the mode that is chosen.
pub(super) fn check(drawing: &mut Drawing) {
    let mode = drawing.network();
    let mut errors = Vec::new();
    errors.extend(capabilities(drawing, &mode.value));
    errors.extend(publish(drawing, &mode.value));
    errors.extend(host_loopback(drawing, &mode.value));
    errors.extend(dns(drawing, &mode.value));
    errors.extend(allowed(drawing, &mode.value));
    drawing.errors.extend(errors);
}

/// pasta takes what comes over its interface as it is: a packet to 127.0.0.1 would be answered by the
/// host.
fn capabilities(drawing: &Drawing, mode: &NetworkMode) -> Option<Diagnostic> {
    let lends = drawing.profile.network.host_loopback.as_ref().is_some_and(|lends| lends.value);
    if *mode != NetworkMode::Nat || lends {
        return None;
    }
    let keep = &drawing.profile.capabilities.keep;
    let kept = keep.iter().find(|kept| [CAP_NET_ADMIN, CAP_NET_RAW].contains(&kept.value))?;
    let error = Diagnostic::error(format!("`{}` cannot be kept in mode `nat`", kept.value));
    Some(
        error
            .at(&kept.origin)
            .because("the command could reach the host's loopback interface by packets of its own")
            .help("do without the capability, or say `host-loopback = true`"),
    )
}

fn publish(drawing: &Drawing, mode: &NetworkMode) -> Option<Diagnostic> {
    let first = drawing.profile.network.publish.first()?;
    let error = Diagnostic::error(format!("cannot publish `{}`", first.value)).at(&first.origin);
    match mode {
        NetworkMode::None | NetworkMode::Nat | NetworkMode::Allow => None,
        NetworkMode::Host => Some(
            error
                .because("the command has the host's network, and listens there itself")
                .help("remove it, or use `mode = \"nat\"`"),
        ),
        NetworkMode::Namespace(_) => Some(
            error
                .because("the network namespace is somebody else's, who decides what leads there")
                .help("remove it"),
        ),
    }
}

fn host_loopback(drawing: &Drawing, mode: &NetworkMode) -> Option<Diagnostic> {
    let wish = drawing.profile.network.host_loopback.as_ref().filter(|wish| wish.value)?;
    let because = match mode {
        NetworkMode::Nat => return None,
        NetworkMode::Host => "the command has the host's own loopback interface",
        NetworkMode::None | NetworkMode::Allow | NetworkMode::Namespace(_) => {
            "only in the mode `nat` is there a way to it"
        }
    };
    let error =
        Diagnostic::error(format!("`host-loopback` means nothing in mode `{}`", mode.name()));
    Some(error.at(&wish.origin).because(because).help("remove it, or use `mode = \"nat\"`"))
}

fn dns(drawing: &Drawing, mode: &NetworkMode) -> Option<Diagnostic> {
    let first = drawing.profile.network.dns.first()?;
    let because = match mode {
        NetworkMode::Nat | NetworkMode::Host | NetworkMode::Namespace(_) => return None,
        NetworkMode::None => "the command has no network to ask in",
        NetworkMode::Allow => "jail itself answers, for the names that are allowed",
    };
    let error = Diagnostic::error(format!("`dns` means nothing in mode `{}`", mode.name()));
    Some(error.at(&first.origin).because(because).help("remove it"))
}

fn is_flag<T>(value: Option<&Located<T>>) -> bool {
    value.is_some_and(|value| matches!(value.origin, Origin::Flag(_)))
}

/// A list of what may be reached must not be taken for a wall where it is none.
fn allowed(drawing: &Drawing, mode: &NetworkMode) -> Vec<Diagnostic> {
    let network = &drawing.profile.network;
    let flagged = network.allow.iter().find(|entry| is_flag(Some(*entry)));
    let Some(first) = flagged.or(network.allow.first()) else { return Vec::new() };
    let error = |because: &str| {
        let error = Diagnostic::error(format!("`allow` means nothing in mode `{}`", mode.name()));
        error.at(&first.origin).because(because)
    };
    match mode {
        NetworkMode::Allow => Vec::new(),
        // Flags lie over all profiles: this one is not ignored because `base` says `none`.
        NetworkMode::None if flagged.is_some() && !is_flag(network.mode.as_ref()) => {
            vec![error("nothing can be reached").help("say `--network allow` as well")]
        }
        NetworkMode::None if flagged.is_some() => {
            vec![error("nothing can be reached").help("remove `--network none`, or `--allow`")]
        }
        // Who says `none` over a profile with a list wants less, and gets it.
        NetworkMode::None if network.mode.is_some() => Vec::new(),
        NetworkMode::None => {
            vec![error("nothing can be reached").help("say `mode = \"allow\"` beside it")]
        }
        NetworkMode::Nat => {
            vec![
                error("all can be reached")
                    .help("say `mode = \"allow\"` (`--network allow`), or remove it"),
            ]
        }
        NetworkMode::Host | NetworkMode::Namespace(_) => {
            let names = network.allow.iter().filter(|entry| entry.value.target != Target::Any);
            let named = names.map(|entry| {
                let title = format!("cannot allow `{}` in mode `{}`", entry.value, mode.name());
                Diagnostic::error(title)
                    .at(&entry.origin)
                    .because(format!("on {} only ports can be told apart", whose(mode)))
                    .help("use `mode = \"allow\"`, or name a port alone, as `*:443`")
            });
            let enabled = drawing.profile.landlock.enabled.as_ref();
            let off = enabled.is_some_and(|enabled| !enabled.value);
            let needs = off.then(|| {
                error("in this mode it is Landlock that keeps to ports, and that is off")
                    .help("leave Landlock on, or use `mode = \"allow\"`")
            });
            named.chain(needs).collect()
        }
    }
}

/// The network of a mode in which it is not the command's own.
pub(super) fn whose(mode: &NetworkMode) -> &'static str {
    match mode {
        NetworkMode::Namespace(_) => "somebody else's network",
        NetworkMode::None | NetworkMode::Host | NetworkMode::Nat | NetworkMode::Allow => {
            "the host's network"
        }
    }
}

/// Who keeps the command to some ports of a network that is not its own, if anyone does.
pub(super) fn limiter<'a>(drawing: &Drawing<'a>) -> Option<&'a Origin> {
    let first = drawing.profile.network.allow.first()?;
    (!drawing.network().value.is_own()).then_some(&first.origin)
}

/// The only ports that may be connected to on a network that is not the command's own, if the profile
/// names any.
pub(super) fn ports(drawing: &Drawing) -> Option<Vec<u16>> {
    let allow = &drawing.profile.network.allow;
    if drawing.network().value.is_own() || allow.is_empty() {
        return None;
    }
    let mut ports: Vec<u16> = allow.iter().filter_map(|entry| entry.value.port).collect();
    ports.sort_unstable();
    ports.dedup();
    Some(ports)
}

pub(super) fn space(drawing: &mut Drawing) -> NetworkSpace {
    let mode = drawing.network();
    match mode.value {
        NetworkMode::None => NetworkSpace::Empty,
        NetworkMode::Nat | NetworkMode::Allow => NetworkSpace::Connected,
        NetworkMode::Host => NetworkSpace::Host,
        NetworkMode::Namespace(path) => match expand(&path, &drawing.host.variables()) {
            Ok(path) => NetworkSpace::Joined(path),
            Err(error) => {
                drawing.errors.push(Diagnostic::from(error).at(&mode.origin));
                NetworkSpace::Empty
            }
        },
    }
}

/// Connects a network of the command's own, and publishes its ports.
pub(super) fn connect(drawing: &mut Drawing, steps: &mut Steps) {
    nat(drawing, steps);
    let publish = &drawing.profile.network.publish;
    if let Some(first) = publish.first() {
        let all = publish.iter().map(|publish| publish.value).collect();
        steps.push(Action::Publish(all), &first.origin);
    }
}

fn nat(drawing: &mut Drawing, steps: &mut Steps) {
    let mode = drawing.network();
    if mode.value != NetworkMode::Nat {
        return;
    }
    let Some(program) = drawing.host.network.pasta.clone() else {
        let error = Diagnostic::error("cannot connect the sandbox's network: no program `pasta`");
        let error = error.at(&mode.origin).help("install the package `passt`");
        let error = error.help(ASK_THE_DOCTOR);
        drawing.errors.push(error);
        return;
    };
    let network = &drawing.profile.network;
    let nat = Nat {
        program,
        resolver: forwarded(drawing),
        host_loopback: network.host_loopback.as_ref().is_some_and(|lends| lends.value),
        as_root: drawing.host.identity.is_global_root,
    };
    steps.push(Action::Nat(nat), &mode.origin);
}

/// A server on this machine cannot be reached from inside by its own address: it is asked by another,
/// as long as the profile names no servers. pasta does so for the first server of IPv4 and the first of
/// IPv6, of which one is enough.
fn forwarded(drawing: &Drawing) -> Option<(IpAddr, IpAddr)> {
    if !drawing.profile.network.dns.is_empty() {
        return None;
    }
    let servers = &drawing.host.network.resolver.servers;
    let first = |is_v4: bool| servers.iter().find(|server| server.address.is_ipv4() == is_v4);
    let mut firsts = [first(true), first(false)].into_iter().flatten();
    let here = firsts.find(|server| server.is_here)?;
    Some((stand_in(here.address), here.address))
}

fn stand_in(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { RESOLVER.into() } else { RESOLVER_V6.into() }
}

/// Whom the host asks, as the command can ask them: of those on this machine only one.
fn servers_of_the_host(drawing: &Drawing) -> Vec<IpAddr> {
    let forwarded = forwarded(drawing);
    let inside = |server: &NameServer| match forwarded {
        Some((inside, outside)) if outside == server.address => Some(inside),
        _ => Some(server.address).filter(|_| !server.is_here),
    };
    drawing.host.network.resolver.servers.iter().filter_map(inside).collect()
}

/// Returns /etc/hosts, unless it is the host's own.
pub(super) fn hosts(drawing: &Drawing) -> Option<Located<Vec<u8>>> {
    let named = &drawing.profile.network.hosts;
    let hostname = drawing.hostname();
    let mut text = match drawing.network().value {
        NetworkMode::None | NetworkMode::Nat | NetworkMode::Allow => {
            let name = &hostname.value;
            let name = if name == "localhost" { "" } else { name };
            format!("127.0.0.1\tlocalhost {name}\n::1\tlocalhost ip6-localhost ip6-loopback\n")
                .into_bytes()
        }
        NetworkMode::Host | NetworkMode::Namespace(_) if named.is_empty() => return None,
        NetworkMode::Host | NetworkMode::Namespace(_) => Vec::new(),
    };
    // The first line that knows a name counts.
    let mut all = Vec::new();
    for (name, address) in named {
        all.extend_from_slice(format!("{}\t{name}\n", address.value).as_bytes());
    }
    all.append(&mut text);
    all.extend_from_slice(&drawing.host.network.hosts);
    let origin = named.values().next().map_or(hostname.origin, |first| first.origin.clone());
    Some(Located::new(all, origin))
}

/// Returns /etc/resolv.conf, unless it is the host's own, or there is nobody to ask.
pub(super) fn resolver(drawing: &Drawing) -> Option<Located<Vec<u8>>> {
    let named = &drawing.profile.network.dns;
    match drawing.network().value {
        NetworkMode::None => None,
        NetworkMode::Allow => Some(Located::new(allow::resolver(), drawing.network().origin)),
        NetworkMode::Host if named.is_empty() => None,
        NetworkMode::Namespace(_) if named.is_empty() => {
            let shown = drawing.host.network.resolver_of_namespace.clone();
            shown.map(|text| Located::new(text, drawing.network().origin))
        }
        NetworkMode::Nat if named.is_empty() => {
            let mut text = servers_text(&servers_of_the_host(drawing));
            text.extend_from_slice(&drawing.host.network.resolver.settings);
            Some(Located::new(text, drawing.network().origin))
        }
        NetworkMode::Nat | NetworkMode::Host | NetworkMode::Namespace(_) => {
            let servers: Vec<IpAddr> = named.iter().map(|server| server.value).collect();
            let origin = named.first().map_or(Origin::BuiltIn, |first| first.origin.clone());
            Some(Located::new(servers_text(&servers), origin))
        }
    }
}

fn servers_text(servers: &[IpAddr]) -> Vec<u8> {
    servers.iter().map(|server| format!("nameserver {server}\n")).collect::<String>().into_bytes()
}
