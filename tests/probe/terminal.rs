//! Attempts to type on the caller's terminal.

use crate::answer::{Answer, Refusal, Words, kernel, pointer, pointer_mut, signed};

/// Bits that the kernel drops: `cmd` is an unsigned int.
const HIGH_BITS: usize = 0xdead_beef << 32;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "tiocsti" => inject(0),
        "tiocsti-high-bits" => inject(HIGH_BITS),
        "tioclinux" => paste(),
        "tiocsetd" => line_discipline(),
        "controlling-terminal" => controlling_terminal(),
        "resize" => resize(words),
        "terminal-size" => terminal_size(words),
        _ => return None,
    })
}

/// Puts one character into the input of the terminal, as if typed.
fn inject(high_bits: usize) -> Answer {
    let character = b'#';
    let request = libc::TIOCSTI as usize | high_bits;
    let arguments = [0, request, pointer(&character)];
    kernel("ioctl TIOCSTI", libc::SYS_ioctl, &arguments).map(|_| String::new())
}

/// TIOCL_PASTESEL: the selection of a virtual console becomes input.
fn paste() -> Answer {
    let subcode = 3_u8;
    let arguments = [0, libc::TIOCLINUX as usize, pointer(&subcode)];
    kernel("ioctl TIOCLINUX", libc::SYS_ioctl, &arguments).map(|_| String::new())
}

/// Sets the usual line discipline once more; another number would load a kernel module.
fn line_discipline() -> Answer {
    let usual = 0_i32;
    let arguments = [0, libc::TIOCSETD as usize, pointer(&usual)];
    kernel("ioctl TIOCSETD", libc::SYS_ioctl, &arguments).map(|_| String::new())
}

/// Opens /dev/tty, which only a process with a controlling terminal can.
fn controlling_terminal() -> Answer {
    let path = crate::answer::c_string("/dev/tty");
    let flags = (libc::O_RDWR | libc::O_CLOEXEC) as usize;
    let arguments = [crate::answer::c_pointer(&path), flags];
    kernel("open /dev/tty", libc::SYS_open, &arguments).map(|_| String::new())
}

/// Rows and columns of a descriptor's terminal.
fn terminal_size(words: &mut Words) -> Answer {
    let descriptor: i64 = words.number()?;
    let mut size = [0_u16; 4];
    let arguments = [signed(descriptor), libc::TIOCGWINSZ as usize, pointer_mut(&mut size)];
    let asked: Result<i64, Refusal> = kernel("ioctl TIOCGWINSZ", libc::SYS_ioctl, &arguments);
    asked.map(|_| format!("{}x{}", size[0], size[1]))
}

/// Gives the terminal of standard input a new size.
fn resize(words: &mut Words) -> Answer {
    let mut size = [0_u16; 4];
    for number in &mut size[..2] {
        let wanted = words.number()?;
        *number = u16::try_from(wanted).map_err(|_| Refusal::Usage("too large".into()))?;
    }
    let arguments = [0, libc::TIOCSWINSZ as usize, pointer(&size)];
    kernel("ioctl TIOCSWINSZ", libc::SYS_ioctl, &arguments).map(|_| String::new())
}
