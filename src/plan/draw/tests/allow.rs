//! `mode = "allow"`: the steps, and the file about names.

use super::*;
use crate::forward::Variables;

fn case(allow: &[&str], proxy: Option<&str>) -> Case {
    here().with(|profile, host| {
        profile.network.mode = Some(flag(NetworkMode::Allow));
        profile.network.allow = allow.iter().map(|entry| flag(entry.parse().unwrap())).collect();
        let proxy = proxy.map(str::to_owned);
        host.network.proxy = Variables::new(|name| proxy.clone().filter(|_| name == "ALL_PROXY"));
    })
}

fn steps(case: &Case) -> Vec<String> {
    let steps = case.plan().steps.into_iter();
    let words = steps.filter_map(|step| match step.action {
        Action::Forward { places, upstream } => {
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            let upstream = upstream.map(|upstream| format!(" by {upstream:?}"));
            Some(format!("{}{}", places.join(" "), upstream.unwrap_or_default()))
        }
        Action::Allow(destination) => Some(destination.to_string()),
        Action::File { path: there, content } if there == path("/etc/resolv.conf") => {
            Some(String::from_utf8(content).unwrap())
        }
        _ => None,
    });
    words.collect()
}

#[test]
fn every_entry_is_a_step_behind_that_of_the_sockets() {
    assert_eq!(
        steps(&case(&["a.example:443", "10.0.0.0/8:22"], None)),
        [
            "nameserver 198.18.0.1\n",
            "0.0.0.0:22 0.0.0.0:443 198.18.0.1:53 [::]:22 [::]:443",
            "a.example:443",
            "10.0.0.0/8:22",
        ]
    );
}

#[test]
fn a_proxy_of_the_caller_is_used_and_its_password_shows_nowhere() {
    let case = case(&["a.example:443"], Some("http://me:s3cr3t@proxy.example:3128"));
    assert!(steps(&case)[1].ends_with(" by Http proxy proxy.example:3128"), "{:?}", steps(&case));
    let plan = case.plan();
    let shown = [to_text(&plan), crate::plan::to_json(&plan), format!("{plan:?}")];
    for shown in shown {
        assert!(shown.contains("proxy.example") && !shown.contains("s3cr3t"), "{shown}");
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error() {
    let errors = case(&["a.example:443"], Some("https://me:s3cr3t@proxy.example")).errors();
    assert_eq!(errors[0].title, "the proxy in `$ALL_PROXY` cannot be used");
    assert!(!format!("{errors:?}").contains("s3cr3t"));
}

#[test]
fn what_reaches_nobody_is_told() {
    let notes = |allow: &[&str]| case(allow, None).plan().notes;
    assert_eq!(notes(&[])[0].title, "nothing may be reached: `[network] allow` is empty");
    assert_eq!(
        case(&["localhost:80"], None).noted(),
        "jail: note: `localhost:80` is the command's own loopback\n --> --flag\n\
         help: name this machine by an address, as `127.0.0.1:PORT`, to reach its loopback\n"
    );
    assert!(notes(&["a.example:80"]).is_empty());
}

/// The forwarder itself keeps to them, as on every kernel.
#[test]
fn a_kernel_that_knows_no_ports_leaves_the_forwarder_without_its_second_wall() {
    let case = case(&["a.example:443"], None).with(|_, host| {
        host.kernel.landlock_abi = 3;
    });
    assert_eq!(
        case.noted(),
        "jail: warning: this kernel cannot keep the forwarder to the ports of `allow`; continuing \
         without that second wall\n --> --flag\n\
         because: its Landlock knows no ports, before Linux 6.7; the forwarder itself keeps to them\n"
    );
}
