//! Two profiles as one.

use super::{Limits, Network, Profile};
use crate::diagnostic::Located;

impl Profile {
    /// This profile with `other` on top: single values of `other` win, lists are appended.
    ///
    /// Of equal values in a list the last is kept, so that merging the same twice changes
    /// nothing, and a rule stands where it was said last.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let Self {
            description,
            degrade,
            filesystem,
            network,
            limits,
            env,
            process,
            seccomp,
            landlock,
            capabilities,
            files,
        } = other;
        let mut merged = self;
        replace(&mut merged.description, description);
        append(&mut merged.degrade, degrade);
        replace(&mut merged.filesystem.root, filesystem.root);
        replace(&mut merged.filesystem.root_mode, filesystem.root_mode);
        append(&mut merged.filesystem.rules, filesystem.rules);
        append(&mut merged.filesystem.devices, filesystem.devices);
        replace(&mut merged.filesystem.pull, filesystem.pull);
        replace(&mut merged.filesystem.platform, filesystem.platform);
        replace(&mut merged.filesystem.keep, filesystem.keep);
        merged.network = merged.network.merge(network);
        merged.limits = merged.limits.merge(limits);
        append(&mut merged.env.pass, env.pass);
        merged.env.set.extend(env.set);
        replace(&mut merged.process.workdir, process.workdir);
        replace(&mut merged.process.user, process.user);
        replace(&mut merged.process.entrypoint, process.entrypoint);
        replace(&mut merged.process.ids, process.ids);
        replace(&mut merged.process.hostname, process.hostname);
        replace(&mut merged.process.tty, process.tty);
        replace(&mut merged.process.umask, process.umask);
        replace(&mut merged.process.nesting, process.nesting);
        append(&mut merged.process.preserve_fds, process.preserve_fds);
        replace(&mut merged.seccomp.policy, seccomp.policy);
        append(&mut merged.seccomp.allow, seccomp.allow);
        append(&mut merged.seccomp.deny, seccomp.deny);
        replace(&mut merged.landlock.enabled, landlock.enabled);
        append(&mut merged.capabilities.keep, capabilities.keep);
        for file in files {
            merged.files.retain(|known| *known != file);
            merged.files.push(file);
        }
        merged
    }
}

impl Network {
    fn merge(self, other: Self) -> Self {
        let Self { mode, allow, publish, host_loopback, hosts, dns } = other;
        let mut merged = self;
        replace(&mut merged.mode, mode);
        append(&mut merged.allow, allow);
        for new in publish {
            // One port leads to one place: to the later.
            merged.publish.retain(|old| !old.value.clashes(&new.value));
            merged.publish.push(new);
        }
        replace(&mut merged.host_loopback, host_loopback);
        merged.hosts.extend(hosts);
        append(&mut merged.dns, dns);
        merged
    }
}

impl Limits {
    fn merge(self, other: Self) -> Self {
        let Self {
            memory,
            swap,
            cpus,
            cpuset,
            pids,
            io,
            hugepages,
            time,
            time_grace,
            nice,
            rlimits,
        } = other;
        let mut merged = self;
        replace(&mut merged.memory, memory);
        replace(&mut merged.swap, swap);
        replace(&mut merged.cpus, cpus);
        replace(&mut merged.cpuset, cpuset);
        replace(&mut merged.pids, pids);
        for new in io {
            merged.io.retain(|old| old.value.path != new.value.path);
            merged.io.push(new);
        }
        replace(&mut merged.hugepages, hugepages);
        replace(&mut merged.time, time);
        replace(&mut merged.time_grace, time_grace);
        replace(&mut merged.nice, nice);
        merged.rlimits.extend(rlimits);
        merged
    }
}

fn replace<T>(old: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *old = new;
    }
}

/// Lists are short, so comparing each with each is cheaper than a set.
fn append<T: PartialEq>(list: &mut Vec<Located<T>>, more: Vec<Located<T>>) {
    for new in more {
        list.retain(|old| old.value != new.value);
        list.push(new);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::collection::{btree_map, vec};
    use proptest::option;
    use proptest::prelude::*;

    use super::super::*;
    use crate::diagnostic::{Located, Origin};

    fn located<T>(value: T) -> Located<T> {
        Located::new(value, Origin::BuiltIn)
    }

    fn rule() -> impl Strategy<Value = Located<Rule>> {
        ("/[abc]", 0..3, any::<bool>()).prop_map(|(text, grant, optional)| {
            let path = PathText { text: OsString::from(text), base: Base::WorkingDirectory };
            let grant =
                [Grant::Read, Grant::Write, Grant::Tmpfs { size: None }][grant as usize].clone();
            located(Rule { path, grant, optional })
        })
    }

    fn words() -> impl Strategy<Value = Vec<Located<OsString>>> {
        vec("[A-C]".prop_map(|word| located(OsString::from(word))), 0..5)
    }

    fn limits() -> impl Strategy<Value = Limits> {
        let io = ("/[ab]", option::of(1..3_u64)).prop_map(|(text, read_ops)| {
            let path = PathText { text: OsString::from(text), base: Base::WorkingDirectory };
            located(IoLimit { path, read: None, write: None, read_ops, write_ops: None })
        });
        let rlimit = (0..Rlimit::ALL.len()).prop_map(|index| Rlimit::ALL[index]);
        let rlimits = btree_map(rlimit, (1..3_u64).prop_map(|n| located(Bounds::both(n))), 0..3);
        (option::of(1..3_u32), option::of(0..20), vec(io, 0..4), rlimits).prop_map(
            |(pids, nice, io, rlimits)| Limits {
                pids: pids
                    .map(|pids| located(if pids == 1 { Cap::Unlimited } else { Cap::At(pids) })),
                nice: nice.map(located),
                io,
                rlimits,
                ..Limits::default()
            },
        )
    }

    fn network() -> impl Strategy<Value = Network> {
        let publish = (1..3_u16, 1..3_u16).prop_map(|(outside, inside)| {
            located(Publish {
                outside: ([127, 0, 0, 1], outside).into(),
                inside,
                transport: Transport::Tcp,
            })
        });
        let hosts = btree_map("[ab]", (1..3_u8).prop_map(|n| located([127, 0, 0, n].into())), 0..3);
        let dns = (1..3_u8).prop_map(|n| located([127, 0, 0, n].into()));
        (option::of(any::<bool>()), vec(publish, 0..4), hosts, vec(dns, 0..3)).prop_map(
            |(host_loopback, publish, hosts, dns)| Network {
                host_loopback: host_loopback.map(located),
                publish,
                hosts,
                dns,
                ..Network::default()
            },
        )
    }

    /// Profiles that merging can make: without equal values in one list.
    fn profile() -> impl Strategy<Value = Profile> {
        let env_set = btree_map("[A-C]".prop_map(OsString::from), "[xy]", 0..3);
        let scalars = (option::of("[a-c]"), option::of(any::<bool>()), option::of(0..4_u32));
        (vec(rule(), 0..6), words(), env_set, scalars, vec(3..6, 0..4), limits(), network())
            .prop_map(|(rules, pass, set, (hostname, nesting, umask), fds, limits, network)| {
                let set = set.into_iter().map(|(key, value)| (key, located(value.into())));
                let process = Process {
                    hostname: hostname.map(located),
                    nesting: nesting.map(located),
                    umask: umask.map(located),
                    preserve_fds: fds.into_iter().map(located).collect(),
                    ..Process::default()
                };
                let raw = Profile {
                    filesystem: Filesystem { rules, ..Filesystem::default() },
                    env: Env { pass, set: set.collect() },
                    process,
                    limits,
                    network,
                    ..Profile::default()
                };
                Profile::default().merge(raw)
            })
    }

    proptest! {
        #[test]
        fn merging_twice_changes_nothing(a in profile(), b in profile()) {
            prop_assert_eq!(a.clone().merge(a.clone()), a.clone());
            let once = a.merge(b.clone());
            prop_assert_eq!(once.clone().merge(b), once);
        }

        #[test]
        fn merging_is_associative(a in profile(), b in profile(), c in profile()) {
            let left = a.clone().merge(b.clone()).merge(c.clone());
            prop_assert_eq!(left, a.merge(b.merge(c)));
        }

        #[test]
        fn an_empty_profile_changes_nothing(a in profile()) {
            prop_assert_eq!(a.clone().merge(Profile::default()), a.clone());
            prop_assert_eq!(Profile::default().merge(a.clone()), a);
        }
    }

    #[test]
    fn the_right_wins() {
        let mut left = Profile::default();
        left.process.hostname = Some(located("left".to_owned()));
        left.env.set.insert("A".into(), located("left".into()));
        left.env.set.insert("B".into(), located("left".into()));
        let mut right = Profile::default();
        right.process.hostname = Some(located("right".to_owned()));
        right.env.set.insert("A".into(), located("right".into()));
        let merged = left.merge(right);
        assert_eq!(merged.process.hostname, Some(located("right".to_owned())));
        let set: Vec<_> = merged.env.set.into_values().map(|value| value.value).collect();
        assert_eq!(set, ["right", "left"]);
    }

    #[test]
    fn a_limit_of_a_path_replaces_the_earlier_one() {
        let with = |text: &str, read_ops| {
            let path = PathText { text: text.into(), base: Base::WorkingDirectory };
            let limit = IoLimit { path, read: None, write: None, read_ops, write_ops: None };
            let limits = Limits { io: vec![located(limit)], ..Limits::default() };
            Profile { limits, ..Profile::default() }
        };
        let merged = with("/a", Some(1)).merge(with("/b", Some(2))).merge(with("/a", None));
        let [b, a] = merged.limits.io.try_into().unwrap();
        assert_eq!(b.value.read_ops, Some(2));
        assert!(a.value.is_unlimited() && !b.value.is_unlimited());
    }
}
