//! The words for an errno.

use std::error::Error;
use std::io;

use nix::errno::Errno;

/// What the kernel said, for [`Diagnostic::because`](super::Diagnostic::because):
/// `permission denied [EACCES]`.
pub fn cause(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => errno_cause(Errno::from_raw(number)),
        None => error.to_string(),
    }
}

/// The same for an errno itself.
pub fn errno_cause(errno: Errno) -> String {
    let words = errno.desc();
    // The C library writes `No such file`, and names such as `I/O`, which keep their capitals.
    let mut letters = words.chars();
    let first = letters.next().unwrap_or_default();
    let rest = letters.as_str();
    if !rest.starts_with(|second: char| second.is_ascii_lowercase()) {
        return format!("{words} [{errno:?}]");
    }
    format!("{}{rest} [{errno:?}]", first.to_lowercase())
}

/// What the kernel said, somewhere behind an error of a library.
pub fn kernel_errno(error: &(dyn Error + 'static)) -> Option<Errno> {
    let mut next = Some(error);
    while let Some(error) = next {
        let kernel = error.downcast_ref().and_then(io::Error::raw_os_error);
        if let Some(number) = kernel {
            return Some(Errno::from_raw(number));
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_has_words_and_a_name() {
        assert_eq!(errno_cause(Errno::EACCES), "permission denied [EACCES]");
        assert_eq!(errno_cause(Errno::ENOENT), "no such file or directory [ENOENT]");
        assert_eq!(errno_cause(Errno::EIO), "I/O error [EIO]");
    }

    #[test]
    fn what_the_kernel_said_is_found_behind_a_library() {
        let kernel = io::Error::from_raw_os_error(Errno::E2BIG as i32);
        let wrapped = seccompiler::Error::Seccomp(kernel);
        assert_eq!(kernel_errno(&wrapped), Some(Errno::E2BIG));
        assert_eq!(kernel_errno(&seccompiler::Error::EmptyFilter), None);
    }

    #[test]
    fn an_error_of_the_library_keeps_its_words() {
        assert_eq!(cause(&io::Error::other("odd")), "odd");
        assert_eq!(
            cause(&io::Error::from_raw_os_error(Errno::ELOOP as i32)),
            "too many symbolic links encountered [ELOOP]"
        );
    }
}
