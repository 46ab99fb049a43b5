//! Two jails, one beside the other or one below a limit of somebody else's.

use crate::support::Machine;

pub fn checks(machine: Machine) -> Machine {
    machine
        .check(
            "FLAGS='--memory 64M --swap 0B'; begin allocate 40 -- pause
            FLAGS='--memory 64M --swap 0B'; inside allocate 96
            [ $? = 137 ] && inside allocate 40 && kill -0 $supervisor && [ $(cgroups | wc -l) -ge 1 ]
            status=$?; kill $supervisor; wait $supervisor; exit $status",
            |it| {
                it.succeeds();
            },
        )
        .check(
            "FLAGS='--pids 8'; begin fork-count 7 -- pause
            FLAGS='--pids 8'; inside fork-count 7; status=$?
            kill $supervisor; wait $supervisor; exit $status",
            |it| {
                it.answers("7");
            },
        )
        // They tidy up after each other, but only what is stale.
        .check(
            "four() { for i in 1 2 3 4; do jail --memory 64M --pids 64 -- true || echo $?; done; }
            four & four & four & four; wait; nothing_left && echo gone",
            |it| {
                it.outputs("gone\n").is_silent();
            },
        )
}

/// A cgroup above with a lower limit.
pub fn nested(machine: Machine) -> Machine {
    machine
        .check(
            "outer=$VM_CGROUP/outer; mkdir $outer && echo '+memory +pids' >$outer/cgroup.subtree_control
            echo 48M >$outer/memory.max; echo 0 >$outer/memory.swap.max; echo 12 >$outer/pids.max
            mkdir $outer/leaf
            sh -c 'echo $$ >'$outer'/leaf/cgroup.procs; exec /share/jail run --memory 256M \
                --report ../report --read /share -- /share/probe allocate 96'
            status=$?; cat ../report; exit $status",
            |it| {
                it.exits(137).reports("/oom_killed", true);
                it.says_nothing_of("memory limit of 256 MiB reached");
                it.says("a cgroup above, ran out of memory").says_nothing_of("killed `jail`");
            },
        )
        .check(
            "outer=$VM_CGROUP/outer
            sh -c 'echo $$ >'$outer'/leaf/cgroup.procs; exec /share/jail run --pids 100 \
                --read /share -- /share/probe fork-count 50'",
            |it| {
                it.succeeds().output_has("EAGAIN");
            },
        )
        .check(
            "outer=$VM_CGROUP/outer; patiently rmdir $outer/leaf $outer; find $outer -type d",
            |it| {
                it.outputs("");
            },
        )
}
