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

/// Somebody else has made a cgroup in that of the run. It is told of, and who removes what is left.
pub fn kept_by_others(machine: Machine, help: &'static str) -> Machine {
    let script = "FLAGS='--memory 64M'; begin pause
        payload=$(find /sys/fs/cgroup -type d -name payload)
        echo max >${payload%/*}/cgroup.max.descendants; mkdir $payload/theirs
        kill $supervisor; wait $supervisor; status=$?
        grep -v paused ../began | sed s,${payload%/payload},CGROUP,; exit $status";
    machine
        .check(script, move |it| {
            it.exits(143).outputs(&format!(
                "jail: warning: the cgroup `CGROUP` is left behind\n\
                 because: device or resource busy [EBUSY]\nhelp: {help}\n"
            ));
        })
        .check("find /sys/fs/cgroup -type d -name theirs | xargs -r rmdir; jail --memory 64M -- true; nothing_left", |it| {
            it.succeeds();
        })
}

/// In a subtree of our own.
pub fn subtree(machine: Machine) -> Machine {
    let machine = kept_by_others(
        machine,
        "the next run with limits removes it, if nobody else has made cgroups in it",
    );
    machine
        // Nobody may make more cgroups there.
        .check(
            "outer=$VM_CGROUP/outer; mkdir $outer && echo '+memory' >$outer/cgroup.subtree_control
            mkdir $outer/leaf; echo 1 >$outer/cgroup.max.descendants
            sh -c 'echo $$ >'$outer'/leaf/cgroup.procs; exec /share/jail run --memory 64M -- true'
            status=$?; find $outer -type d | wc -l; echo max >$outer/cgroup.max.descendants
            patiently rmdir $outer/leaf $outer; exit $status",
            |it| {
                it.exits(125).outputs("2\n").says(
                    "because: try again [EAGAIN]\n\
                     help: no more cgroups may be made there: see cgroup.max.descendants and \
                     cgroup.max.depth, its own and those above it\n",
                );
                it.says("jail: error: cannot make a cgroup in `/sys/fs/cgroup/");
            },
        )
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
