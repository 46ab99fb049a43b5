//! `[network]`, and the sections about the process.

use super::{Key, Kind, Section};

pub(super) const NETWORK: Section = Section {
    name: "network",
    about: "What the command reaches, by which names, and who reaches it.",
    keys: &[
        Key {
            name: "mode",
            kind: Kind::Pattern(r"^(none|host|nat|allow|ns:.+)$"),
            values: r#"`"none"`, `"host"`, `"nat"`, `"allow"`, `"ns:PATH"`"#,
            default: r#"`"none"`"#,
            flag: "`--network`",
            about: "`none`: a loopback interface of the command's own. `host`: all of this machine's network. `nat`: a network of its own that reaches what this machine reaches, by pasta. `allow`: what the list of this name has, and nothing else. `ns:PATH`: a network that is there already.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&Kind::Pattern(
                r"^(\*?:[0-9]+|(\*\.)?[A-Za-z0-9._-]+(:[0-9]+)?|[0-9.]+(/[0-9]+)?:[0-9]+|\[[0-9A-Fa-f:.]+(/[0-9]+)?\](/[0-9]+)?:[0-9]+)$",
            )),
            values: "list of destinations",
            default: "none",
            flag: "`--allow`",
            about: "In mode `allow`, who may be reached by TCP: `example.org:443`, `*.example.org`, `10.1.2.0/24:5432`, `[2001:db8::7]:22`. Without a port it is 443 and 80. In the modes `host` and `ns:PATH`, the only ports that may be connected to, as `*:443`.",
        },
        Key {
            name: "publish",
            kind: Kind::List(&Kind::Pattern(
                r"^((\[[0-9A-Fa-f:.]+\]|[0-9.]+):)?[0-9]+:[0-9]+(/(tcp|udp))?$",
            )),
            values: r#"list of `"[IP:]HOST:INSIDE[/udp]"`"#,
            default: "none",
            flag: "`-p`/`--publish`",
            about: "Ports of this machine that lead to one inside. Without an address outside only this machine may connect.",
        },
        Key {
            name: "host-loopback",
            kind: Kind::Switch,
            values: "`true`, `false`",
            default: "`false`",
            flag: "`--host-loopback on`, `--host-loopback off`",
            about: "In mode `nat`, what is sent to the gateway's address reaches this machine's loopback interface.",
        },
        Key {
            name: "hosts",
            kind: Kind::Table { names: r"^[A-Za-z0-9._-]+$", value: &Kind::Address },
            values: "table of addresses",
            default: "none",
            flag: "`--add-host NAME:IP`",
            about: "Names for `/etc/hosts` inside.",
        },
        Key {
            name: "dns",
            kind: Kind::List(&Kind::Address),
            values: "list of addresses",
            default: "the host's",
            flag: "`--dns`",
            about: "The servers that are asked for names, in the place of the host's.",
        },
    ],
};

pub(super) const ENV: Section = Section {
    name: "env",
    about: "Which variables the command has. No other variable of yours exists inside.",
    keys: &[
        Key {
            name: "pass",
            kind: Kind::List(&Kind::Pattern(r"^([^=*\x00]+\*?|\*)$")),
            values: "list of names; `*` at the end stands for any rest",
            default: "none",
            flag: "`-e`/`--env NAME`, `--env-file`",
            about: "Variables of yours that the command keeps. A pattern never passes variables that make programs load code, such as `LD_PRELOAD`; naming one does.",
        },
        Key {
            name: "set",
            kind: Kind::Table { names: r"^[^=\x00]+$", value: &Kind::Text },
            values: "table of texts",
            default: "none",
            flag: "`-e`/`--env NAME=VALUE`, `--env-file`",
            about: "Variables with these values.",
        },
    ],
};

pub(super) const PROCESS: Section = Section {
    name: "process",
    about: "As whom and how the command runs.",
    keys: &[
        Key {
            name: "workdir",
            kind: Kind::Path,
            values: "path",
            default: "where jail was started",
            flag: "`-w`/`--workdir`",
            about: "Where the command starts.",
        },
        Key {
            name: "user",
            kind: Kind::Pattern(r"^(keep|root|[0-9]+:[0-9]+)$"),
            values: r#"`"keep"`, `"root"`, `"UID:GID"`"#,
            default: r#"`"keep"`, in an image its own"#,
            flag: "`-u`/`--user`",
            about: "The ids that the command sees as its own. `root` is 0:0 without any power over the host.",
        },
        Key {
            name: "entrypoint",
            kind: Kind::List(&Kind::Text),
            values: "list of words",
            default: "none, in an image its own",
            flag: "`--entrypoint`",
            about: "What stands before the command. An empty list takes an image's away.",
        },
        Key {
            name: "ids",
            kind: Kind::Words(&["single", "subuid", "auto"]),
            values: r#"`"single"`, `"subuid"`, `"auto"`"#,
            default: r#"`"single"`"#,
            flag: "`--ids`",
            about: "`single`: one user and one group inside. `subuid`: the range of `/etc/subuid` and `/etc/subgid` as well, as package managers need it. `auto`: `subuid` where this machine has it.",
        },
        Key {
            name: "hostname",
            kind: Kind::Hostname,
            values: "text",
            default: r#"`"jail"`"#,
            flag: "`--hostname`",
            about: "The name of the machine inside.",
        },
        Key {
            name: "tty",
            kind: Kind::Words(&["auto", "inherit", "none"]),
            values: r#"`"auto"`, `"inherit"`, `"none"`"#,
            default: r#"`"auto"`"#,
            flag: "`--tty`",
            about: "`auto` shares the terminal as long as the system call filter refuses to type into it. `inherit` shares it always. `none` gives the command no terminal to control.",
        },
        Key {
            name: "umask",
            kind: Kind::Pattern(r"^0?[0-7]{1,3}$"),
            values: "octal digits in quotes",
            default: "that of the caller",
            flag: "`--umask`",
            about: "The file mode creation mask.",
        },
        Key {
            name: "nesting",
            kind: Kind::Switch,
            values: "`true`, `false`",
            default: "`false`",
            flag: "`--nesting on`, `--nesting off`",
            about: "Whether the command may make namespaces, as sandboxes, browsers and container tools do.",
        },
        Key {
            name: "preserve-fds",
            kind: Kind::List(&Kind::Descriptor),
            values: "list of numbers above 2",
            default: "none",
            flag: "`--preserve-fd`",
            about: "File descriptors to be kept open. All others but 0, 1 and 2 are closed.",
        },
    ],
};

pub(super) const SECCOMP: Section = Section {
    name: "seccomp",
    about: "The filter of system calls: what the command may ask of the kernel.",
    keys: &[
        Key {
            name: "policy",
            kind: Kind::Pattern(r"^(default|strict|off|[.~$].*|.*/.*|.+\.json)$"),
            values: r#"`"default"`, `"strict"`, `"off"`, or the path of a JSON file"#,
            default: r#"`"default"`"#,
            flag: "`--seccomp`",
            about: "`default` is a list of what is allowed; calls that it does not know do not exist. `strict` also refuses internet sockets, System V IPC and other calls that a plain computation does not need. A file has docker's format.",
        },
        Key {
            name: "allow",
            kind: Kind::List(&Kind::Pattern(r"^@?[a-z0-9_-]+$")),
            values: "list of calls or `@groups`",
            default: "none",
            flag: "`--seccomp-allow`",
            about: "System calls that are allowed on top of the policy, or groups of them, such as `@debug`.",
        },
        Key {
            name: "deny",
            kind: Kind::List(&Kind::Pattern(r"^@?[a-z0-9_-]+$")),
            values: "list of calls or `@groups`",
            default: "none",
            flag: "`--seccomp-deny`",
            about: "System calls, or groups of them, that are refused; stronger than `allow`.",
        },
    ],
};

pub(super) const LANDLOCK: Section = Section {
    name: "landlock",
    about: "A mechanism of the kernel that checks each access to a file.",
    keys: &[Key {
        name: "enabled",
        kind: Kind::Switch,
        values: "`true`, `false`",
        default: "`true`",
        flag: "`--landlock on`, `--landlock off`",
        about: "Whether the kernel checks each access to a file by Landlock as well, a second wall behind the mounts.",
    }],
};

pub(super) const CAPABILITIES: Section = Section {
    name: "capabilities",
    about: "Which parts of root's power the command keeps.",
    keys: &[Key {
        name: "keep",
        kind: Kind::List(&Kind::Capability),
        values: "list of names, with or without `CAP_`",
        default: "none",
        flag: "`--cap-add`",
        about: "Parts of root's power that are kept. Each holds for what belongs to the sandbox alone, never for the host.",
    }],
};
