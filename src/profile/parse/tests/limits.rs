//! `[limits]`

use std::time::Duration;

use proptest::prelude::*;

use super::{error, errors, parsed, path, profile};
use crate::profile::*;
use crate::units::{Cpus, Size, Span};

#[test]
fn every_limit_is_read() {
    let limits = profile(
        r#"
        [limits]
        memory = "512M"
        swap = "0B"
        cpus = 1.5
        cpuset = [5, 0, 1]
        pids = 0x200
        io = [
            { path = "$PROJECT", read = "10M", write = "unlimited" },
            { path = "/dev/sda", read-ops = 1_000, write-ops = "unlimited" },
        ]
        hugepages = false
        time = "1h30m"
        time-grace = "0s"
        nice = 10
        core = "0B"
        cpu-time = "90s"
        data = "1G:unlimited"
        fsize = "unlimited"
        memlock = "64K"
        nofile = "1024:4096"
        nproc = 64
        stack = "8M"
        "#,
    )
    .limits;
    let span = |seconds| Span(Duration::from_secs(seconds));
    assert_eq!(limits.memory.unwrap().value, Cap::At(Size(512 << 20)));
    assert_eq!(limits.swap.unwrap().value, Swap::At(Size(0)));
    assert_eq!(limits.cpus.unwrap().value, Cap::At(Cpus(1500)));
    assert_eq!(limits.cpuset.unwrap().value, CpuSet(vec![(0, 1), (5, 5)]));
    assert_eq!(limits.pids.unwrap().value, Cap::At(512));
    let io = |text, read, read_ops| IoLimit {
        path: path(text),
        read,
        write: None,
        read_ops,
        write_ops: None,
    };
    let told: Vec<_> = limits.io.into_iter().map(|limit| limit.value).collect();
    let bytes = io("$PROJECT", Some(Size(10 << 20)), None);
    assert_eq!(told, [bytes, io("/dev/sda", None, Some(1000))]);
    assert!(!limits.hugepages.unwrap().value);
    assert_eq!(limits.time.unwrap().value, Cap::At(span(5400)));
    assert_eq!(limits.time_grace.unwrap().value, span(0));
    assert_eq!(limits.nice.unwrap().value, 10);
    let bounds = |soft, hard| Bounds { soft, hard };
    let expected = [
        (Rlimit::Core, Bounds::both(0)),
        (Rlimit::CpuTime, bounds(Cap::At(90), Cap::At(91))),
        (Rlimit::Data, bounds(Cap::At(1 << 30), Cap::Unlimited)),
        (Rlimit::Fsize, bounds(Cap::Unlimited, Cap::Unlimited)),
        (Rlimit::Memlock, Bounds::both(64 << 10)),
        (Rlimit::Nofile, bounds(Cap::At(1024), Cap::At(4096))),
        (Rlimit::Nproc, Bounds::both(64)),
        (Rlimit::Stack, Bounds::both(8 << 20)),
    ];
    let told: Vec<_> =
        limits.rlimits.into_iter().map(|(rlimit, bounds)| (rlimit, bounds.value)).collect();
    assert_eq!(told, expected);
}

#[test]
fn a_limit_has_several_spellings() {
    let limits = |text: &str| profile(&format!("[limits]\n{text}\n")).limits;
    for cpus in ["2", "2.0", "'2'", "'200%'", "0x2"] {
        let read = limits(&format!("cpus = {cpus}")).cpus.unwrap().value;
        assert_eq!(read, Cap::At(Cpus(2000)), "{cpus}");
    }
    for cpuset in ["3", "'3'", "[3]", "'3,3-3'"] {
        let read = limits(&format!("cpuset = {cpuset}")).cpuset.unwrap().value;
        assert_eq!(read, CpuSet(vec![(3, 3)]), "{cpuset}");
    }
    let none = limits(
        "memory = 'unlimited'\nswap = 'unlimited'\ncpus = 'unlimited'\npids = 'unlimited'\ntime = 'unlimited'",
    );
    assert_eq!(none.memory.unwrap().value, Cap::Unlimited);
    assert_eq!(none.swap.unwrap().value, Swap::Unlimited);
    assert_eq!(none.cpus.unwrap().value, Cap::Unlimited);
    assert_eq!(none.pids.unwrap().value, Cap::Unlimited);
    assert_eq!(none.time.unwrap().value, Cap::Unlimited);
}

#[test]
fn several_mistakes_in_limits_are_told_at_once() {
    let text = "\
[limits]
memory = 512
memmory = \"1G\"
cpus = 0.001
io = [{ path = \"/\", raed = \"1M\", write = 5 }]
";
    assert_eq!(
        errors(text),
        "\
jail: error: a size needs a unit
 --> x.toml:2:10
  |
2 | memory = 512
  |          ^^^
because: sizes and times are texts and stand in quotes
help: write `512M`, or `512B` for bytes
jail: error: unknown key `memmory` in `limits`
 --> x.toml:3:1
  |
3 | memmory = \"1G\"
  | ^^^^^^^
help: did you mean `memory`?
jail: error: the share is less than a hundredth of a processor
 --> x.toml:4:8
  |
4 | cpus = 0.001
  |        ^^^^^
help: write `0.01` or more
jail: error: unknown key `raed` in `io`
 --> x.toml:5:21
  |
5 | io = [{ path = \"/\", raed = \"1M\", write = 5 }]
  |                     ^^^^
help: did you mean `read`?
jail: error: a size needs a unit
 --> x.toml:5:42
  |
5 | io = [{ path = \"/\", raed = \"1M\", write = 5 }]
  |                                          ^
because: sizes and times are texts and stand in quotes
help: write `5M`, or `5B` for bytes
"
    );
}

#[test]
fn limits_that_cannot_be_meant_are_refused() {
    let quotes = "sizes and times are texts and stand in quotes";
    for (text, words) in [
        ("memory = '512'", "a size needs a unit; write `512M`, or `512B` for bytes".to_owned()),
        ("core = 0", format!("a size needs a unit; {quotes}; write `0B`")),
        ("time = 90", format!("a time needs a unit; {quotes}; write `90s` for seconds")),
        ("swap = -1", format!("`-1` is no limit; {quotes}; write `unlimited`")),
        ("memory = true", "`memory` must be a size such as `\"512M\"`, not a boolean".to_owned()),
        ("time = []", "`time` must be a time such as `\"10m\"`, not an array".to_owned()),
        ("pids = {}", "`pids` must be a number, not a table".to_owned()),
        (
            "pids = 1.5",
            "`1.5` is no number of processes; write a number such as `512`, or `unlimited`"
                .to_owned(),
        ),
        ("pids = 99999999999999999999", "`pids` is out of range".to_owned()),
        (
            "cpus = inf",
            "this is not a number of processors; write a number of processors, such as `1.5`, or \
             `150%`"
                .to_owned(),
        ),
        ("hugepages = 0", "`hugepages` must be `true` or `false`, not an integer".to_owned()),
        (
            "nice = -1",
            "`-1` is no niceness that a command may get; only root may take more of the processor \
             than others; write 0 to 19; 19 gives way to all others"
                .to_owned(),
        ),
        (
            "nofile = 0",
            "no command can start with 0 for `nofile`; write more, or `unlimited`".to_owned(),
        ),
        (
            "nofile = '9:8'",
            "the soft limit `9` is above the hard limit `8`; write `SOFT:HARD`, the lower one first"
                .to_owned(),
        ),
        (
            "cpuset = []",
            "no command can run on no processor; name one, or leave `cpuset` out".to_owned(),
        ),
        ("cpuset = [1, 1]", "`cpuset` names the same thing twice; it stands in line 2 already".to_owned()),
        (
            "cpuset = [-1]",
            "`-1` is no list of processors; write numbers and ranges from 0 on, such as `0-3,5`"
                .to_owned(),
        ),
        ("cpuset = ['0']", "`cpuset` must be an integer, not a string".to_owned()),
        ("io = { path = '/' }", "`io` must be an array, not a table".to_owned()),
        ("io = ['/']", "`io` must be a list of tables, not a string".to_owned()),
        (
            "io = [{ read = '1M' }]",
            "`io` needs the key `path`; name a directory, or a block device".to_owned(),
        ),
        (
            "io = [{ path = '/' }]",
            "`io` limits nothing; say at least one of `read`, `write`, `read-ops` and `write-ops`"
                .to_owned(),
        ),
        (
            "io = [{ path = '/', read-ops = 0 }]",
            "a rate of 0 would stop the command for ever; write more, or `unlimited`"
                .to_owned(),
        ),
        (
            "io = [{ path = '/', read = '1M' }, { path = '/', write = '1M' }]",
            "`/` has two limits in `io`; it stands in line 2 already; put both into one table"
                .to_owned(),
        ),
        (
            "nofiles = 5",
            "unknown key `nofiles` in `limits`; did you mean `nofile`?".to_owned(),
        ),
    ] {
        assert_eq!(error(&format!("[limits]\n{text}")), words);
    }
    assert_eq!(error("memory = '1G'"), "unknown key `memory`; put it below `[limits]`");
}

proptest! {
    /// Nothing is left out in silence; only a list may be empty.
    #[test]
    fn any_limit_is_parsed_or_refused(
        key in prop::sample::select(keys::names("limits")),
        value in "[0-9]{1,4}|'[0-9.a-zA-Z:%,-]{0,8}'|\\[[0-9, ]{0,6}\\]|[{]path = '.{0,3}'[}]|.{0,9}",
    ) {
        let text = format!("[limits]\n{key} = {value}\n");
        let printed = errors(&text);
        let limits = parsed(&text).profile.limits;
        let nothing = limits == Limits::default();
        prop_assert!(!printed.is_empty() || !nothing || key == "io", "{}", text);
    }
}
