//! The program decides as the filter does, for any filter and any call.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Located, Origin};
use crate::plan::filter::syscalls::by_name;
use crate::plan::filter::{Request, draw};
use crate::profile::Seccomp;

/// One call as the kernel shows it to a program.
#[derive(Clone, Debug)]
struct Call {
    architecture: u32,
    number: u32,
    arguments: [u64; 6],
}

/// Runs the program as the kernel does; anything that the kernel would refuse panics.
fn run(program: &[sock_filter], call: &Call) -> u32 {
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let instruction = &program[at];
        at += 1;
        let k = instruction.k;
        let holds = match instruction.code {
            LOAD => {
                accumulator = loaded(call, k);
                continue;
            }
            MASK => {
                accumulator &= k;
                continue;
            }
            ALWAYS => {
                at += k as usize;
                continue;
            }
            RETURN => return k,
            EQUAL => accumulator == k,
            GREATER => accumulator > k,
            GREATER_OR_EQUAL => accumulator >= k,
            code => panic!("{code:#x} is no instruction of ours"),
        };
        at += usize::from(if holds { instruction.jt } else { instruction.jf });
    }
}

fn loaded(call: &Call, offset: u32) -> u32 {
    match offset {
        NUMBER => call.number,
        ARCHITECTURE => call.architecture,
        _ => {
            let from_arguments = offset - ARGUMENTS;
            assert!(from_arguments.is_multiple_of(4));
            let argument = call.arguments[(from_arguments / 8) as usize];
            if from_arguments.is_multiple_of(8) { low(argument) } else { high(argument) }
        }
    }
}

fn default_filter() -> Filter {
    filter_of(None)
}

fn without_hugepages() -> Filter {
    filter_of(Some(&Located::new(false, Origin::BuiltIn)))
}

fn filter_of(hugepages: Option<&Located<bool>>) -> Filter {
    let seccomp = &Seccomp::default();
    let request = Request {
        seccomp,
        text: None,
        nesting: false,
        kept: &[],
        release: (6, 18),
        hugepages,
        ports: None,
    };
    draw(&request).unwrap().unwrap()
}

fn check(filter: &Filter, program: &[sock_filter], number: u32, arguments: [u64; 6]) {
    let call = Call { architecture: AUDIT_ARCH, number, arguments };
    let expected = return_value(filter.verdict(number, arguments));
    assert_eq!(run(program, &call), expected, "{call:?}");
}

#[test]
fn every_number_is_decided_as_the_filter_says() {
    let filter = default_filter();
    let program = assemble(&filter);
    let values = [0, 1, 2, 3, 8, 16, 0x5412, 0x1_0000_5412, 0x1000_0000, u64::MAX];
    for number in (0..700).chain(FIRST_X32 - 1..FIRST_X32 + 700).chain([u32::MAX]) {
        for value in values {
            check(&filter, &program, number, [value; 6]);
            check(&filter, &program, number, [2, value, 0, value, 0, 0]);
            check(&filter, &program, number, [16, 3, value, 0, 0, 0]);
        }
    }
}

#[test]
fn a_call_of_another_architecture_ends_the_process() {
    let program = assemble(&default_filter());
    for architecture in [0, 3 | 0x4000_0000, 183 | 0xc000_0000, AUDIT_ARCH ^ 1] {
        let call = Call { architecture, number: 0, arguments: [0; 6] };
        assert_eq!(run(&program, &call), libc::SECCOMP_RET_KILL_PROCESS);
    }
}

#[test]
fn the_default_program_is_small() {
    let program = assemble(&default_filter());
    assert!(program.len() < 220, "{} instructions", program.len());
}

#[test]
fn refusing_huge_pages_takes_few_instructions_of_its_own() {
    let plain = assemble(&default_filter()).len();
    let program = assemble(&without_hugepages()).len();
    assert!(plain < program && program <= plain + 20, "{program} instead of {plain}");
}

#[test]
fn a_filter_without_decisions_is_its_fallback() {
    let filter = Filter { name: "none".into(), fallback: Verdict::Allow, decisions: Vec::new() };
    let program = assemble(&filter);
    for number in [0, 1, FIRST_X32 - 1, FIRST_X32, u32::MAX] {
        check(&filter, &program, number, [0; 6]);
    }
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Allow),
        Just(Verdict::Log),
        (1..4095_u16).prop_map(Verdict::Errno),
        Just(Verdict::Trap),
        Just(Verdict::KillThread),
        Just(Verdict::KillProcess),
    ]
}

/// Few values, so that comparisons are often equal in one half or both.
fn words() -> impl Strategy<Value = u64> {
    let halves = || prop_oneof![0..3_u64, Just(0xffff_ffff), Just(0x8000_0000)];
    prop_oneof![4 => (halves(), halves()).prop_map(|(high, low)| high << 32 | low), 1 => any::<u64>()]
}

fn masks() -> impl Strategy<Value = u64> {
    prop_oneof![Just(u64::MAX), Just(0xffff_ffff), Just(0xf), words()]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let comparisons = prop_oneof![
        3 => Just(Comparison::Equal),
        1 => Just(Comparison::NotEqual),
        1 => Just(Comparison::Less),
        1 => Just(Comparison::LessOrEqual),
        1 => Just(Comparison::Greater),
        1 => Just(Comparison::GreaterOrEqual),
    ];
    (0..6_u8, masks(), comparisons, words())
        .prop_map(|(index, mask, comparison, value)| Condition { index, mask, comparison, value })
}

fn decisions() -> impl Strategy<Value = Decision> {
    let cases = (vec(conditions(), 0..4), verdicts())
        .prop_map(|(conditions, verdict)| Case { conditions, verdict });
    (0..600_u32, vec(cases, 0..6), verdicts()).prop_map(|(number, cases, otherwise)| Decision {
        number,
        cases,
        otherwise,
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    (verdicts(), vec(decisions(), 0..60)).prop_map(|(fallback, mut decisions)| {
        decisions.sort_by_key(|decision| decision.number);
        decisions.dedup_by_key(|decision| decision.number);
        Filter { name: "random".into(), fallback, decisions }
    })
}

proptest! {
    #[test]
    fn any_filter_is_decided_as_it_says(
        filter in filters(),
        arguments in vec(prop::array::uniform6(words()), 8),
    ) {
        let program = assemble(&filter);
        for arguments in arguments {
            for decision in &filter.decisions {
                check(&filter, &program, decision.number, arguments);
            }
            for number in [0, 300, 600, FIRST_X32, u32::MAX] {
                check(&filter, &program, number, arguments);
            }
        }
    }

    #[test]
    fn the_default_filter_holds_for_any_arguments(
        number in 0..600_u32,
        arguments in prop::array::uniform6(any::<u64>()),
    ) {
        for filter in [default_filter(), without_hugepages()] {
            check(&filter, &assemble(&filter), number, arguments);
        }
    }

    #[test]
    fn huge_pages_are_refused_for_any_arguments(
        (call, index, flag) in prop_oneof![
            Just(("mmap", 3, 0x4_0000)),
            Just(("memfd_create", 1, 4)),
            Just(("shmget", 2, 0o4000)),
        ],
        arguments in prop::array::uniform6(any::<u64>()),
    ) {
        let program = assemble(&without_hugepages());
        let number = by_name(call).unwrap();
        let verdict = |argument| {
            let mut arguments = arguments;
            arguments[index] = argument;
            run(&program, &Call { architecture: AUDIT_ARCH, number, arguments })
        };
        let refusal = libc::SECCOMP_RET_ERRNO | libc::ENOMEM as u32;
        prop_assert_eq!(verdict(arguments[index] | flag), refusal);
        prop_assert_eq!(verdict(arguments[index] & !flag), libc::SECCOMP_RET_ALLOW);
    }
}

/// A filter binds one thread: the rest of the test program goes on without.
fn under(filter: &Filter, test: impl FnOnce() + Send + 'static) {
    let program = assemble(filter);
    let thread = std::thread::spawn(move || {
        seccompiler::apply_filter(&program).unwrap();
        test();
    });
    thread.join().unwrap();
}

#[test]
fn the_kernel_takes_the_program_and_refuses_what_it_should() {
    use nix::errno::Errno;
    use nix::sched::{CloneFlags, unshare};
    use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

    let open = |family, kind, protocol: Option<SockProtocol>| {
        socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol).map(drop)
    };
    let outside =
        open(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkKObjectUEvent));
    assert_eq!(outside, Ok(()), "without the filter, the kernel has the family");

    under(&default_filter(), move || {
        let refused = Err(Errno::EAFNOSUPPORT);
        assert!(nix::unistd::getpid().as_raw() > 0);
        assert_eq!(open(AddressFamily::Alg, SockType::SeqPacket, None), refused);
        assert_eq!(open(AddressFamily::Inet, SockType::Raw, Some(SockProtocol::Icmp)), refused);
        assert_eq!(
            open(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkKObjectUEvent)),
            refused
        );
        assert_eq!(
            open(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkRoute)),
            Ok(())
        );
        assert_eq!(open(AddressFamily::Inet, SockType::Stream, None), Ok(()));
        assert_eq!(open(AddressFamily::Unix, SockType::Datagram, None), Ok(()));
        assert_eq!(unshare(CloneFlags::CLONE_NEWUTS), Err(Errno::EPERM));
        assert_eq!(unshare(CloneFlags::CLONE_FILES), Ok(()));
        assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
    });
}

/// Making such a file takes no page, so the kernel does it even where its pool is empty.
#[test]
fn the_kernel_refuses_huge_pages_under_the_program() {
    use nix::errno::Errno;
    use nix::sys::memfd::{MFdFlags, memfd_create};

    let make = |flags| memfd_create("jail-test", flags | MFdFlags::MFD_CLOEXEC).map(drop);
    let outside = make(MFdFlags::MFD_HUGETLB);
    // A kernel without hugetlbfs has nothing to refuse.
    if !std::path::Path::new("/sys/kernel/mm/hugepages").exists() {
        assert!(outside.is_err());
        return;
    }
    assert_eq!(outside, Ok(()), "without the filter");

    under(&without_hugepages(), move || {
        assert_eq!(make(MFdFlags::MFD_HUGETLB), Err(Errno::ENOMEM));
        assert_eq!(make(MFdFlags::MFD_HUGETLB | MFdFlags::MFD_HUGE_2MB), Err(Errno::ENOMEM));
        assert_eq!(make(MFdFlags::empty()), Ok(()));
        assert_eq!(std::thread::spawn(|| 7).join().unwrap(), 7);
    });
}
