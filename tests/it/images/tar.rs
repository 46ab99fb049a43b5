//! Tars, entry by entry, good ones and bad ones.

/// A tar that is being written.
#[derive(Clone, Debug, Default)]
pub struct Tar {
    bytes: Vec<u8>,
    owner: (u32, u32),
}

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    /// Uid and gid of the entries that follow; root without.
    #[must_use]
    pub fn owner(self, uid: u32, gid: u32) -> Self {
        Self { owner: (uid, gid), ..self }
    }

    #[must_use]
    pub fn file(self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.entry(b'0', name, mode, "", content.as_ref())
    }

    #[must_use]
    pub fn directory(self, name: &str, mode: u32) -> Self {
        self.entry(b'5', name, mode, "", b"")
    }

    #[must_use]
    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name, 0o777, target, b"")
    }

    #[must_use]
    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name, 0o644, target, b"")
    }

    #[must_use]
    pub fn fifo(self, name: &str, mode: u32) -> Self {
        self.entry(b'6', name, mode, "", b"")
    }

    /// An extended header for the next entry (pax(1), "pax Extended Header").
    #[must_use]
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let records: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.entry(b'x', "PaxHeaders/x", 0o644, "", &records)
    }

    /// Bytes that are no entry, or a wrong one.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// An empty file whose header has other bytes from `at` on, and a checksum that is right.
    #[must_use]
    pub fn patched(self, name: &str, at: usize, bytes: &[u8]) -> Self {
        let mut header: [u8; 512] =
            Self::new().file(name, 0o644, "").bytes.try_into().expect("one block");
        header[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut header);
        self.raw(&header)
    }

    /// An entry of any kind (pax(1), "ustar Interchange Format").
    #[must_use]
    pub fn entry(mut self, kind: u8, name: &str, mode: u32, target: &str, content: &[u8]) -> Self {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, format!("{mode:07o}").as_bytes());
        put(108, &id(self.owner.0));
        put(116, &id(self.owner.1));
        put(124, format!("{:011o}", content.len()).as_bytes());
        put(136, format!("{:011o}", 1_600_000_000 + name.len()).as_bytes());
        put(156, &[kind]);
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        seal(&mut header);
        self.bytes.extend(header);
        self.bytes.extend(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub fn finish(&self) -> Vec<u8> {
        [self.bytes.as_slice(), &[0; 1024]].concat()
    }
}

fn seal(header: &mut [u8; 512]) {
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A record whose length counts itself.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = |length: usize| length.to_string().len();
    let length = rest + digits(rest + digits(rest));
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// In octal digits, or in binary if it needs more of them, as GNU tar does.
fn id(id: u32) -> [u8; 8] {
    let mut field = [0; 8];
    if id < 1 << 21 {
        field[..7].copy_from_slice(format!("{id:07o}").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&id.to_be_bytes());
    }
    field
}
