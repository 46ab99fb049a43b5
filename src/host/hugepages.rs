//! Where pages of hugetlbfs could be had without asking the kernel for them: from its mounts, and
//! from a descriptor that the command inherits. No filter sees either, as neither takes a flag.

use crate::diagnostic::{Diagnostic, Located, cause};
use crate::profile::Profile;
use crate::sys;

/// The type of file system, as /proc/self/mountinfo has it.
pub const FILE_SYSTEM: &[u8] = b"hugetlbfs";

/// Whether the profile refuses huge pages, and where it says so.
pub fn refused(profile: &Profile) -> Option<&Located<bool>> {
    profile.limits.hugepages.as_ref().filter(|wish| !wish.value)
}

/// Refuses what a profile without huge pages would pass on of them. A descriptor that is closed
/// passes on nothing.
pub fn inherited(profile: &Profile) -> Vec<Diagnostic> {
    let Some(wish) = refused(profile) else { return Vec::new() };
    let preserved = profile.process.preserve_fds.iter().map(|fd| fd.value).filter(|fd| *fd > 2);
    let all = (0..=2).chain(preserved);
    all.filter_map(|fd| objection(fd).map(|error| error.at(&wish.origin))).collect()
}

fn objection(fd: i32) -> Option<Diagnostic> {
    match sys::is_on_hugetlbfs(fd) {
        Ok(false) => None,
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => None,
        Ok(true) => Some(
            Diagnostic::error(format!("cannot refuse huge pages: descriptor {fd} is made of them"))
                .because("the command would inherit it, and could map it")
                .help(format!("close it, for example with `{fd}<&-`, or leave `hugepages` out")),
        ),
        Err(error) => Some(
            Diagnostic::error(format!("cannot tell whether descriptor {fd} is of huge pages"))
                .because(cause(&error))
                .help(format!("close it, for example with `{fd}<&-`, or leave `hugepages` out")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use nix::sys::memfd::{MFdFlags, memfd_create};

    use super::*;
    use crate::diagnostic::Origin;

    fn objections(fd: i32, hugepages: Option<bool>) -> Vec<Diagnostic> {
        let mut profile = Profile::default();
        let origin = Origin::Flag("--hugepages".into());
        profile.limits.hugepages = hugepages.map(|value| Located::new(value, origin));
        profile.process.preserve_fds.push(Located::new(fd, Origin::BuiltIn));
        inherited(&profile)
    }

    #[test]
    fn a_descriptor_of_huge_pages_is_not_passed_on() {
        let flags = MFdFlags::MFD_CLOEXEC;
        let plain = memfd_create("jail-test", flags).unwrap();
        assert_eq!(objections(plain.as_raw_fd(), Some(false)), []);
        assert_eq!(objections(9999, Some(false)), []);

        // A kernel without hugetlbfs has no such descriptors.
        if !std::path::Path::new("/sys/kernel/mm/hugepages").exists() {
            return;
        }
        let huge = memfd_create("jail-test", flags | MFdFlags::MFD_HUGETLB).unwrap();
        let number = huge.as_raw_fd();
        let errors = objections(number, Some(false));
        let title = format!("cannot refuse huge pages: descriptor {number} is made of them");
        assert_eq!(errors.iter().map(|error| &error.title).collect::<Vec<_>>(), [&title]);
        assert_eq!(errors[0].origin, Some(Origin::Flag("--hugepages".into())));
        assert_eq!(objections(number, Some(true)), []);
        assert_eq!(objections(number, None), []);
    }
}
