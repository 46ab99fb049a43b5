//! Attempts on parts of the kernel that no ordinary program needs, and on other ways into it.

use crate::answer::{
    Answer, Refusal, Words, c_pointer, c_string, kernel, one_line, pointer, pointer_mut, signed,
};

/// The bit of the x32 system call numbers.
const X32: libc::c_long = 0x4000_0000;
const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_TASK_CLOCK: u64 = 1;
/// Bits of `struct perf_event_attr`: exclude_kernel, exclude_hv.
const PERF_USER_ONLY: u64 = 1 << 5 | 1 << 6;
const UFFD_USER_MODE_ONLY: usize = 1;
const FAN_REPORT_FID: usize = 0x200;
const SYSLOG_ACTION_SIZE_BUFFER: usize = 10;
const FILE_HANDLE_BYTES: u32 = 128;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "int80-getpid" => int80_getpid(),
        "x32-getpid" => kernel("x32 getpid", libc::SYS_getpid | X32, &[]).map(|_| String::new()),
        "unknown-call" => kernel("call 4095", 4095, &[]).map(|_| String::new()),
        "io-uring" => io_uring(),
        "bpf" => bpf(),
        "perf" => perf(),
        "userfaultfd" => plain("userfaultfd", libc::SYS_userfaultfd, &[UFFD_USER_MODE_ONLY]),
        "fanotify" => plain("fanotify_init", libc::SYS_fanotify_init, &[FAN_REPORT_FID, 0]),
        "memfd-secret" => plain("memfd_secret", libc::SYS_memfd_secret, &[0]),
        "name-to-handle" => name_to_handle(words),
        "open-by-handle" => open_by_handle(),
        "modify-ldt" => modify_ldt(),
        "personality" => personality(words),
        "set-mm" => set_mm(),
        "kernel-log" => plain("syslog", libc::SYS_syslog, &[SYSLOG_ACTION_SIZE_BUFFER, 0, 0]),
        "quotactl" => plain("quotactl", libc::SYS_quotactl, &[0x8000_0100, 0, 0, 0]),
        "huge-map" => huge_map(words),
        "huge-file" => huge_file(),
        "huge-segment" => huge_segment(words),
        "mbind" => plain("mbind", libc::SYS_mbind, &[0, 0, 0, 0, 0, 0]),
        _ => return None,
    })
}

fn plain(call: &'static str, number: libc::c_long, arguments: &[usize]) -> Answer {
    kernel(call, number, arguments).map(|_| String::new())
}

/// The 32-bit entry, whose numbers mean other calls: 20 is getpid there, but writev in the
/// 64-bit table.
#[cfg(target_arch = "x86_64")]
fn int80_getpid() -> Answer {
    let result: i32;
    // SAFETY: the call takes no argument, and int 0x80 keeps every register but rax, and
    // r8 to r11 on old kernels, which are declared as changed.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inlateout("eax") 20_i32 => result,
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    if result < 0 {
        Err(Refusal::Errno { call: "int 0x80 getpid", errno: -result })
    } else {
        Ok(String::new())
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn int80_getpid() -> Answer {
    Err(Refusal::Setup("this machine has no 32-bit entry of that kind".into()))
}

fn io_uring() -> Answer {
    let mut parameters = [0_u8; 120];
    plain("io_uring_setup", libc::SYS_io_uring_setup, &[1, pointer_mut(&mut parameters)])
}

/// Looks into a map by a descriptor that is none: an ordinary user may not make one, but
/// the kernel answers EBADF only after it has let the call in.
fn bpf() -> Answer {
    const MAP_LOOKUP_ELEMENT: usize = 1;
    let attributes = [u64::from(u32::MAX), 0, 0, 0];
    let size = size_of_val(&attributes);
    plain("bpf", libc::SYS_bpf, &[MAP_LOOKUP_ELEMENT, pointer(&attributes), size])
}

/// Counts the time of this process.
fn perf() -> Answer {
    // struct perf_event_attr, 64 bytes: type, size, config, period, sample type, read
    // format, flags, and two numbers that do not matter here.
    let size = 64_u32;
    let attributes = [
        u64::from(PERF_TYPE_SOFTWARE) | u64::from(size) << 32,
        PERF_COUNT_SW_TASK_CLOCK,
        0,
        0,
        0,
        PERF_USER_ONLY,
        0,
        0,
    ];
    let arguments = [pointer(&attributes), 0, signed(-1), signed(-1), 0];
    plain("perf_event_open", libc::SYS_perf_event_open, &arguments)
}

fn name_to_handle(words: &mut Words) -> Answer {
    let path = words.path()?;
    // struct file_handle: handle_bytes, handle_type, the handle.
    let mut handle = [0_u32; 34];
    handle[0] = FILE_HANDLE_BYTES;
    let mut mount = 0_i32;
    let arguments = [
        signed(libc::AT_FDCWD.into()),
        c_pointer(&path),
        pointer_mut(&mut handle),
        pointer_mut(&mut mount),
        0,
    ];
    kernel("name_to_handle_at", libc::SYS_name_to_handle_at, &arguments)?;
    Ok(format!("type={}", handle[1]))
}

/// Opens the root of a file system by a guessed handle, as CVE-2014-9357's "shocker" does.
/// The descriptor of the mount is none: EBADF comes only after the kernel has let the call in.
fn open_by_handle() -> Answer {
    let handle = [8_u32, 1, 2, 0];
    let arguments = [signed(-1), pointer(&handle), 0];
    plain("open_by_handle_at", libc::SYS_open_by_handle_at, &arguments)
}

fn modify_ldt() -> Answer {
    let mut table = [0_u8; 64];
    let arguments = [0, pointer_mut(&mut table), table.len()];
    // The answer is an int in a register whose upper half is zero, errors included.
    let result = kernel("modify_ldt", libc::SYS_modify_ldt, &arguments)?;
    Ok(one_line(format!("bytes={result}").as_bytes()))
}

/// Sets the execution domain, and then what it was before.
fn personality(words: &mut Words) -> Answer {
    let wanted = signed(words.number()?);
    let before = kernel("personality", libc::SYS_personality, &[wanted])?;
    Ok(format!("before={before:#x}"))
}

/// An argument too many: EINVAL comes only after the filter has let the call in.
fn set_mm() -> Answer {
    let option = libc::PR_SET_MM as usize;
    plain("prctl PR_SET_MM", libc::SYS_prctl, &[option, 1, 0, 0, 1])
}

/// Anonymous huge pages, 2 to the power of so many bytes each. There are none of 2^63 bytes, but
/// the kernel says EINVAL to that only after it has let the call in.
fn huge_map(words: &mut Words) -> Answer {
    let power = usize::try_from(words.number()?).expect("a power of two is small");
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB) as usize;
    let flags = flags | power << libc::MAP_HUGE_SHIFT;
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    plain("mmap", libc::SYS_mmap, &[0, 1 << 21, protection, flags, signed(-1), 0])
}

/// A file of huge pages, of which the pool need not have any before they are used.
fn huge_file() -> Answer {
    let name = c_string("jail-probe");
    let flags = (libc::MFD_CLOEXEC | libc::MFD_HUGETLB) as usize;
    plain("memfd_create", libc::SYS_memfd_create, &[c_pointer(&name), flags])
}

/// A segment of huge pages of so many bytes. The kernel says EINVAL to 0 only after it has let
/// the call in, and before it asks for privilege.
fn huge_segment(words: &mut Words) -> Answer {
    let size = signed(words.number()?);
    let flags = (libc::IPC_CREAT | libc::SHM_HUGETLB | 0o600) as usize;
    plain("shmget", libc::SYS_shmget, &[libc::IPC_PRIVATE as usize, size, flags])
}
