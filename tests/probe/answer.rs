//! What an attempt answers, and the one place where the kernel is called.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The text after `ok`, or why not.
pub type Answer = Result<String, Refusal>;

/// Why an attempt did not succeed.
#[derive(Debug)]
pub enum Refusal {
    /// The system call that is the attempt failed.
    Errno { call: &'static str, errno: i32 },
    /// The attempt was not made: what it needs could not be had.
    Setup(String),
    /// The attempt was not understood.
    Usage(String),
}

impl Refusal {
    /// Marks a failure as one of the preparations rather than of the attempt.
    pub fn in_setup(self) -> Self {
        match self {
            Self::Errno { call, errno } => Self::Setup(format!("{call}: {}", errno_name(errno))),
            Self::Setup(_) | Self::Usage(_) => self,
        }
    }
}

/// The words of one attempt, taken from the left.
pub struct Words {
    words: std::vec::IntoIter<OsString>,
}

impl Words {
    pub fn new(words: Vec<OsString>) -> Self {
        Self { words: words.into_iter() }
    }

    pub fn next(&mut self) -> Result<OsString, Refusal> {
        self.words.next().ok_or_else(|| Refusal::Usage("a word is missing".into()))
    }

    pub fn text(&mut self) -> Result<String, Refusal> {
        let word = self.next()?;
        word.into_string().map_err(|word| Refusal::Usage(format!("{word:?} is not UTF-8")))
    }

    pub fn path(&mut self) -> Result<CString, Refusal> {
        Ok(c_string(self.next()?))
    }

    /// A number: decimal, `0x` hexadecimal or `0o` octal; may be negative.
    pub fn number(&mut self) -> Result<i64, Refusal> {
        let text = self.text()?;
        parse_number(&text).ok_or_else(|| Refusal::Usage(format!("`{text}` is not a number")))
    }

    pub fn optional(&mut self) -> Option<OsString> {
        self.words.next()
    }

    pub fn rest(&mut self) -> Vec<OsString> {
        self.words.by_ref().collect()
    }
}

/// Calls the kernel; negative results become the errno.
///
/// Pointers in `arguments` must come from [`pointer`] or [`pointer_mut`], to values that
/// live until this returns; the whole program is one thread and keeps to that.
pub fn kernel(
    call: &'static str,
    number: libc::c_long,
    arguments: &[usize],
) -> Result<i64, Refusal> {
    let mut six = [0_usize; 6];
    six[..arguments.len()].copy_from_slice(arguments);
    // SAFETY: by the contract above each pointer is to a live value of the type that this
    // call takes. Calls that copy the process (fork, clone without CLONE_VM) are sound
    // because there is one thread.
    let result = unsafe { libc::syscall(number, six[0], six[1], six[2], six[3], six[4], six[5]) };
    if result < 0 { Err(last_errno(call)) } else { Ok(result) }
}

/// The address of a value that the kernel reads.
pub fn pointer<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>().expose_provenance()
}

/// The address of a value that the kernel writes.
pub fn pointer_mut<T: ?Sized>(value: &mut T) -> usize {
    std::ptr::from_mut(value).cast::<u8>().expose_provenance()
}

/// The address of the bytes of a C string.
pub fn c_pointer(text: &CString) -> usize {
    text.as_ptr().expose_provenance()
}

/// Marks numbers that are signed in the kernel's eyes.
pub const fn signed(number: i64) -> usize {
    number.cast_unsigned() as usize
}

pub fn c_string(word: impl Into<OsString>) -> CString {
    CString::new(word.into().into_vec()).expect("an argument of a process has no NUL byte")
}

/// A failed step of std, as an answer.
pub fn failed(call: &'static str, error: &std::io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(errno) => Refusal::Errno { call, errno },
        None => Refusal::Setup(format!("{call}: {error}")),
    }
}

/// Bytes on one line.
pub fn one_line(bytes: &[u8]) -> String {
    std::ffi::OsStr::from_bytes(bytes).as_bytes().escape_ascii().to_string()
}

/// The name of an errno, as in errno(3).
pub fn errno_name(errno: i32) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::ENXIO, "ENXIO"),
        (libc::E2BIG, "E2BIG"),
        (libc::ENOEXEC, "ENOEXEC"),
        (libc::EBADF, "EBADF"),
        (libc::ECHILD, "ECHILD"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EEXIST, "EEXIST"),
        (libc::EXDEV, "EXDEV"),
        (libc::ENODEV, "ENODEV"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::ETXTBSY, "ETXTBSY"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::EROFS, "EROFS"),
        (libc::EMLINK, "EMLINK"),
        (libc::EPIPE, "EPIPE"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ENOTEMPTY, "ENOTEMPTY"),
        (libc::ELOOP, "ELOOP"),
        (libc::EOVERFLOW, "EOVERFLOW"),
        (libc::EUSERS, "EUSERS"),
        (libc::EDQUOT, "EDQUOT"),
        (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
        (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
        (libc::EHOSTUNREACH, "EHOSTUNREACH"),
        (libc::ENOKEY, "ENOKEY"),
        (libc::EKEYEXPIRED, "EKEYEXPIRED"),
        (libc::EKEYREVOKED, "EKEYREVOKED"),
    ];
    let known = names.iter().find(|(number, _)| *number == errno);
    known.map_or_else(|| format!("E{errno}"), |(_, name)| (*name).to_string())
}

fn last_errno(call: &'static str) -> Refusal {
    let errno = std::io::Error::last_os_error().raw_os_error();
    Refusal::Errno { call, errno: errno.expect("the last error of the system has a number") }
}

fn parse_number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let magnitude = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        i64::from_str_radix(octal, 8)
    } else {
        digits.parse()
    };
    magnitude.ok().map(|magnitude| sign * magnitude)
}
