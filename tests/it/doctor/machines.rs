//! Machines that forbid or lack something for everybody: settings of the kernel, of its security
//! modules, of systemd; and older kernels.

use std::fs;

use crate::require;
use crate::support::{Feature, Finished, Machine};

/// A machine where the doctor can be asked in a few words.
fn machine(kernel: &'static str) -> Machine {
    Machine::new(kernel).words("doctor() { /share/jail doctor \"$@\"; }\n")
}

/// A run and the doctor say the same, and what to do.
fn both(machine: Machine, because: &'static str, fix: &'static str) -> Machine {
    machine
        .check("jail -- echo started", move |it| {
            it.exits(125).outputs("").says(because).says(fix).says("`jail doctor`");
        })
        .check("doctor", move |it| {
            it.exits(1).is_silent().output_has(because).output_has(fix);
            it.output_has("jail: this machine cannot run `default`");
        })
        .check("! pidof jail", |it| {
            it.succeeds();
        })
}

/// A state in the table.
fn has(it: &Finished, name: &str, state: &str) {
    let row = it.stdout_text().lines().any(|line| {
        let rest = line.strip_prefix(name).map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(state))
    });
    assert!(row, "`{name}` is not `{state}`:\n{}", it.stdout_text());
}

#[test]
fn user_namespaces_switched_off_for_all() {
    require!(Feature::Machines);
    let options = ["--append", "sysctl.user.max_user_namespaces=0"];
    let because = "user namespaces are switched off: user.max_user_namespaces is 0 [ENOSPC]";
    both(machine("bookworm").options(options), because, "sysctl -p /etc/sysctl.d/60-jail.conf")
        .check("doctor", |it| {
            has(it, "user namespace", "missing");
            has(it, "Landlock", "degraded");
            has(it, "system call filter", "ok");
            it.output_has("echo 'user.max_user_namespaces = 15000' | sudo tee");
        })
        .boot();
}

#[test]
fn user_namespaces_for_root_only() {
    require!(Feature::Machines);
    let options = ["--append", "sysctl.kernel.unprivileged_userns_clone=0"];
    let because =
        "user namespaces are for root only: kernel.unprivileged_userns_clone is 0 [EPERM]";
    both(machine("trixie").options(options), because, "sysctl -p /etc/sysctl.d/60-jail.conf")
        .check("doctor", |it| {
            it.output_has("echo 'kernel.unprivileged_userns_clone = 1' | sudo tee");
        })
        .boot();
}

/// What these machines have beside a small Debian.
const ENGINES: [&str; 2] = ["--include", "apparmor,docker.io,docker-cli,podman,crun"];

/// A container of an engine with these options: `contained ENGINE [OPTION]... -- [WORD]...`.
const CONTAINED: &str = r#"
contained() {
    engine=$1; shift
    options=; while [ "$1" != -- ]; do options="$options $1"; shift; done; shift
    case $engine in
        docker) image=jail:1 ;;
        podman) image="--rootfs /tmp/root" ;;
    esac
    $engine run --rm --network none --user 1000:1000 -w /home/u -e HOME=/home/u $options \
        $image /jail "$@"
}
proposed() { contained $1 -- doctor | sed -n "s/^ *$1 run \(.*\) \.\.\.$/\1/p" | head -n 1; }
"#;

const ROOT: &str = r#"
cd /tmp && mkdir -p root/proc root/sys root/dev root/tmp root/etc root/run root/usr root/srv root/home/u &&
echo 'description = "not granted"' >root/srv/own.toml && cp /share/jail root/jail && chmod 1777 root/tmp && cp /etc/os-release root/etc && chown 1000:1000 root/home/u &&
echo u:x:1000:1000::/home/u:/bin/sh >root/etc/passwd"#;

/// The filters and profiles of real engines: what is proposed is enough, and each part is needed.
#[test]
fn in_containers_of_docker_and_podman() {
    require!(Feature::Machines);
    let daemon = format!(
        "{ROOT} && {{ dockerd --bridge=none --iptables=false --ip6tables=false \
         --storage-driver=vfs --data-root /tmp/docker >/dev/null 2>&1 & }} &&
         patiently docker info >/dev/null && tar -C /tmp/root -c . | docker import - jail:1"
    );
    let machine = Machine::new("trixie")
        .options(["--debian", "--suite", "trixie", "--as-root", "--memory", "2048"])
        .options(ENGINES)
        .options(["--append", "apparmor=1 security=apparmor"])
        .words(CONTAINED)
        .check(daemon, |it| {
            it.succeeds();
        });
    let machine = machine
        .check("contained docker -- run /jail", |it| {
            it.exits(125)
                .says("the seccomp filter of this container")
                .says("docker run --security");
        })
        .check("contained docker -- doctor", |it| {
            it.exits(1).output_has("the seccomp filter of this container or service forbids it");
            has(it, "user namespace", "missing");
            has(it, "system call filter", "ok");
            it.output_has("which was tried and works, but hides nothing: `--degrade namespaces`");
        })
        // The container as it is, and Landlock and a filter of our own inside of it.
        .check("contained docker -- check /srv/own.toml", |it| {
            it.succeeds();
        })
        .check(
            "contained docker -- run --degrade namespaces --read /jail -- /jail check /srv/own.toml",
            |it| {
                it.exits(125).says("cannot read profile `/srv/own.toml`").says("[EACCES]");
                it.says("this machine refuses namespaces");
            },
        )
        .check(
            "contained docker -- run --degrade namespaces --read /jail --read /srv -- /jail check \
             /srv/own.toml",
            |it| {
                it.succeeds().output_has("/srv/own.toml: ok");
            },
        )
        // One wall of the container taken down, the next is named.
        .check("contained docker --security-opt seccomp=unconfined -- doctor", |it| {
            has(it, "user namespace", "missing");
            it.exits(1).output_has("the AppArmor profile `docker-default (enforce)`");
            it.output_has("--security-opt apparmor=unconfined");
        })
        .check(
            "contained docker --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
             -- doctor",
            |it| {
                has(it, "mounts", "ok");
                has(it, "new /proc", "missing");
                it.exits(1).output_has("--security-opt systempaths=unconfined");
            },
        );
    let machine = ["docker", "podman"].into_iter().fold(machine, |machine, engine| {
        machine.check(format!("contained {engine} $(proposed {engine}) -- doctor"), |it| {
            it.succeeds().output_has("jail: this machine runs `default`");
        })
    });
    machine
        .check("contained podman -- doctor", |it| {
            it.exits(1).output_has("podman run --security-opt seccomp=unconfined");
        })
        // It refuses sethostname(2) alone, which needs no privilege in a namespace.
        .check(
            "contained podman --security-opt apparmor=unconfined --security-opt unmask=ALL -- doctor",
            |it| {
                has(it, "new /proc", "ok");
                has(it, "host name", "missing");
                it.exits(1).output_has("the seccomp filter of this container");
            },
        )
        .boot();
}

/// A policy of AppArmor's that is loaded for the program, as a distribution may have one for all. It
/// forbids the namespace; or the rights in it, as Ubuntu's own does; or what they are for.
#[test]
fn user_namespaces_forbidden_by_apparmor() {
    require!(Feature::Machines);
    let policy = |rules: &str| {
        let cage = "abi <abi/4.0>,\nprofile cage /share/jail flags=(attach_disconnected)";
        format!("{cage} {{ file, network, unix, signal, ptrace, {rules} }}\n")
    };
    let policies = [
        ("namespace", "[EACCES]", policy("capability, audit deny userns,")),
        ("rights", "[EPERM]", policy("userns,")),
        ("root", "[EACCES]", policy("userns, capability, mount,")),
    ];
    let user = "setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/user";
    let mut machine = Machine::new("trixie")
        .options(["--debian", "--suite", "trixie", "--as-root", "--memory", "2048"])
        .options(ENGINES)
        .options(["--append", "apparmor=1 security=apparmor"]);
    for (name, errno, policy) in policies {
        let because = format!(
            "the AppArmor profile `cage (enforce)`, which jail was started under, forbids it {errno}"
        );
        let fix = "start jail from outside of `cage (enforce)`, or add the rules `userns,`, `capability,`, \
                   `mount,`, `umount,` and `pivot_root,` to that profile\n";
        let seen = because.clone();
        machine = machine
            .share(move |share| {
                fs::write(share.join(name), &policy).expect("the directory is ours")
            })
            .check(format!("apparmor_parser -r /share/{name}"), |it| {
                it.succeeds();
            })
            .check(format!("cd /tmp; {user} /share/jail run -- echo started"), move |it| {
                it.exits(125).outputs("").says(&because).says(fix).says("`jail doctor`");
            })
            .check(format!("cd /tmp; {user} /share/jail doctor"), move |it| {
                it.exits(1).output_has(&seen).output_has(fix);
                // What a run proposes untried.
                it.output_lacks("to run without namespaces:");
            });
    }
    let enough = policy("userns, capability, mount, umount, pivot_root,");
    machine
        .share(move |share| {
            fs::write(share.join("enough"), &enough).expect("the directory is ours")
        })
        .check("apparmor_parser -r /share/enough", |it| {
            it.succeeds();
        })
        .check(format!("cd /tmp; {user} /share/jail run -- echo started"), |it| {
            it.succeeds().outputs("started\n");
        })
        .boot();
}

#[test]
fn a_kernel_that_is_too_old() {
    require!(Feature::Machines);
    machine("bullseye")
        .check("mkdir low; doctor --overlay ./low", |it| {
            it.exits(1).output_has("this kernel is too old: Linux 5.10");
            has(it, "user namespace", "ok");
            has(it, "id map", "ok");
            has(it, "mounts", "missing");
            has(it, "new /proc", "missing");
            has(it, "loopback", "not tried");
            has(it, "Landlock", "missing");
            has(it, "system call filter", "ok");
            has(it, "all together", "missing");
        })
        .boot();
}

#[test]
fn a_kernel_without_landlock() {
    require!(Feature::Machines);
    machine("trixie")
        .options(["--append", "lsm=yama,bpf"])
        .check("doctor", |it| {
            it.exits(1).output_has("boot with `lsm=landlock,...`");
            has(it, "Landlock", "missing");
            has(it, "system call filter", "ok");
            has(it, "all together", "missing");
        })
        .check("doctor --degrade landlock", |it| {
            has(it, "Landlock", "degraded");
            it.succeeds().output_has("jail: this machine runs `default`");
        })
        .check("doctor --landlock off --all", |it| {
            has(it, "Landlock", "not needed");
            it.succeeds();
        })
        .boot();
}

/// Each level of Landlock, overlays, and limits in a subtree of one's own.
#[test]
fn what_linux_6_1_lacks_is_no_reason_not_to_run() {
    require!(Feature::Machines);
    machine("bookworm")
        .check("doctor -m 64M --pids 16 --cpus 1 --cpuset 0", |it| {
            it.succeeds().output_has("jail: this machine runs `default`");
            for limit in ["memory limit", "pids limit", "cpu limit", "cpuset limit"] {
                has(it, limit, "ok");
            }
            has(it, "Landlock", "degraded");
        })
        .check("find /sys/fs/cgroup -name 'jail-*'; ls -A \"$HOME\"", |it| {
            it.succeeds();
        })
        .check("mkdir -p low/d; doctor --overlay ./low", |it| {
            has(it, "overlay", "degraded");
            it.succeeds().output_has("[EIO]");
        })
        .check("doctor --network host", |it| {
            has(it, "Landlock", "missing");
            it.exits(1).output_has("abstract sockets");
        })
        // Neither newuidmap nor pasta is there.
        .check("doctor --network nat --ids subuid", |it| {
            it.exits(1).output_has("no program `pasta`").output_has("no program `newuidmap`");
            has(it, "network by pasta", "missing");
            has(it, "subordinate ids", "missing");
        })
        .boot();
}

#[test]
fn a_hybrid_host() {
    require!(Feature::Machines);
    machine("bookworm")
        .options(["--systemd", "--append", "systemd.unified_cgroup_hierarchy=0"])
        .check("doctor -m 64M", |it| {
            has(it, "memory limit", "missing");
            it.exits(1).output_has("cgroup v1").output_has("systemd.unified_cgroup_hierarchy=1");
        })
        .check("doctor", |it| {
            it.succeeds();
        })
        .boot();
}

#[test]
fn systemd_with_and_without_a_session() {
    require!(Feature::Machines);
    machine("trixie")
        .options(["--systemd", "--suite", "trixie"])
        .check("doctor -m 64M --pids 16 --network none", |it| {
            it.succeeds().output_has("in a scope of the user's systemd");
            has(it, "memory limit", "ok");
            has(it, "runtime directory", "ok");
        })
        .check("doctor -m 64M --cpuset 0", |it| {
            it.exits(1);
            has(it, "memory limit", "ok");
            has(it, "cpuset limit", "missing");
            it.output_has("systemctl daemon-reload").output_has("Delegate=cpu cpuset");
        })
        .check("doctor --ids subuid", |it| {
            has(it, "subordinate ids", "ok");
            it.succeeds();
        })
        .check("ls $XDG_RUNTIME_DIR/jail; systemctl --user list-units | grep jail", |it| {
            it.fails().outputs("");
        })
        .check(
            "unset DBUS_SESSION_BUS_ADDRESS; export XDG_RUNTIME_DIR=/nonexistent; doctor -m 64M",
            |it| {
                has(it, "memory limit", "missing");
                has(it, "runtime directory", "degraded");
                it.exits(1).output_has("loginctl enable-linger user");
            },
        )
        .boot();
}
