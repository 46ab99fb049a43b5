//! The top level and `[filesystem]`.

use super::{Key, Kind, Section};

pub(super) const TOP: Section = Section {
    name: "",
    about: "What stands above all sections.",
    keys: &[
        Key {
            name: "description",
            kind: Kind::Text,
            values: "text",
            default: "none",
            flag: "",
            about: "What the profile is for, in one line.",
        },
        Key {
            name: "extends",
            kind: Kind::List(&Kind::Pattern(".")),
            values: "list of names or paths",
            default: "none",
            flag: "`--profile`, several times",
            about: "Profiles that this one builds on, from left to right: names, or paths relative to this file. A file in your own directory may extend the built-in profile of the same name.",
        },
        Key {
            name: "degrade",
            kind: Kind::List(&Kind::Words(&["landlock", "limits", "overlay"])),
            values: r#"list of `"landlock"`, `"limits"`, `"overlay"`"#,
            default: "none",
            flag: "`--degrade`",
            about: "Protections that may be missing on this machine: the command then runs, and a warning says what is missing. Without it the command does not run.",
        },
    ],
};

pub(super) const FILESYSTEM: Section = Section {
    name: "filesystem",
    about: "What the command sees of files. What is not granted is absent.",
    keys: &[
        Key {
            name: "root",
            kind: Kind::Pattern(
                r"^(host|empty|image:.+|(docker://|oci:|oci-archive:|docker-archive:|dir:|tar:).+|[.~$].*|.*/.*)$",
            ),
            values: r#"`"host"`, `"empty"`, `"image:NAME"`, or a path with a `/`"#,
            default: r#"`"host"`"#,
            flag: "`--root`, `--image NAME`",
            about: "What the root is. `host`: the programs and libraries of this machine. `empty`: nothing. `image:NAME`: an image, as `oci:`, `oci-archive:`, `docker-archive:`, `dir:` and `tar:` with a path are. A path: a directory with a whole system in it, relative to the profile.",
        },
        Key {
            name: "root-mode",
            kind: Kind::Words(&["read-only", "overlay", "write"]),
            values: r#"`"read-only"`, `"overlay"`, `"write"`"#,
            default: r#"`"read-only"`, for an image `"overlay"`"#,
            flag: "`--root-mode`, `--read-only`",
            about: "What becomes of writes outside of all rules: they fail, are thrown away, or are kept, which needs a directory as `root`.",
        },
        Key {
            name: "pull",
            kind: Kind::Words(&["missing", "always", "never"]),
            values: r#"`"missing"`, `"always"`, `"never"`"#,
            default: r#"`"missing"`"#,
            flag: "`--pull`",
            about: "Whether an image is fetched when the store does not have it, before every run, or not at all.",
        },
        Key {
            name: "platform",
            kind: Kind::Pattern(r"^[^/]+/[^/]+(/[^/]+)?$"),
            values: r#"`"OS/ARCHITECTURE"`, or `"OS/ARCHITECTURE/VARIANT"`"#,
            default: "this machine's",
            flag: "`--platform`",
            about: "Which image of several.",
        },
        Key {
            name: "keep",
            kind: Kind::Pattern(r"^[a-z0-9_-][a-z0-9._-]{0,63}$"),
            values: "text of `a` to `z`, digits, `.`, `_`, `-`",
            default: "none",
            flag: "`--keep`",
            about: "What the command changes in an image is kept under this name, for the next run that says it.",
        },
        Key {
            name: "read",
            kind: Kind::List(&Kind::Rule),
            values: "list of paths",
            default: "none",
            flag: "`--read`",
            about: "Files and directories to be read and executed. Relative paths are relative to the working directory; `~`, `$VAR`, `${VAR:-default}` and `$PROJECT` are expanded. Of nested paths the longest wins.",
        },
        Key {
            name: "write",
            kind: Kind::List(&Kind::Rule),
            values: "list of paths",
            default: "none",
            flag: "`--write`",
            about: "Files and directories to be read, written and executed.",
        },
        Key {
            name: "overlay",
            kind: Kind::List(&Kind::Rule),
            values: "list of directories",
            default: "none",
            flag: "`--overlay`",
            about: "Directories that the command may write to, while the host's stay as they are.",
        },
        Key {
            name: "mask",
            kind: Kind::List(&Kind::Rule),
            values: "list of paths",
            default: "none",
            flag: "`--mask`",
            about: "What stays visible as a name, but cannot be opened, written, moved or removed.",
        },
        Key {
            name: "tmpfs",
            kind: Kind::List(&Kind::Tmpfs),
            values: "list of paths, or of `{ path, size }`",
            default: "none",
            flag: "`--tmpfs PATH[:size=SIZE]`",
            about: "Empty directories in memory. Without `size` one shares the sandbox's 512 MiB. `/tmp`, `/var/tmp`, `/run` and your home are such directories anyway.",
        },
        Key {
            name: "bind",
            kind: Kind::List(&Kind::Bind),
            values: "list of `{ from, to, write, optional }`",
            default: "none",
            flag: "`--bind FROM:TO`, `-v`/`--volume FROM:TO`",
            about: "`from` of the host appears at `to`; read-only unless `write = true`.",
        },
        Key {
            name: "devices",
            kind: Kind::List(&Kind::Path),
            values: "list of paths below `/dev`",
            default: "none",
            flag: "`--device`",
            about: "Devices, or all in a directory, beyond `null`, `zero`, `full`, `random`, `urandom`, `tty`, `ptmx` and `shm`.",
        },
    ],
};
