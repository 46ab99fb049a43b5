//! Tars made byte by byte, so that they can be wrong.

/// One header block, before its checksum.
#[derive(Clone)]
pub struct Block(pub [u8; 512]);

impl Block {
    pub fn new(kind: u8, name: &[u8]) -> Self {
        let mut block = Self([0; 512]);
        block.0[257..265].copy_from_slice(b"ustar\x0000");
        block.0[156] = kind;
        block.put(0, name).octal(100, 8, 0o644).octal(108, 8, 0).octal(116, 8, 0);
        block.octal(124, 12, 0).octal(136, 12, 1_700_000_000);
        block
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub fn octal(&mut self, at: usize, width: usize, value: u64) -> &mut Self {
        self.put(at, format!("{value:0width$o}\0", width = width - 1).as_bytes())
    }

    /// With a checksum that is right.
    pub fn sealed(mut self) -> [u8; 512] {
        self.put(148, b"        ");
        let sum: u64 = self.0.iter().map(|byte| u64::from(*byte)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// A tar that grows.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn block(mut self, block: Block) -> Self {
        self.0.extend(block.sealed());
        self
    }

    pub fn data(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// A header of any kind that has content.
    pub fn content(self, kind: u8, name: &[u8], bytes: &[u8]) -> Self {
        let mut block = Block::new(kind, name);
        block.octal(124, 12, bytes.len() as u64);
        self.block(block).data(bytes)
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        self.content(b'0', name.as_bytes(), content.as_bytes())
    }

    pub fn mode(self, kind: u8, name: &str, mode: u64) -> Self {
        let mut block = Block::new(kind, name.as_bytes());
        block.octal(100, 8, mode);
        self.block(block)
    }

    pub fn directory(self, name: &str) -> Self {
        self.mode(b'5', name, 0o755)
    }

    pub fn link(self, kind: u8, name: &str, target: &str) -> Self {
        let mut block = Block::new(kind, name.as_bytes());
        block.put(157, target.as_bytes());
        self.block(block)
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.link(b'2', name, target)
    }

    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.link(b'1', name, target)
    }

    pub fn device(self, kind: u8, name: &str, major: u64, minor: u64) -> Self {
        let mut block = Block::new(kind, name.as_bytes());
        block.octal(329, 8, major).octal(337, 8, minor);
        self.block(block)
    }

    /// An extended header for the next entry.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let bytes: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.content(b'x', b"PaxHeaders/x", &bytes)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// A record whose length counts itself.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = |length: usize| length.to_string().len();
    let mut length = rest + digits(rest);
    length = rest + digits(length);
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}
