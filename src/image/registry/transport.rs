//! One request, one answer, over connections that are kept.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::{HeaderValue, Request, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, ProxyProtocol};

use super::address::{Address, Scheme, Server};
use super::certificates::{authorities, no_authorities};
use super::options::Options;
use super::proxy;
use super::trouble::{Broken, Trouble};

/// An answer with any status; redirects are not followed.
pub type Answer = ureq::http::Response<Body>;

/// Connections to all servers that an image has to do with.
#[derive(Debug)]
pub struct Transport {
    options: Options,
    agents: Mutex<HashMap<(Server, Trust), Agent>>,
}

/// Must the server prove who it is?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    Verified,
    /// The user said so.
    Anyone,
}

impl Transport {
    pub fn new(options: Options) -> Self {
        Self { options, agents: Mutex::default() }
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Asks for something.
    pub fn get(
        &self,
        address: &Address,
        headers: &[(&str, &str)],
        trust: Trust,
    ) -> Result<Answer, Trouble> {
        let mut request = Request::get(address.to_string());
        for (name, value) in headers {
            request = request.header(*name, header(address, value)?);
        }
        let request = request.body(()).map_err(|error| nonsense(address, &error))?;
        let answer = self.agent(&address.server, trust)?.run(request);
        answer.map_err(|error| silent(&address.server, error))
    }

    /// Sends a form.
    pub fn post(&self, address: &Address, form: &str, trust: Trust) -> Result<Answer, Trouble> {
        let request = Request::post(address.to_string())
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .map_err(|error| nonsense(address, &error))?;
        let answer = self.agent(&address.server, trust)?.run(request);
        answer.map_err(|error| silent(&address.server, error))
    }

    /// Every server has its own: its own authorities, its own proxy.
    fn agent(&self, server: &Server, trust: Trust) -> Result<Agent, Trouble> {
        // The lock protects nothing that a panic could leave half done.
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (server.clone(), trust);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let config = self.config(server, trust).map_err(Trouble::own)?;
        let agent = Agent::with_parts(config, DefaultConnector::default(), Lookup::default());
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn config(
        &self,
        server: &Server,
        trust: Trust,
    ) -> Result<Config, crate::diagnostic::Diagnostic> {
        let patience = &self.options.patience;
        let proxy = proxy::choose(server, &self.options.surroundings)?;
        let proxy_has_tls =
            proxy.as_ref().is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Https);
        let mut tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::from(Vec::new().into_iter()));
        if trust == Trust::Anyone {
            tls = tls.disable_verification(true);
        } else if server.scheme == Scheme::Https || proxy_has_tls {
            let found = authorities(&server.authority(), &self.options)?;
            // This machine may speak plain HTTP as well, and is asked by that too.
            if found.is_empty() && !server.is_loopback() {
                return Err(no_authorities(&self.options.surroundings));
            }
            tls = tls.root_certs(RootCerts::from(found.into_iter()));
        }
        Ok(Agent::config_builder()
            .tls_config(tls.build())
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("jail/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(MOST_HEADER)
            .max_idle_connections_per_host(8)
            .timeout_connect(Some(patience.connect))
            .timeout_recv_response(Some(patience.silence * 2))
            .timeout_per_read(Some(patience.silence))
            .timeout_per_write(Some(patience.silence))
            .build())
    }
}

/// Bytes of the status line and all headers.
const MOST_HEADER: usize = 64 * 1024;

fn header(address: &Address, value: &str) -> Result<HeaderValue, Trouble> {
    HeaderValue::from_str(value).map_err(|error| nonsense(address, &error))
}

fn nonsense(address: &Address, error: &dyn std::error::Error) -> Trouble {
    Trouble::Nonsense { server: address.server.clone(), why: error.to_string() }
}

fn silent(server: &Server, error: ureq::Error) -> Trouble {
    let broken = Broken::from_ureq(error, &server.host);
    Trouble::Silent { server: server.clone(), broken }
}

/// Names to addresses, without a thread.
#[derive(Debug, Default)]
struct Lookup {
    system: DefaultResolver,
}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        // Plain HTTP to `localhost` is fine because it is this machine: so it has to be, whatever
        // /etc/hosts or a name server say (RFC 6761, section 6.3).
        if let (Some("localhost"), Some(port)) = (uri.host(), port(uri)) {
            let mut addresses = self.system.empty();
            addresses.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
            addresses.push(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port));
            return Ok(addresses);
        }
        crate::sys::look_names_up_by_files_and_dns();
        // resolv.conf(5) has time limits of its own; for another one the library makes a thread.
        self.system.resolve(uri, config, NextTimeout::default())
    }
}

fn port(uri: &Uri) -> Option<u16> {
    let usual = || match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    uri.port_u16().or_else(usual)
}
