//! Every system call stands in exactly one group, and every group says what and why.
//!
//! A group is also what `allow` and `deny` of a profile may name. Two groups with one name are
//! one for the user: they differ in how a refused call answers. A group without calls stands for
//! a rule about arguments.

use super::guard::Guard;
use super::syscalls::{END, number};

/// System calls that stand or fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// With the `@` that a profile writes; as systemd calls it, where systemd has it.
    pub name: &'static str,
    pub stance: Stance,
    /// Why, in one sentence.
    pub reason: &'static str,
    pub calls: &'static [u32],
    /// The rules about arguments that the group stands for: `allow` lifts them, `deny` sets them.
    pub guards: &'static [Guard],
}

/// What a policy does with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Allow, unless a rule about arguments speaks against it.
    Allowed,
    /// EPERM: refused on purpose.
    Refused,
    /// ENOSYS: programs take an older way, as on an older kernel.
    Absent,
}

macro_rules! calls {
    ($($name:ident)*) => { &[$(number(stringify!($name)),)*] };
}

macro_rules! group {
    ($stance:ident $name:literal $reason:literal [$($call:ident)*]) => {
        group!($stance $name $reason [$($call)*] [])
    };
    ($stance:ident $name:literal $reason:literal [$($call:ident)*] [$($guard:ident)*]) => {
        Group {
            name: $name,
            stance: Stance::$stance,
            reason: $reason,
            calls: calls![$($call)*],
            guards: &[$(Guard::$guard,)*],
        }
    };
}

/// The `default` policy.
pub static GROUPS: &[Group] = GROUP_TABLE;

/// What `strict` refuses beyond that. Its calls stand in [`GROUPS`] as well.
pub static STRICT: &[Group] = STRICT_TABLE;

/// The index into [`GROUPS`] of each call, by number; [`NO_GROUP`] in the gaps.
pub(super) static GROUP_OF: [u8; END] = {
    let mut group_of = [NO_GROUP; END];
    let mut group = 0;
    while group < GROUP_TABLE.len() {
        let mut call = 0;
        while call < GROUP_TABLE[group].calls.len() {
            let number = GROUP_TABLE[group].calls[call] as usize;
            assert!(group_of[number] == NO_GROUP, "a call stands in two groups");
            group_of[number] = group as u8;
            call += 1;
        }
        group += 1;
    }
    group_of
};

/// Marks a number that no call has.
pub(super) const NO_GROUP: u8 = u8::MAX;

const GROUP_TABLE: &[Group] = &[
    group! { Allowed "@basic-io" "reading and writing what is open already cannot reach further"
    [read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close
    close_range dup dup2 dup3 pipe pipe2 sendfile splice tee vmsplice copy_file_range
    fadvise64 readahead] },
    group! { Allowed "@io-event" "waiting for descriptors gives no new access"
    [poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
    epoll_pwait2 eventfd eventfd2 signalfd signalfd4 inotify_init inotify_init1
    inotify_add_watch inotify_rm_watch] },
    group! { Allowed "@file-system" "which files there are is decided by the mounts and by Landlock"
    [open openat openat2 creat access faccessat faccessat2 stat fstat lstat newfstatat statx
    statfs fstatfs getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link
    linkat unlink unlinkat symlink symlinkat readlink readlinkat mknod mknodat getdents
    getdents64 truncate ftruncate fallocate fcntl flock umask utime utimes futimesat
    utimensat ioctl setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr
    getxattrat listxattr llistxattr flistxattr listxattrat removexattr lremovexattr
    fremovexattr removexattrat file_getattr file_setattr] },
    group! { Allowed "@chown"
    "ids outside the namespace stay out of reach, and every mount ignores setuid bits"
    [chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat] },
    group! { Allowed "@sync" "writing back is bounded by what the command may write"
    [sync syncfs fsync fdatasync msync sync_file_range] },
    group! { Allowed "@memory" "a process may arrange its own memory"
    [brk mmap munmap mremap mprotect madvise mincore remap_file_pages mlock mlock2 mlockall
    munlock munlockall membarrier memfd_create pkey_alloc pkey_free pkey_mprotect
    map_shadow_stack mseal get_mempolicy] },
    group! { Allowed "@aio" "the old asynchronous input and output runs in the caller's name"
    [io_setup io_submit io_cancel io_getevents io_pgetevents io_destroy] },
    group! { Allowed "@process"
    "processes see and reach only those of their own pid namespace"
    [clone unshare fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid
    getpgid getpgrp setpgid getsid setsid getrusage prctl arch_prctl set_tid_address
    set_robust_list get_robust_list rseq rseq_slice_yield pidfd_open pidfd_send_signal
    process_mrelease capget] },
    group! { Allowed "@setuid" "only ids that the namespace maps can be taken"
    [getuid geteuid getgid getegid getresuid getresgid getgroups setuid setgid setreuid
    setregid setresuid setresgid setfsuid setfsgid setgroups capset] },
    group! { Allowed "@signal" "signals stay within the pid namespace"
    [kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo
    rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack pause
    restart_syscall] },
    group! { Allowed "@sched" "the scheduler lets nobody take more than the limits give"
    [sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr
    sched_getparam sched_setparam sched_getscheduler sched_setscheduler
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority
    setpriority ioprio_get ioprio_set getcpu] },
    group! { Allowed "@resources" "limits can only be lowered"
    [getrlimit setrlimit prlimit64] },
    group! { Allowed "@futex" "waiting on the process's own memory is how threads work"
    [futex futex_wait futex_wake futex_waitv futex_requeue] },
    group! { Allowed "@timer" "reading clocks and setting one's own timers changes nothing else"
    [time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep alarm getitimer
    setitimer times timer_create timer_delete timer_getoverrun timer_gettime timer_settime
    timerfd_create timerfd_gettime timerfd_settime] },
    group! { Allowed "@network"
    "the network namespace bounds what sockets reach, and socket families are chosen below"
    [socket socketpair bind connect listen accept accept4 getsockname getpeername getsockopt
    setsockopt sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg shutdown] },
    group! { Allowed "@ipc" "the ipc namespace is the command's own"
    [shmget shmat shmctl shmdt semget semctl semop semtimedop msgget msgctl msgrcv msgsnd
    mq_open mq_unlink mq_getsetattr mq_notify mq_timedreceive mq_timedsend] },
    group! { Allowed "@system" "facts that programs adapt to"
    [uname sysinfo getrandom personality] },
    group! { Allowed "@sandbox" "a program may take more rights from itself"
    [seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self] },
    group! { Allowed "@uprobe"
    "only code that the kernel itself has put into a traced process comes here"
    [uprobe uretprobe] },
    group! { Absent "@clone3"
    "its flags are in memory where no filter sees them; the C library takes clone"
    [clone3] },
    group! { Refused "@namespace"
    "a nested namespace gives full capabilities inside it, which open the kernel's attack surface"
    [setns] [Namespaces] },
    group! { Absent "@namespace" "a list of namespaces tells about the host" [listns] },
    group! { Refused "@mount" "what is mounted is the boundary of the sandbox"
    [mount umount2 pivot_root chroot] },
    group! { Absent "@mount" "the newer ways to mount carry their flags in memory"
    [open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr
    statmount listmount] },
    group! { Refused "@hostname" "the name was given by the profile" [sethostname setdomainname] },
    group! { Refused "@file-handle" "a handle reaches files that no path in sight leads to"
    [open_by_handle_at name_to_handle_at] },
    group! { Refused "@fanotify" "watching whole file systems reaches beyond the mounts"
    [fanotify_init fanotify_mark] },
    group! { Refused "@keyring" "keys have no namespace: the caller's own would be in reach"
    [add_key keyctl request_key] },
    group! { Refused "@debug"
    "reading and changing other processes' memory also reaches those that guard secrets"
    [ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp]
    [FixedAddresses] },
    group! { Refused "@perf" "measuring the kernel has been a way into it" [perf_event_open] },
    group! { Refused "@bpf" "programs that run in the kernel are no business of a command" [bpf] },
    group! { Absent "@io-uring"
    "its operations run where no filter sees them, and it has been broken most of all"
    [io_uring_setup io_uring_enter io_uring_register] },
    group! { Absent "@userfaultfd" "stopping the kernel in a page fault makes its races winnable"
    [userfaultfd] },
    group! { Absent "@secret-memory" "pages hidden from the kernel are hidden from its limits too"
    [memfd_secret] },
    group! { Absent "@page-cache" "which pages of shared files are cached tells what others read"
    [cachestat] },
    group! { Absent "@lsm" "security modules are set up outside; programs read /proc/self/attr"
    [lsm_get_self_attr lsm_set_self_attr lsm_list_modules] },
    group! { Refused "@numa" "placing pages moves memory that others share, and programs cope without"
    [mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node] },
    group! { Refused "@clock" "the clock is the whole machine's"
    [settimeofday clock_settime clock_adjtime adjtimex] },
    group! { Refused "@module" "modules are kernel code" [init_module finit_module delete_module] },
    group! { Refused "@raw-io" "ports of the hardware are the host's" [iopl ioperm] },
    group! { Refused "@reboot" "the machine is the host's" [reboot kexec_load kexec_file_load] },
    group! { Refused "@swap" "swap is the host's" [swapon swapoff] },
    group! { Refused "@quota" "quotas are the host's" [quotactl] },
    group! { Absent "@quota" "quotas are the host's" [quotactl_fd] },
    group! { Refused "@accounting" "accounting and the kernel's log tell about other processes"
    [acct syslog] },
    group! { Refused "@tty" "hanging up takes the terminal from the caller" [vhangup] },
    group! { Refused "@ldt" "segments of 16 bits have been a way into the kernel" [modify_ldt] },
    group! { Refused "@obsolete" "nobody calls these but to find a forgotten corner"
    [uselib nfsservctl lookup_dcookie ustat sysfs] },
    group! { Absent "@obsolete" "the kernel has the number, but no code"
    [_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms
    get_thread_area set_thread_area getpmsg putpmsg query_module security tuxcall vserver] },
    group! { Allowed "@internet" "IPv4 and IPv6 reach what the network namespace holds" []
    [Internet] },
    group! { Refused "@raw-sockets" "raw packets forge any sender" [] [RawSockets] },
    group! { Refused "@netlink" "only the routing protocol of netlink is needed by programs" []
    [Netlink] },
];

const STRICT_TABLE: &[Group] = &[
    group! { Refused "@internet" "a computation needs no network; unix sockets suffice" []
    [Internet] },
    group! { Refused "@ipc" "pipes and unix sockets do the same with less kernel code"
    [shmget shmat shmctl shmdt semget semctl semop semtimedop msgget msgctl msgrcv msgsnd
    mq_open mq_unlink mq_getsetattr mq_notify mq_timedreceive mq_timedsend] },
    group! { Absent "@aio" "databases use it, and they fall back to threads"
    [io_setup io_submit io_cancel io_getevents io_pgetevents io_destroy] },
    group! { Refused "@system" "another personality weakens the layout of memory" [personality] },
    group! { Refused "@memory" "the kernel only emulates it, for programs of long ago"
    [remap_file_pages] },
    group! { Refused "@basic-io" "pages lent to a pipe have been written through" [vmsplice] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::filter::syscalls::{CALLS, by_number};

    #[test]
    fn each_call_stands_in_exactly_one_group() {
        for call in &CALLS {
            let holding = GROUPS.iter().filter(|group| group.calls.contains(&call.number)).count();
            assert_eq!(holding, 1, "{}", call.name);
            assert_ne!(GROUP_OF[call.number as usize], NO_GROUP, "{}", call.name);
        }
        let calls: usize = GROUPS.iter().map(|group| group.calls.len()).sum();
        assert_eq!(calls, CALLS.len());
    }

    #[test]
    fn each_group_has_a_name_a_reason_and_something_to_decide() {
        for group in GROUPS.iter().chain(STRICT) {
            assert!(group.name.starts_with('@'), "{}", group.name);
            assert!(group.reason.len() > 15 && !group.reason.ends_with('.'), "{}", group.name);
            assert!(!group.calls.is_empty() || !group.guards.is_empty(), "{}", group.name);
        }
    }

    #[test]
    fn strict_only_takes_away() {
        for group in STRICT {
            assert_ne!(group.stance, Stance::Allowed, "{}", group.name);
            assert!(GROUPS.iter().any(|other| other.name == group.name), "{}", group.name);
            for call in group.calls {
                let index = usize::from(GROUP_OF[*call as usize]);
                assert_eq!(GROUPS[index].name, group.name, "{:?}", by_number(*call));
                assert_eq!(GROUPS[index].stance, Stance::Allowed, "{:?}", by_number(*call));
            }
        }
    }
}
