//! A bus, byte by byte (D-Bus specification, "Message Protocol"), whose systemd takes a job and never ends it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Answers as bus and systemd do until the job has begun.
pub fn begin_a_job(mut line: UnixStream, client: u32) {
    let_in(&mut line);
    answer(&mut line, "s", &text(":1.1"));
    answer(&mut line, "u", &client.to_le_bytes());
    // The rule for what systemd tells of jobs.
    answer(&mut line, "", &[]);
    answer(&mut line, "o", &text("/org/freedesktop/systemd1/job/1"));
}

fn let_in(line: &mut UnixStream) {
    loop {
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n") {
            let mut byte = [0];
            line.read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
        let said = String::from_utf8(said).unwrap();
        match said.trim_start_matches('\0').split_whitespace().next() {
            Some("AUTH") => line.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n").unwrap(),
            Some("NEGOTIATE_UNIX_FD") => line.write_all(b"AGREE_UNIX_FD\r\n").unwrap(),
            Some("BEGIN") => return,
            _ => panic!("{said:?}"),
        }
    }
}

/// Takes the next call, and returns a value of this type to it.
fn answer(line: &mut UnixStream, signature: &str, value: &[u8]) {
    let mut head = [0; 16];
    line.read_exact(&mut head).unwrap();
    let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
    let (body, serial, fields) = (number(4), number(8), number(12));
    line.read_exact(&mut vec![0; (fields.next_multiple_of(8) + body) as usize]).unwrap();
    // To which call (field 5), and of which type (field 8).
    let mut fields = vec![5, 1, b'u', 0];
    fields.extend(serial.to_le_bytes());
    if !signature.is_empty() {
        fields.extend([8, 1, b'g', 0, signature.len() as u8]);
        fields.extend(signature.bytes());
        fields.push(0);
    }
    // A return, to which no answer is expected.
    let mut message = vec![b'l', 2, 1, 1];
    for number in [value.len() as u32, serial, fields.len() as u32] {
        message.extend(number.to_le_bytes());
    }
    message.extend(fields);
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend(value);
    line.write_all(&message).unwrap();
}

fn text(value: &str) -> Vec<u8> {
    [&(value.len() as u32).to_le_bytes()[..], value.as_bytes(), &[0]].concat()
}
