//! `[network]`: what cannot be had together, and what /etc says about names.

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile::{NetworkMode, Target};

use super::{Drawing, allow};

/// Refuses what makes no sense in the mode that is chosen.
pub(super) fn check(drawing: &mut Drawing) {
    let mode = drawing.network();
    let mut errors = Vec::new();
    errors.extend(unsupported(&mode));
    errors.extend(publish(drawing, &mode.value));
    errors.extend(host_loopback(drawing, &mode.value));
    errors.extend(dns(drawing, &mode.value));
    errors.extend(allowed(drawing, &mode.value));
    drawing.errors.extend(errors);
}

fn unsupported(mode: &Located<NetworkMode>) -> Option<Diagnostic> {
    match mode.value {
        NetworkMode::None | NetworkMode::Host | NetworkMode::Allow => None,
        NetworkMode::Nat | NetworkMode::Namespace(_) => Some(
            Diagnostic::error(format!("network mode `{}` is not supported yet", mode.value.name()))
                .because("this version of jail has `none`, `host` and `allow`")
                .help("use `allow`, or `host` to share all of the host's network")
                .at(&mode.origin),
        ),
    }
}

fn publish(drawing: &Drawing, mode: &NetworkMode) -> Option<Diagnostic> {
    let first = drawing.profile.network.publish.first()?;
    let error = Diagnostic::error(format!("cannot publish `{}`", first.value)).at(&first.origin);
    match mode {
        NetworkMode::None | NetworkMode::Nat | NetworkMode::Allow => {
            Some(error.because("this version of jail cannot publish ports").help("remove it"))
        }
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

/// A list of what may be reached must not be taken for a wall where it is none.
fn allowed(drawing: &Drawing, mode: &NetworkMode) -> Vec<Diagnostic> {
    let network = &drawing.profile.network;
    let Some(first) = network.allow.first() else { return Vec::new() };
    let error = |because: &str| {
        let error = Diagnostic::error(format!("`allow` means nothing in mode `{}`", mode.name()));
        error.at(&first.origin).because(because)
    };
    match mode {
        NetworkMode::Allow => Vec::new(),
        // Who says `none` over a profile with a list wants less, and gets it.
        NetworkMode::None if network.mode.is_some() => Vec::new(),
        NetworkMode::None => {
            vec![error("nothing can be reached").help("say `mode = \"allow\"`")]
        }
        NetworkMode::Nat | NetworkMode::Namespace(_) => {
            vec![error("all can be reached").help("say `mode = \"allow\"`, or remove it")]
        }
        NetworkMode::Host => {
            let names = network.allow.iter().filter(|entry| entry.value.target != Target::Any);
            let named = names.map(|entry| {
                Diagnostic::error(format!("cannot allow `{}` in mode `host`", entry.value))
                    .at(&entry.origin)
                    .because("on the host's network only ports can be told apart")
                    .help("use `mode = \"allow\"`, or name a port alone, as `*:443`")
            });
            let mut errors: Vec<_> = named.collect();
            errors.push(
                error("this version of jail cannot filter by port").help("use `mode = \"allow\"`"),
            );
            errors
        }
    }
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
        NetworkMode::Host | NetworkMode::Namespace(_) if named.is_empty() => None,
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
