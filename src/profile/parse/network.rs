//! The section `[network]`.

use toml::de::DeTable;

use super::reader::{Entry, Reader, entries};
use crate::profile::{Network, parse_address, parse_host_name, published_twice};

pub(super) fn network(reader: &mut Reader, table: &DeTable<'_>) -> Network {
    let mut network = Network::default();
    for entry in reader.section(table, "network") {
        match entry.key {
            "mode" => network.mode = reader.parsed(entry, str::parse),
            "allow" => {
                network.allow = reader.list(entry, |reader, item| reader.parsed(item, str::parse));
            }
            "publish" => {
                network.publish =
                    reader.list(entry, |reader, item| reader.parsed(item, str::parse));
                reader.errors.extend(published_twice(&network.publish));
            }
            "host-loopback" => network.host_loopback = reader.boolean(entry),
            "hosts" => {
                let Some(table) = reader.table(entry) else { continue };
                for host in entries(table) {
                    name_host(reader, host, &mut network);
                }
            }
            "dns" => {
                network.dns = reader.list(entry, |reader, item| reader.parsed(item, parse_address));
            }
            _ => reader.unknown(entry, "network"),
        }
    }
    network
}

fn name_host(reader: &mut Reader, entry: Entry<'_>, network: &mut Network) {
    let (start, end) = entry.key_span;
    match parse_host_name(entry.key) {
        Ok(name) => {
            if let Some(address) = reader.parsed(entry, parse_address) {
                network.hosts.insert(name, address);
            }
        }
        Err(bad) => reader.refuse(start..end, bad),
    }
}
