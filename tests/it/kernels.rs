//! Other kernels than this one, in virtual machines: one boot for each.
//!
//! A protection that a kernel lacks is either refused before the command starts, or given up
//! by name and announced; everything else must hold on each of them.

mod images;

use crate::require;
use crate::support::{Feature, Finished, Machine};

/// What holds on every kernel that jail runs on.
fn everywhere(machine: Machine) -> Machine {
    let isolated = isolated(machine);
    let confined = confined(isolated);
    lived(confined)
}

fn isolated(machine: Machine) -> Machine {
    let none = "0000000000000000";
    let promised = format!(
        "CapInh={none} CapPrm={none} CapEff={none} CapBnd={none} CapAmb={none} \
         NoNewPrivs=1 Seccomp=2"
    );
    machine
        .check("jail -- true", |it| {
            it.succeeds().outputs("").is_silent();
        })
        .check("inside status CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp", move |it| {
            it.answers(&promised);
        })
        .check("inside ids", |it| {
            it.answers("uid=1000 euid=1000 gid=1000 egid=1000");
        })
        .check("FLAGS='--user root'; inside ids", |it| {
            it.answers("uid=0 euid=0 gid=0 egid=0");
        })
        // Nobody but the command, and not init either: hidepid.
        .check("probe pids", |it| assert!(it.detail().split(' ').count() > 2, "{it:?}"))
        .check("inside pids", |it| assert!(!it.detail().contains(' '), "{it:?}"))
        .check("inside host-name", |it| {
            it.answers("jail");
        })
        .check("inside own-loopback", |it| {
            it.answers("");
        })
        .check("TOKEN=s3cr3t; export TOKEN; inside environment TOKEN", |it| {
            it.refused("ENOENT");
        })
}

fn confined(machine: Machine) -> Machine {
    machine
        .refuses("unshare user", "EPERM")
        .refuses("clone3 none", "ENOSYS")
        .refuses("keyctl", "EPERM")
        .refuses("trace-child", "EPERM")
        // Outside, the kernel asks for privilege; inside it does not get to see the call.
        .refuses_with(
            "socket 17 3 0",
            |it| {
                it.refused("EPERM");
            },
            "EAFNOSUPPORT",
        )
        .refuses_with(
            "fsopen",
            |it| {
                it.refused("EPERM");
            },
            "ENOSYS",
        )
        .check("jail --nesting on --seccomp off -- /bin/busybox unshare -U true", |it| {
            it.succeeds();
        })
        .check("jail --seccomp off -- /bin/busybox unshare -U true", |it| {
            it.exits(1).says("unshare");
        })
        .refuses_process("trace", "", "EPERM")
        .refuses_process("pidfd-getfd", "0", "EPERM")
        .check("start pause; probe kill $! 0 && inside kill $! 0; kill $!", |it| {
            it.output_has("ESRCH: kill");
        })
        .check("start pause; probe stat /proc/$! && inside stat /proc/$!; kill $!", |it| {
            it.output_has("ENOENT: statx");
        })
        // Where a signal reaches init, it does nothing.
        .check("inside kill 1 15; inside kill 1 9; jail -- sh -c 'kill -9 1; echo on'", |it| {
            it.succeeds().output_has("on\n");
        })
        .check("inside read /proc/1/environ", |it| {
            it.refused("ENOENT");
        })
        .check("inside read /proc/kcore", |it| {
            it.refused("EACCES");
        })
        .check("inside open-write /proc/sys/kernel/core_pattern", |it| {
            it.refused_with_any(&["EACCES", "EROFS"]);
        })
        .check("inside create /usr/new", |it| {
            it.refused("EROFS");
        })
        .check("inside create ../beside; inside create here && probe stat here", |it| {
            it.succeeds();
        })
        .check("echo s3cr3t >../key; probe read ../key && inside read ../key", |it| {
            it.refused("ENOENT");
        })
        .check("mkdir d; echo s3cr3t >d/k; FLAGS='--mask ./d'; inside read d/k", |it| {
            it.refused("EACCES");
        })
        .check("echo s3cr3t >k; FLAGS='--mask ./k'; inside read k", |it| {
            it.refused("EACCES");
        })
}

fn lived(machine: Machine) -> Machine {
    machine
        .check("jail -- sh -c 'exit 7'", |it| {
            it.exits(7);
        })
        .check("jail -- sh -c 'kill -9 $$'", |it| {
            it.exits(137);
        })
        .check("jail -- no-such-command", |it| {
            it.exits(127).says("not found");
        })
        .check("echo >file; jail -- ./file", |it| {
            it.exits(126).says("EACCES");
        })
        // Landlock before ABI 6 cannot keep abstract sockets closed there.
        .check(
            "/bin/busybox unshare -U -r -n /bin/busybox sleep 60 & \
             until [ $(readlink /proc/$!/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done; \
             inside=$(jail --degrade landlock --network ns:/proc/$!/ns/net -- \
                 readlink /proc/self/ns/net); \
             test $inside = $(readlink /proc/$!/ns/net); same=$?; kill $!; exit $same",
            |it| {
                it.succeeds();
            },
        )
        .check("echo through | jail -- cat", |it| {
            it.outputs("through\n");
        })
        .check("jail -- sh -c 'echo x >/tmp/y && cat /tmp/y'; ls /tmp/y", |it| {
            it.exits(1).outputs("x\n");
        })
        .check(
            "mkdir -p low/d; echo old >low/d/f; FLAGS='--overlay ./low'
            inside write low/d/f new -- read low/d/f -- create low/g && cat low/d/f; ls low",
            |it| {
                it.output_has("ok new\\n").output_has("old\nd\n").output_lacks("g\n");
            },
        )
        .check(
            // The word `jail` would leave the number of a shell in $!.
            "/share/jail run -- sleep 1000 & patiently pidof sleep && kill -9 $!
            patiently sh -c '! pidof sleep jail >/dev/null'",
            |it| {
                it.succeeds();
            },
        )
        .check(
            "jail -- sh -c 'sleep 1001 >/dev/null & exit 3'; echo $?
            ! pidof sleep",
            |it| {
                it.succeeds().outputs("3\n");
            },
        )
}

/// Attempts on a process.
trait OnProcesses: Sized {
    /// What succeeds outside on a process of the same user is refused inside on init.
    fn refuses_process(self, attempt: &str, words: &str, errno: &'static str) -> Self;
}

impl OnProcesses for Machine {
    fn refuses_process(self, attempt: &str, words: &str, errno: &'static str) -> Self {
        self.check(format!("start pause; probe {attempt} $! {words}; kill $!"), |it| {
            it.outputs("ok\n");
        })
        .check(format!("inside {attempt} 1 {words}"), move |it| {
            it.refused(errno);
        })
    }
}

/// Standard input is a file that is open for reading, and is opened again for more.
fn reopened(machine: Machine, how: &str, proof: fn(&Finished)) -> Machine {
    machine.check(format!("echo kept >in; inside reopen 0 {how} <in; cat in"), proof)
}

/// What Landlock with ABI 6 adds.
fn scoped(machine: Machine) -> Machine {
    reopened(machine, "write", |it| {
        it.outputs("EACCES: openat\nkept\n").is_silent();
    })
    .check("start listen-abstract checked; probe connect-abstract checked; kill $!", |it| {
        it.outputs("ok\n");
    })
    .check(
        "start listen-abstract checked; FLAGS='--network host'
            inside connect-abstract checked; kill $!",
        |it| {
            it.outputs("EPERM: connect\n").is_silent();
        },
    )
    .check("inside kill 1 15", |it| {
        it.refused("EPERM");
    })
}

/// An overlay takes every change, and the host sees none.
fn whole_overlays(machine: Machine) -> Machine {
    machine.check(
        "mkdir -p low/d/e; echo kept >low/d/f
        jail --overlay ./low -- sh -c 'mv low/d low/moved && ls low && rm -r low/moved && ls low'
        cat low/d/f",
        |it| {
            it.succeeds().outputs("moved\nkept\n").is_silent();
        },
    )
}

#[test]
fn linux_6_1_keeps_what_its_landlock_allows_and_says_what_not() {
    require!(Feature::Machines);
    let machine = everywhere(Machine::new("bookworm"));
    // ABI 2 does not know of truncation.
    let machine = reopened(machine, "write", |it| {
        it.outputs("EACCES: openat\nkept\n").says("warning: this kernel cannot keep the command");
    });
    machine
        .check("FLAGS='--network host'; inside say started", |it| {
            it.exits(125).outputs("").says("error: this kernel's Landlock").says("--degrade");
        })
        .check("FLAGS='--network host --degrade landlock'; inside say started", |it| {
            it.answers("started").says("warning: this kernel's Landlock");
        })
        // tmpfs takes no user.* attributes: that is told before it is met.
        .check("mkdir -p low/d; echo x >low/d/f; jail --overlay ./low -- rm -r low/d", |it| {
            it.exits(1).says("warning: the command cannot remove").says("[EIO]");
        })
        .boot();
}

#[test]
fn linux_6_12_keeps_everything() {
    require!(Feature::Machines);
    whole_overlays(scoped(everywhere(Machine::new("trixie")))).boot();
}

#[test]
fn the_newest_linux_keeps_everything() {
    require!(Feature::Machines);
    whole_overlays(scoped(everywhere(Machine::new("newest")))).boot();
}

#[test]
fn linux_5_10_is_refused_by_name() {
    require!(Feature::Machines);
    let refused = |it: &Finished| {
        it.exits(125).outputs("").says("error: this kernel is too old: Linux 5.10");
        it.says("help: use Linux 5.13 or newer");
    };
    Machine::new("bullseye")
        .check("jail -- echo started", refused)
        .check("jail --degrade landlock --degrade overlay -- echo started", refused)
        .check("jail --landlock off --seccomp off -- echo started", refused)
        .check("! pidof jail", |it| {
            it.succeeds();
        })
        .boot();
}

#[test]
fn a_host_without_user_namespaces_is_told_which_setting_to_change() {
    require!(Feature::Machines);
    Machine::new("bookworm")
        .option("--append")
        .option("sysctl.user.max_user_namespaces=0")
        .check("jail -- echo started", |it| {
            it.exits(125).outputs("").says("user.max_user_namespaces is 0 [ENOSPC]");
            it.says("sudo sysctl -p /etc/sysctl.d/60-jail.conf");
        })
        .check("! pidof jail", |it| {
            it.succeeds();
        })
        .boot();
}

/// All but what Landlock alone can do; and with Yama at its strictest.
#[test]
fn a_kernel_without_landlock_is_refused_unless_that_is_given_up() {
    require!(Feature::Machines);
    let machine = Machine::new("trixie")
        .option("--append")
        .option("lsm=yama,bpf sysctl.kernel.yama.ptrace_scope=3")
        .check("jail -- echo started", |it| {
            it.exits(125).outputs("").says("error: this kernel has no Landlock");
            it.says("help: boot with `lsm=landlock,...`");
        })
        .check("jail --degrade landlock -- echo started", |it| {
            it.succeeds().outputs("started\n");
            it.says("warning: this kernel has no Landlock; continuing without it");
        })
        .check("jail --landlock off -- echo started", |it| {
            it.outputs("started\n").is_silent();
        })
        .check("FLAGS='--network host --degrade landlock'; inside say started", |it| {
            it.answers("started").says("warning: this kernel has no Landlock");
        });
    without_landlock(machine).boot();
}

fn without_landlock(machine: Machine) -> Machine {
    let degraded = |attempt: &str| format!("FLAGS='--degrade landlock'; inside {attempt}");
    machine
        .check(degraded("create /usr/new"), |it| {
            it.refused("EROFS");
        })
        .check(degraded("open-write /proc/sys/kernel/core_pattern"), |it| {
            it.refused_with_any(&["EACCES", "EROFS"]);
        })
        .check(degraded("read /proc/kcore"), |it| {
            it.refused("EACCES");
        })
        .check(degraded("stat /proc/1"), |it| {
            it.refused("ENOENT");
        })
        .check(degraded("unshare user"), |it| {
            it.refused("EPERM");
        })
        .check(degraded("trace 1"), |it| {
            it.refused("EPERM");
        })
        .check(format!("echo k >../key; {}", degraded("read ../key")), |it| {
            it.refused("ENOENT");
        })
        .check(
            "mkdir d; echo k >d/k; FLAGS='--degrade landlock --mask ./d'; inside read d/k",
            |it| {
                it.refused("EACCES");
            },
        )
}

/// What the small system has not: newuidmap(1), script(1), bash.
#[test]
fn a_debian_maps_ids_and_has_terminals() {
    require!(Feature::Machines);
    let machine = Machine::new("bookworm").option("--debian");
    images::in_one_string(machine)
        .check("jail --ids subuid -- cat /proc/self/uid_map | wc -l", |it| {
            it.outputs("3\n").is_silent();
        })
        .check("jail --ids subuid --user root -- cat /proc/self/uid_map", |it| {
            it.succeeds().output_has("       1     100000      65536");
        })
        .check("FLAGS='--ids subuid'; inside unshare user", |it| {
            it.refused("EPERM");
        })
        // Before 6.2 every program may type on its terminal.
        .check("script -qec '/share/probe tiocsti' /dev/null", |it| {
            it.output_has("ok");
        })
        .check(
            "script -qec '/share/jail run --read /share -- /share/probe tiocsti' /dev/null",
            |it| {
                it.output_has("EPERM: ioctl TIOCSTI");
            },
        )
        .check("jail -- bash -c 'echo $BASH_VERSION; python3 -c \"print(6 * 7)\"'", |it| {
            it.succeeds().output_has("42\n").is_silent();
        })
        .boot();
}
