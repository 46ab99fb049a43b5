//! Which proxy to go through: the variables that curl and others read.

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Origin};

use super::address::{Scheme, Server};
use super::options::Surroundings;

/// The proxy for a server: `HTTPS_PROXY` or `HTTP_PROXY`, else `ALL_PROXY`; none for what
/// `NO_PROXY` names, and never for this machine itself. Each in upper or lower case.
pub fn choose(server: &Server, here: &Surroundings) -> Result<Option<ureq::Proxy>, Diagnostic> {
    if server.is_loopback() || is_exempt(server, here) {
        return Ok(None);
    }
    let own = match server.scheme {
        Scheme::Http => "HTTP_PROXY",
        Scheme::Https => "HTTPS_PROXY",
    };
    let set = [own, "ALL_PROXY"].into_iter().find_map(|name| here.either_case(name));
    let Some((name, value)) = set else { return Ok(None) };
    let proxy = value.to_str().and_then(|value| ureq::Proxy::new(value).ok());
    // The value is not shown: it may hold a password.
    proxy.map(Some).ok_or_else(|| {
        Diagnostic::error(format!("the address of the proxy in `${name}` is malformed"))
            .at(&Origin::Variable(name.clone()))
            .help("write `http://HOST:PORT`, `https://HOST:PORT` or `socks5://HOST:PORT`")
    })
}

fn is_exempt(server: &Server, here: &Surroundings) -> bool {
    here.either_case("NO_PROXY").is_some_and(|(_, list)| {
        list.to_string_lossy()
            .split([',', ' '])
            .any(|entry| names_host(entry.trim(), &server.host, server.port))
    })
}

/// Whether an entry of `NO_PROXY` names this host: `*`, a domain with all below it, an address, a
/// network, and each with a port.
pub fn names_host(entry: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if entry == "*" {
        return true;
    }
    let entry = entry.to_ascii_lowercase();
    if let (Ok(address), Some((network, bits))) = (host.parse(), entry.split_once('/')) {
        return in_network(address, network, bits);
    }
    let (name, only) = match entry.rsplit_once(':') {
        // Not the colons of a bare IPv6 address.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (entry.as_str(), None),
    };
    if only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let (Ok(one), Ok(other)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return one == other;
    }
    let name = name.trim_start_matches('*').trim_start_matches('.');
    !name.is_empty()
        && host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = bits.checked_sub(1).map_or(0, |bits| !0 << (31 - bits.min(31)));
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = bits.checked_sub(1).map_or(0, |bits| !0 << (127 - bits.min(127)));
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Palette, render};

    fn server(text: &str) -> Server {
        super::super::address::Address::parse(text).unwrap().server
    }

    fn chosen(address: &str, variables: &[(&str, &str)]) -> Option<String> {
        let here = Surroundings::new(variables.iter().copied(), "/etc");
        choose(&server(address), &here).unwrap().map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn each_scheme_has_its_variable() {
        let all = [("HTTPS_PROXY", "http://a:1"), ("http_proxy", "b:2"), ("ALL_PROXY", "c:3")];
        assert_eq!(chosen("https://r.example/", &all).as_deref(), Some("a"));
        assert_eq!(chosen("http://r.example/", &all).as_deref(), Some("b"));
        assert_eq!(chosen("http://r.example/", &all[2..]).as_deref(), Some("c"));
        assert_eq!(chosen("https://r.example/", &[("HTTPS_PROXY", "")]), None);
        assert_eq!(chosen("https://r.example/", &[]), None);
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        for address in ["http://localhost:5000/", "https://127.0.0.1/", "http://[::1]/"] {
            assert_eq!(chosen(address, &[("ALL_PROXY", "http://a:1")]), None, "{address}");
        }
    }

    #[test]
    fn exemptions_are_domains_addresses_and_networks() {
        for (entry, address, is) in [
            ("*", "https://r.example/", true),
            ("r.example", "https://r.example/", true),
            ("R.Example", "https://r.example/", true),
            ("example", "https://r.example/", true),
            (".example", "https://r.example/", true),
            ("*.example", "https://r.example/", true),
            ("ample", "https://r.example/", false),
            ("r.example:443", "https://r.example/", true),
            ("r.example:80", "https://r.example/", false),
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("0.0.0.0/0", "https://11.1.2.3/", true),
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.1.2.3:99", "https://10.1.2.3/", false),
            ("fd00::/8", "https://[fd00::1]/", true),
            ("fd00::1", "https://[fd00::1]/", true),
            ("[fd00::1]:443", "https://[fd00::1]/", true),
            ("", "https://r.example/", false),
        ] {
            let Server { host, port, .. } = server(address);
            assert_eq!(names_host(entry, &host, port), is, "{entry} {address}");
        }
        let variables = [("ALL_PROXY", "http://a:1"), ("no_proxy", "x.example, r.example")];
        assert_eq!(chosen("https://r.example/", &variables), None);
        assert_eq!(chosen("https://s.example/", &variables).as_deref(), Some("a"));
    }

    #[test]
    fn a_malformed_proxy_is_an_error_without_its_password() {
        let here = Surroundings::new([("HTTPS_PROXY", "ftp://me:secret@a b")], "/etc");
        let error = choose(&server("https://r.example/"), &here).unwrap_err();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        // It is named as it is spelled here.
        let here = Surroundings::new([("all_proxy", "a b")], "/etc");
        let error = choose(&server("https://r.example/"), &here).unwrap_err();
        assert_eq!(
            render(&error, Palette::Plain),
            "jail: error: the address of the proxy in `$all_proxy` is malformed\n --> $all_proxy\n\
             help: write `http://HOST:PORT`, `https://HOST:PORT` or `socks5://HOST:PORT`\n"
        );
    }
}
