//! The profiles that are part of the program.

/// Name and text of each, sorted by name.
pub(super) const BUILT_IN: [(&str, &str); 7] = [
    ("base", include_str!("../../profiles/base.toml")),
    ("ci", include_str!("../../profiles/ci.toml")),
    ("default", include_str!("../../profiles/default.toml")),
    ("dev", include_str!("../../profiles/dev.toml")),
    ("packages", include_str!("../../profiles/packages.toml")),
    ("strict", include_str!("../../profiles/strict.toml")),
    ("toolchains", include_str!("../../profiles/toolchains.toml")),
];
