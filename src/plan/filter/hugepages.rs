//! `[limits] hugepages = false`: no pages of hugetlbfs.
//!
//! They come from a pool that the machine has set aside, and the memory controller does not
//! count them: never before Linux 6.7, and since then only where the cgroup file system was
//! mounted with `memory_hugetlb_accounting` (cgroup-v2, "Mounting"). So a command under a memory
//! limit could take the whole pool. It could do so by:
//!
//! - mmap(2) with MAP_HUGETLB, memfd_create(2) with MFD_HUGETLB, shmget(2) with SHM_HUGETLB:
//!   refused here. The numbers of a page size, such as MAP_HUGE_1GB, mean nothing without these.
//! - a file of a mounted hugetlbfs, which needs no flag, and where reading a hole takes a page
//!   as well: `host` counts such mounts among the kernel's interfaces, which are not granted,
//!   and are masked below what is.
//! - a mount of its own: hugetlbfs cannot be mounted in a user namespace, so `nesting` gives none.
//! - a descriptor that it inherits: `host` refuses those that jail passes on. One that somebody
//!   outside sends through a granted socket is that program's to give.
//! - what it has already: mremap(2), remap_file_pages(2), shmat(2) and userfaultfd(2) make no
//!   huge page of a small one, and a segment of another ipc namespace cannot be attached.
//! - io_uring, the 32-bit entry and x32: the first has no operation that maps or makes memory,
//!   the second ends the process, the third is refused, whatever the policy.
//!
//! Transparent huge pages (`madvise(MADV_HUGEPAGE)`, a tmpfs with `huge=`) are counted like any
//! other memory, and stay.

use crate::diagnostic::{Diagnostic, Located};

use super::syscalls::number;
use super::types::{Case, Comparison, Condition, Filter, Verdict};

/// Whether the profile refuses huge pages, and where it says so.
pub(super) fn refused(wish: Option<&Located<bool>>) -> Option<&Located<bool>> {
    wish.filter(|wish| !wish.value)
}

/// Refuses the flags that ask for huge pages, whatever else the filter lets through: a policy
/// from a file and a call that `allow` names keep to the limit too.
pub(super) fn refuse(filter: &mut Filter) {
    for flag in flags() {
        filter.refuse_also(flag.call, flag.refusal());
    }
}

/// The wish for a refusal where no filter could refuse.
pub(super) fn unfiltered(wish: &Located<bool>) -> Diagnostic {
    Diagnostic::error("cannot refuse huge pages: there is no filter")
        .at(&wish.origin)
        .because("`[seccomp] policy` is `off`")
        .help("take the policy `default`, or leave `hugepages` out")
}

/// A bit of an argument that asks for huge pages.
struct Flag {
    call: u32,
    index: u8,
    bit: u64,
}

// The kernel reads the flags of mmap as 64 bits and the others as 32. All three bits stand in the
// lower half, so neither hides anything in the upper one.
fn flags() -> impl Iterator<Item = Flag> {
    [
        Flag { call: number("mmap"), index: 3, bit: libc::MAP_HUGETLB as u64 },
        Flag { call: number("memfd_create"), index: 1, bit: libc::MFD_HUGETLB.into() },
        Flag { call: number("shmget"), index: 2, bit: libc::SHM_HUGETLB as u64 },
    ]
    .into_iter()
}

/// All three document it, and programs that try huge pages first are ready for it: it is how a
/// machine answers whose pool is empty.
const NO_MEMORY: Verdict = Verdict::Errno(libc::ENOMEM as u16);

impl Flag {
    fn refusal(&self) -> Case {
        let Self { index, bit, .. } = *self;
        let set = Condition { index, mask: bit, comparison: Comparison::NotEqual, value: 0 };
        Case { conditions: vec![set], verdict: NO_MEMORY }
    }
}

#[cfg(test)]
mod tests;
