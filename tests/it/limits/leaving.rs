//! Whatever ends a run, no process stays, and after the next run nothing else either.

use crate::support::Machine;

/// With limits, without a report of what happens in between.
const SWEEP: &str = "probe kill-sweep 20 /share/jail run --memory 64M --pids 64 --time 60s \
                     --read /share -- /share/probe say started";

/// As many as it can, each in the one before it: none.
const NESTED: &str = "FLAGS='--pids 64 --nesting on --seccomp off --landlock off'
    inside in-userns -- unshare cgroup -- mkdir /tmp/c -- mount-cgroup /tmp/c -- exec sh -c '
        cd -P /tmp/c; made=0
        while [ $made -lt 2000 ] && mkdir d 2>/dev/null; do cd -P d; made=$((made + 1)); done
        echo $made'
    nothing && echo gone";

pub fn checks(machine: Machine) -> Machine {
    machine
        .check("jail --memory 64M -- true; nothing && echo gone", |it| {
            it.outputs("gone\n").is_silent();
        })
        .check("jail --memory 64M -- sh -c 'exit 7'; echo $?; nothing && echo gone", |it| {
            it.outputs("7\ngone\n");
        })
        .check("jail --memory 64M -- no-such-command; echo $?; nothing && echo gone", |it| {
            it.outputs("127\ngone\n");
        })
        .check(
            "jail --memory 64M -- sh -c 'sleep 1000 & sleep 1000 & exit 3'; nothing && echo gone",
            |it| {
                it.outputs("gone\n");
            },
        )
        .check(
            "FLAGS='--memory 64M'; begin pause; runs | wc -l; cgroups | grep -c 'jail-[0-9a-f]*'
            grep -c '\"pid\"' $XDG_RUNTIME_DIR/jail/*/run.json
            kill $supervisor; wait $supervisor; nothing && echo gone",
            |it| {
                it.succeeds().output_has("gone\n").output_lacks("0\n");
            },
        )
        .check(
            "FLAGS='--memory 64M'; begin leave-spinning -- pause; kill -9 $supervisor
            patiently no_process && echo alone
            jail --memory 64M -- true && nothing && echo gone",
            |it| {
                it.succeeds().outputs("alone\ngone\n");
            },
        )
        // Of another limit, and of no profile that the next one has.
        .check(
            "for i in 1 2 3; do FLAGS='--pids 64'; begin pause; kill -9 $supervisor; done
            patiently no_process && jail --memory 64M -- true && nothing && echo gone",
            |it| {
                it.succeeds().outputs("gone\n");
            },
        )
        .check(
            format!("{SWEEP}; patiently no_process && jail --memory 64M -- true; nothing_left"),
            |it| {
                it.succeeds();
                let killed = it.stdout_text();
                let killed: u32 =
                    killed.trim_start_matches("ok ").trim().parse().expect("a number");
                assert!(killed >= 5, "hardly any was killed in time\n{it:?}");
            },
        )
        // With a mount of its own, the command can make cgroups.
        .check(NESTED, |it| {
            it.succeeds().output_has("0\n").output_has("gone\n");
        })
        // Somebody may kill any process of the run.
        .check(
            "FLAGS='--memory 64M'; begin leave-spinning -- pause
            for child in $(cat /proc/$supervisor/task/*/children); do kill -9 $child; done
            wait $supervisor; echo $?; nothing_left && echo gone",
            |it| {
                it.output_has("gone\n").output_lacks("0\ngone");
            },
        )
        .check(
            "FLAGS='--memory 64M'; begin pause; kill -TERM $supervisor; wait $supervisor; echo $?
            nothing_left && echo gone",
            |it| {
                it.outputs("143\ngone\n");
            },
        )
        // A run that goes on is not taken for a stale one.
        .check(
            "FLAGS='--memory 64M'; begin pause; jail --memory 64M -- true
            [ $(cgroups | grep -c 'jail-[0-9a-f]*$') = 1 ] || [ $(runs | wc -l) = 1 ] && echo kept
            kill -0 $supervisor && kill $supervisor; wait $supervisor; nothing_left && echo gone",
            |it| {
                it.outputs("kept\ngone\n");
            },
        )
}

/// In a subtree of our own.
pub fn subtree(machine: Machine) -> Machine {
    machine
        // Somebody else's cgroup is never touched, whatever its name.
        .check(
            "mkdir $VM_CGROUP/mine $VM_CGROUP/jail-empty $VM_CGROUP/jail-web $VM_CGROUP/jail-web/all
            sleep 1000 & echo $! >$VM_CGROUP/jail-web/all/cgroup.procs; jail --memory 64M -- true
            kill $! && echo alive; wait $!; cd $VM_CGROUP
            patiently rmdir jail-web/all && rmdir jail-web mine jail-empty && echo kept",
            |it| {
                it.outputs("alive\nkept\n");
            },
        )
        // An empty one of ours is stale.
        .check(
            "mkdir $VM_CGROUP/jail-0123abcd; jail --memory 64M -- true && nothing && echo gone",
            |it| {
                it.succeeds().outputs("gone\n");
            },
        )
        // The caller stays where it was.
        .check(
            "cat /proc/$$/cgroup >../before; jail --memory 64M -- true; cat /proc/$$/cgroup | cmp - ../before",
            |it| {
                it.succeeds();
            },
        )
        .check("/share/jail plan --memory 64M -- true", |it| {
            it.succeeds().output_has("below /sys/fs/cgroup/delegated, which is delegated to us");
        })
}
