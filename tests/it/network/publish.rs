//! `publish`: a port outside leads inside.

use super::Outside;
use crate::support::Feature;

#[test]
fn a_published_port_leads_inside() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat", "-p", "8080:80", "-p", "[::1]:8081:80"]);
    let jail = jail.args(["--user", "root", "--cap-add", "NET_BIND_SERVICE"]);
    let mut running = jail.start_probe("serve-tcp [::]:80");
    running.wait_for("listening");
    let around = outside.jail();
    around.outside("converse-tcp 127.0.0.1:8080").answers("inside hello bye");
    around.outside("converse-tcp [::1]:8081").answers("inside hello bye");
    // Only where it was asked for.
    around.outside("greet-tcp 198.51.100.2:8080").refused("ECONNREFUSED");
    around.outside("greet-tcp [::1]:8080").refused("ECONNREFUSED");
    around.outside("greet-tcp 127.0.0.1:80").refused("ECONNREFUSED");
}

#[test]
fn a_published_port_of_udp_leads_inside() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat", "-p", "5300:5353/udp"]);
    let mut running = jail.start_probe("serve-udp 0.0.0.0:5353");
    running.wait_for("listening");
    outside.jail().outside("greet-udp 127.0.0.1:5300").answers("inside:hello");
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    crate::require!(Feature::Tun);
    let outside = Outside::new();
    let jail = outside.jail().args(["--network", "nat", "-p", "7000:80"]);
    jail.run(["true"])
        .exits(125)
        .says("jail: error: cannot connect the sandbox's network\n")
        .says("7000")
        .says("help: another program has the port; `ss -ltnp` (UDP: `ss -lunp`) says which\n");
}
