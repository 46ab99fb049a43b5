//! Names of capabilities.

use std::fmt;
use std::str::FromStr;

use super::{BadValue, Capability};
use crate::diagnostic::nearest;

impl Capability {
    /// All that <linux/capability.h> knows, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(number, _)| Self(number))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => write!(f, "CAP_{name}"),
            None => write!(f, "CAP_{}", self.0),
        }
    }
}

impl FromStr for Capability {
    type Err = BadValue;

    /// Reads a name, with or without `CAP_`, in any case.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        let name = text.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        match (0..).zip(NAMES).find(|(_, known)| *known == name) {
            Some((number, _)) => Ok(Self(number)),
            None => Err(unknown(text, name)),
        }
    }
}

fn unknown(text: &str, name: &str) -> BadValue {
    let help = match nearest(name, &NAMES) {
        Some(meant) => format!("did you mean `CAP_{meant}`?"),
        None => "capabilities(7) has their names, such as `CAP_CHOWN`".to_owned(),
    };
    BadValue::new(format!("unknown capability `{text}`")).help(help)
}

/// By number, without `CAP_`. See capabilities(7).
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn print_then_parse_gives_the_capability_back() {
        for capability in Capability::all() {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
        assert_eq!(Capability::all().count(), 41);
    }

    /// Numbers of <linux/capability.h>, at the places where a slip would shift the rest.
    #[test]
    fn numbers_are_the_kernels() {
        for (name, number) in [
            ("cap_chown", 0),
            ("setuid", 7),
            ("NET_BIND_SERVICE", 10),
            ("CAP_NET_RAW", 13),
            ("Sys_Admin", 21),
            ("SETFCAP", 31),
            ("SYSLOG", 34),
            ("BPF", 39),
            ("CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(name.parse(), Ok(Capability(number)), "{name}");
        }
    }

    #[test]
    fn the_nearest_is_suggested() {
        let bound = "did you mean `CAP_NET_BIND_SERVICE`?";
        let none = "capabilities(7) has their names, such as `CAP_CHOWN`";
        for (text, help) in [
            ("CAP_NET_BIND_SERVCE", bound),
            ("NET_BIND", bound),
            ("cap_net_bind", bound),
            ("ptrace", "did you mean `CAP_SYS_PTRACE`?"),
            ("NET", none),
            ("FOO", none),
        ] {
            let bad = text.parse::<Capability>().unwrap_err();
            assert_eq!(bad.to_string(), format!("unknown capability `{text}`; {help}"));
        }
    }
}
