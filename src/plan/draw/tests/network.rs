//! `[network]`: what goes together, and the files about names.

use std::net::IpAddr;

use super::*;
use crate::profile::Network;

fn network(change: impl FnOnce(&mut Network)) -> Case {
    here().with(|profile, _| change(&mut profile.network))
}

fn mode(mode: NetworkMode) -> Option<Located<NetworkMode>> {
    Some(flag(mode))
}

fn address(text: &str) -> Located<IpAddr> {
    flag(text.parse().unwrap())
}

/// What stands in a generated file.
fn content(case: &Case, at: &str) -> String {
    let steps = case.plan().steps.into_iter();
    let mut contents = steps.filter_map(|step| match step.action {
        Action::File { path: there, content } if there == path(at) => Some(content),
        _ => None,
    });
    String::from_utf8(contents.next().expect("the file is made")).unwrap()
}

#[track_caller]
fn refused(case: &Case, words: &str) {
    let errors = case.errors();
    let shown = errors.iter().map(|error| {
        let because = error.because.as_deref().unwrap_or_default();
        format!("{}; {because}", error.title)
    });
    let shown: Vec<String> = shown.collect();
    assert!(shown.iter().any(|error| error == words), "{shown:?}");
    assert!(errors.iter().all(|error| error.origin.is_some()), "{errors:?}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let publish = || vec![flag("8080:80".parse().unwrap())];
    refused(
        &network(|it| (it.mode, it.publish) = (mode(NetworkMode::Host), publish())),
        "cannot publish `127.0.0.1:8080:80`; the command has the host's network, and listens there \
         itself",
    );
    let somewhere = || mode(NetworkMode::Namespace(text("/x")));
    refused(
        &network(|it| (it.mode, it.publish) = (somewhere(), publish())),
        "cannot publish `127.0.0.1:8080:80`; the network namespace is somebody else's, who decides \
         what leads there",
    );
    refused(
        &network(|it| it.host_loopback = Some(flag(true))),
        "`host-loopback` means nothing in mode `none`; only in the mode `nat` is there a way to it",
    );
    refused(
        &network(|it| (it.mode, it.host_loopback) = (mode(NetworkMode::Host), Some(flag(true)))),
        "`host-loopback` means nothing in mode `host`; the command has the host's own loopback \
         interface",
    );
    refused(
        &network(|it| it.dns = vec![address("192.0.2.1")]),
        "`dns` means nothing in mode `none`; the command has no network to ask in",
    );
    refused(
        &network(|it| {
            (it.mode, it.dns) = (mode(NetworkMode::Allow), vec![address("192.0.2.1")]);
        }),
        "`dns` means nothing in mode `allow`; jail itself answers, for the names that are allowed",
    );
    network(|it| it.host_loopback = Some(flag(false))).shows("loopback");
}

/// A list that bounds nothing must not be taken for a wall.
#[test]
fn a_list_of_destinations_needs_the_mode_for_it() {
    let allow = |text: &str| vec![flag(text.parse().unwrap())];
    refused(
        &network(|it| it.allow = allow("example.org:443")),
        "`allow` means nothing in mode `none`; nothing can be reached",
    );
    refused(
        &network(|it| (it.mode, it.allow) = (mode(NetworkMode::Nat), allow("example.org:443"))),
        "`allow` means nothing in mode `nat`; all can be reached",
    );
    refused(
        &network(|it| (it.mode, it.allow) = (mode(NetworkMode::Host), allow("example.org:443"))),
        "cannot allow `example.org:443` in mode `host`; on the host's network only ports can be told \
         apart",
    );
    let both =
        network(|it| (it.mode, it.allow) = (mode(NetworkMode::None), allow("example.org:443")));
    refused(&both, "`allow` means nothing in mode `none`; nothing can be reached");
    assert_eq!(both.errors()[0].help, ["remove `--network none`, or `--allow`"]);
    // Less than the profile says.
    let listed = vec![in_file("example.org:443".parse().unwrap())];
    network(|it| (it.mode, it.allow) = (mode(NetworkMode::None), listed)).shows("loopback");
}

/// A kernel that cannot keep to ports runs nothing, unless that may be missing.
#[test]
fn ports_on_the_hosts_network_are_kept_to_or_refused() {
    let on = |abi: u32| {
        network(|it| {
            it.mode = mode(NetworkMode::Host);
            it.allow = ["*:443", ":80", "*:443"].map(|text| flag(text.parse().unwrap())).into();
        })
        .with(|_, host| host.kernel.landlock_abi = abi)
    };
    on(7).shows("connect to ports 80 443");
    let lacks = "this kernel's Landlock cannot keep the command to the ports of `allow`";
    assert!(on(3).errors().iter().any(|error| error.title == lacks));
    on(3)
        .with(|profile, _| profile.degrade.push(flag(Protection::Landlock)))
        .lacks("connect to ports");
    let off = on(7).with(|profile, _| profile.landlock.enabled = Some(flag(false)));
    refused(
        &off,
        "`allow` means nothing in mode `host`; in this mode it is Landlock that keeps to ports, and \
         that is off",
    );
}

#[test]
fn names_of_the_profile_stand_before_those_of_jail() {
    let case = network(|it| {
        it.hosts.insert("db".into(), address("127.0.0.2"));
        it.hosts.insert("localhost".into(), address("192.0.2.1"));
    });
    assert_eq!(
        content(&case, "/etc/hosts"),
        "127.0.0.2\tdb\n192.0.2.1\tlocalhost\n127.0.0.1\tlocalhost jail\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n"
    );
}

#[test]
fn on_the_hosts_network_its_own_files_are_shown_unless_the_profile_says_more() {
    let host = || {
        here()
            .file("/etc/hosts", FileKind::File)
            .file("/etc/resolv.conf", FileKind::File)
            .with(|profile, _| profile.network.mode = mode(NetworkMode::Host))
    };
    host().shows("read /etc/hosts").shows("read /etc/resolv.conf");
    let more = host().with(|profile, host| {
        host.network.hosts = b"192.0.2.7\thosts-own\n".to_vec();
        profile.network.hosts.insert("db".into(), address("127.0.0.2"));
        profile.network.dns = vec![address("192.0.2.53"), address("2001:db8::53")];
    });
    assert_eq!(content(&more, "/etc/hosts"), "127.0.0.2\tdb\n192.0.2.7\thosts-own\n");
    assert_eq!(
        content(&more, "/etc/resolv.conf"),
        "nameserver 192.0.2.53\nnameserver 2001:db8::53\n"
    );
}

#[test]
fn a_namespace_that_is_joined_is_named_and_is_no_wall() {
    let join = || here().with(|profile, _| profile.network.mode = mode(at("$HOME/pod")));
    fn at(path: &str) -> NetworkMode {
        NetworkMode::Namespace(text(path))
    }
    let line = "namespaces user mount pid ipc uts cgroup: the network of /home/u/pod";
    join().shows(line).lacks("loopback");
    let allow = |entry: &str| {
        let allow = vec![flag(entry.parse().unwrap())];
        join().with(|profile, _| profile.network.allow = allow)
    };
    allow("*:443").shows("connect to ports 443");
    refused(
        &allow("example.org:443"),
        "cannot allow `example.org:443` in mode `ns`; on somebody else's network only ports can be \
         told apart",
    );
    let old = join().with(|_, host| host.kernel.landlock_abi = 5);
    let lacks = "this kernel's Landlock cannot keep the command from the abstract sockets of somebody \
                 else's network";
    assert!(old.errors().iter().any(|error| error.title == lacks));
    let unset = here().with(|profile, _| profile.network.mode = mode(at("$UNSET/pod")));
    assert!(unset.errors()[0].origin.is_some());
}

/// What ip-netns(8) shows there stands before the host's.
#[test]
fn a_joined_namespace_has_the_resolver_that_was_made_for_it() {
    let case = here().file("/etc/resolv.conf", FileKind::File).with(|profile, host| {
        profile.network.mode = mode(NetworkMode::Namespace(text("/run/netns/pod")));
        host.network.resolver_of_namespace = Some(b"nameserver 192.0.2.5\n".to_vec());
    });
    assert_eq!(content(&case, "/etc/resolv.conf"), "nameserver 192.0.2.5\n");
}
