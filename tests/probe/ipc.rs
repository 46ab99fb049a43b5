//! Attempts on what processes share without a file: System V memory, message queues, keys.

use crate::answer::{
    Answer, Refusal, Words, c_pointer, c_string, kernel, one_line, pointer_mut, signed,
};

const KEY_SPEC_PROCESS_KEYRING: i64 = -2;
const KEYCTL_DESCRIBE: usize = 6;
const KEYCTL_SEARCH: usize = 10;
const KEYCTL_READ: usize = 11;
const KEYCTL_GET_KEYRING_ID: usize = 0;
const KEY_SPEC_SESSION_KEYRING: i64 = -3;

pub fn attempt(name: &str, words: &mut Words) -> Option<Answer> {
    Some(match name {
        "shm-make" => shared_memory(words, libc::IPC_CREAT | libc::IPC_EXCL | 0o600),
        "shm-find" => shared_memory(words, 0),
        "shm-remove" => shm_remove(words),
        "mq-make" => queue(words, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL),
        "mq-find" => queue(words, libc::O_RDWR),
        "mq-remove" => mq_remove(words),
        "add-key" => add_key(),
        "request-key" => request_key(words),
        "keyctl" => keyctl(),
        "read-key" => read_key(words),
        _ => return None,
    })
}

/// A segment by its key; size 0 finds one of any size.
fn shared_memory(words: &mut Words, flags: i32) -> Answer {
    let key = words.number()?;
    let size = if flags & libc::IPC_CREAT == 0 { 0 } else { 4096 };
    let id = kernel("shmget", libc::SYS_shmget, &[signed(key), size, signed(flags.into())])?;
    Ok(format!("id={id}"))
}

fn shm_remove(words: &mut Words) -> Answer {
    let id = kernel("shmget", libc::SYS_shmget, &[signed(words.number()?), 0, 0])?;
    let arguments = [signed(id), libc::IPC_RMID as usize, 0];
    kernel("shmctl", libc::SYS_shmctl, &arguments).map(|_| String::new())
}

/// A POSIX message queue by its name without the slash, which is libc's.
fn queue(words: &mut Words, flags: i32) -> Answer {
    let name = words.path()?;
    let arguments = [c_pointer(&name), signed(flags.into()), 0o600, 0];
    kernel("mq_open", libc::SYS_mq_open, &arguments).map(|_| String::new())
}

fn mq_remove(words: &mut Words) -> Answer {
    let name = words.path()?;
    kernel("mq_unlink", libc::SYS_mq_unlink, &[c_pointer(&name)]).map(|_| String::new())
}

/// A key that goes with this process.
fn add_key() -> Answer {
    let (kind, description) = (c_string("user"), c_string("jail-probe"));
    let keyring = signed(KEY_SPEC_PROCESS_KEYRING);
    let payload = c_pointer(&description);
    let arguments = [c_pointer(&kind), c_pointer(&description), payload, 4, keyring];
    kernel("add_key", libc::SYS_add_key, &arguments).map(|_| String::new())
}

fn request_key(words: &mut Words) -> Answer {
    let (kind, description) = (c_string("user"), words.path()?);
    let arguments = [c_pointer(&kind), c_pointer(&description), 0, 0];
    kernel("request_key", libc::SYS_request_key, &arguments).map(|_| String::new())
}

fn keyctl() -> Answer {
    let keyring = signed(KEY_SPEC_SESSION_KEYRING);
    let id = kernel("keyctl", libc::SYS_keyctl, &[KEYCTL_GET_KEYRING_ID, keyring, 1])?;
    let arguments = [KEYCTL_DESCRIBE, signed(id), 0, 0];
    kernel("keyctl", libc::SYS_keyctl, &arguments).map(|_| String::new())
}

/// Looks for a key in the session keyring and reads it.
fn read_key(words: &mut Words) -> Answer {
    let (kind, description) = (c_string("user"), words.path()?);
    let keyring = signed(KEY_SPEC_SESSION_KEYRING);
    let search = [KEYCTL_SEARCH, keyring, c_pointer(&kind), c_pointer(&description), 0];
    let key = kernel("keyctl", libc::SYS_keyctl, &search)?;
    let mut payload = [0_u8; 256];
    let read = [KEYCTL_READ, signed(key), pointer_mut(&mut payload), payload.len()];
    let length = kernel("keyctl", libc::SYS_keyctl, &read)?;
    let length = usize::try_from(length).map_err(|_| Refusal::Setup("a bad length".into()))?;
    Ok(one_line(&payload[..length]))
}
