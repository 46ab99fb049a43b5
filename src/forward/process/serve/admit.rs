//! New connections: whom they are for, and where that is.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, TcpStream};

use nix::errno::Errno;

use super::super::super::public::without_mapping;
use super::super::super::refusals::{Refused, Why};
use super::super::super::rules::DOMAIN;
use super::super::super::synthetic::{RESOLVER, is_synthetic};
use super::super::super::upstream::{Greeting, Upstream};
use super::super::here::is_here;
use super::super::lookup::Found;
use super::super::pair::{End, Pair, Ticket, no_proxy};
use super::{Joined, Server};

impl Server {
    /// A new connection: whom it is for says the address that it went to.
    pub(super) fn admit(&mut self, stream: TcpStream, scratch: &mut [u8]) {
        let (Ok(()), Ok(to)) = (stream.set_nonblocking(true), stream.local_addr()) else { return };
        let _ = stream.set_nodelay(true);
        let address = without_mapping(to.ip());
        self.number = self.number.wrapping_add(1);
        if address == IpAddr::V4(RESOLVER) && to.port() == DOMAIN {
            return self.admit_questions(stream);
        }
        let name = self.names.name(address).map(str::to_owned);
        let whom = name.clone().unwrap_or_else(|| address.to_string());
        let allowed = match &name {
            Some(name) => self.rules.allow_name(name, to.port()),
            None => !is_synthetic(address) && self.rules.allow_address(address, to.port(), is_here),
        };
        let pair = Pair::new(self.number, stream, name.clone());
        if !allowed {
            pair.cut_off();
            // The command's own loopback: nobody serves this port there, and that is all.
            if !address.is_loopback() {
                let refused = Refused { whom, port: Some(to.port()), why: Why::NotAllowed };
                self.refuser.refuse(refused, pair.client().into());
            }
            return;
        }
        let place = self.pairs.iter().position(Option::is_none).unwrap_or(self.pairs.len());
        let ticket = Ticket { place: place as u32, number: self.number };
        let mut joined = Joined { pair, whom, port: to.port() };
        let result = match &name {
            Some(name) => self.find(ticket, name, to.port(), &mut joined.pair),
            None => {
                joined.pair.dial([SocketAddr::new(address, to.port())].into(), None, Errno::ENOENT)
            }
        };
        if place == self.pairs.len() {
            self.pairs.push(None);
        }
        self.pairs[place] = Some(joined);
        self.open += 1;
        self.settle(place, result, scratch);
    }

    /// Begins to find out where a name leads, or where the proxy is that knows.
    fn find(&self, ticket: Ticket, name: &str, port: u16, pair: &mut Pair) -> Result<(), End> {
        let name = match self.upstream_for(name, port) {
            Some(upstream) => match upstream.address() {
                Some(address) => {
                    let place = SocketAddr::new(address, upstream.port);
                    let greeting = Greeting::begin(upstream, name, port);
                    return pair.dial([place].into(), Some(greeting), Errno::ENOENT);
                }
                None => &upstream.host,
            },
            None => name,
        };
        self.lookups.ask(ticket, name).map_err(End::Refused)
    }

    fn upstream_for(&self, name: &str, port: u16) -> Option<&Upstream> {
        // What a proxy takes for its own loopback interface is not to be asked of it.
        let local = name == "localhost" || name.ends_with(".localhost");
        self.upstream.as_ref().filter(|upstream| !local && !upstream.exempts(name, port))
    }

    pub(super) fn take_found(&mut self, scratch: &mut [u8]) {
        for (ticket, found) in self.lookups.found() {
            let place = ticket.place as usize;
            let Some(Some(joined)) = self.pairs.get(place) else { continue };
            if joined.pair.number != ticket.number {
                continue;
            }
            let (name, port) = (joined.whom.clone(), joined.port);
            let wanted = match self.upstream_for(&name, port) {
                Some(upstream) => {
                    let greeting = Greeting::begin(upstream, &name, port);
                    let places = |found: Vec<IpAddr>| {
                        found.into_iter().map(|it| SocketAddr::new(it, upstream.port)).collect()
                    };
                    found
                        .map(places)
                        .map(|places| (places, Some(greeting)))
                        .map_err(|words| no_proxy(&words))
                }
                None => self.allowed_of(found, port).map(|places| (places, None)),
            };
            let Some(Some(joined)) = self.pairs.get_mut(place) else { continue };
            let result = wanted.and_then(|(places, greeting)| {
                joined.pair.dial(places, greeting, Errno::EADDRNOTAVAIL)
            });
            self.settle(place, result, scratch);
        }
    }

    /// Of the addresses that a name leads to, those that it may lead to.
    fn allowed_of(&self, found: Found, port: u16) -> Result<VecDeque<SocketAddr>, End> {
        let found = found.map_err(|words| End::Refused(Why::Unreachable(words)))?;
        let allowed: VecDeque<SocketAddr> = found
            .iter()
            .map(|address| without_mapping(*address))
            .filter(|address| self.rules.allow_lookup(*address, port, is_here))
            .map(|address| SocketAddr::new(address, port))
            .collect();
        match found.first() {
            Some(first) if allowed.is_empty() => Err(End::Refused(Why::LeadsTo(*first))),
            _ => Ok(allowed),
        }
    }
}
