//! Questions about names, asked by real programs.

use std::fs;

use super::world::{curl, heard, world};
use crate::require;
use crate::support::{Feature, Jail};

/// Waits for no answer that does not come.
const DIG: [&str; 3] = ["dig", "+tries=1", "+timeout=2"];

fn dig<'a>(words: &[&'a str]) -> Vec<&'a str> {
    DIG.iter().chain(words).copied().collect()
}

/// What name servers outside were asked for.
fn asked(jail: &Jail) -> String {
    fs::read_to_string(jail.project().join("world/names-asked")).unwrap_or_default()
}

#[test]
fn dig_is_answered_over_udp_and_tcp() {
    require!(Feature::Userns);
    require!(Feature::Program("dig"));
    let jail = world(&["good.example:443"]);
    for over in ["+notcp", "+tcp"] {
        jail.run(dig(&[over, "+short", "good.example"])).succeeds().outputs("198.18.1.0\n");
        jail.run(dig(&[over, "+short", "GOOD.example.", "AAAA"])).outputs("2001:2::1:0\n");
        jail.run(dig(&[over, "evil.example"]))
            .output_has("status: NXDOMAIN")
            .says("refused evil.example (once)");
    }
}

#[test]
fn dig_reaches_no_other_name_server() {
    require!(Feature::Userns);
    require!(Feature::Program("dig"));
    let jail = world(&["good.example:443"]);
    for over in ["+notcp", "+tcp"] {
        for server in ["@203.0.113.8", "@198.51.100.53", "@2001:db8::53", "@127.0.0.1"] {
            jail.run(dig(&[over, "+short", server, "dug.example"]))
                .exits(9)
                .output_has("connection refused");
        }
        let outside = jail.run_outside(dig(&[over, "+short", "@203.0.113.8", "dug.example"]));
        outside.succeeds().outputs("203.0.113.8\n");
    }
}

/// A name carries words to whoever answers for the domain.
#[test]
fn what_is_only_asked_for_is_told_to_nobody_outside() {
    require!(Feature::Userns);
    require!(Feature::Program("dig"));
    let jail = world(&["*.dug.example:80"]);
    for name in ["s3cr3t.evil.example", "s3cr3t.dug.example"] {
        let _ = jail.run(dig(&[name]));
        let _ = jail.run(["getent", "ahosts", name]);
    }
    assert_eq!(asked(&jail), "");
    // When a connection is made, which is what the entry allows.
    jail.run(curl(&["http://s3cr3t.dug.example/"])).fails();
    assert!(asked(&jail).contains("s3cr3t.dug.example"));
    let _ = jail.run_outside(dig(&["s3cr3t.evil.example"]));
    assert!(asked(&jail).contains("s3cr3t.evil.example"));
}

#[test]
fn a_refused_name_is_refused_in_any_spelling() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]);
    for name in ["EVIL.Example", "evil.example.", "good.example.evil.example", "xgood.example"] {
        let plain = name.to_ascii_lowercase();
        let plain = plain.trim_end_matches('.');
        jail.run(curl(&[&format!("http://{name}/")]))
            .exits(6)
            .says(&format!("refused {plain} (once)"));
    }
    assert_eq!(heard(&jail), "");
    jail.run_outside(curl(&["http://EVIL.Example/"])).succeeds();
}

#[test]
fn a_name_in_other_letters_is_the_one_that_it_is_written_as() {
    require!(Feature::Userns);
    let jail = world(&["xn--bcher-kva.example:80", "good.example:80"]);
    jail.run(curl(&["http://bücher.example/", "http://BÜCHER.example/"])).succeeds();
    let unreadable = Jail::new().args(["--network", "allow", "--allow", "bücher.example:80"]);
    unreadable
        .run(["true"])
        .exits(125)
        .says("help: write it as it stands in DNS, as `xn--bcher-kva.example`\n");
    // Two of its letters are Cyrillic.
    jail.run(curl(&["http://g\u{43e}\u{43e}d.example/"]))
        .exits(6)
        .says("refused xn--gd-fmca.example (once)");
}
