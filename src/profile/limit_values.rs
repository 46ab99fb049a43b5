//! Single values of `[limits]`, the same in a profile and in a flag.

use std::str::FromStr;

use crate::diagnostic::did_you_mean;
use crate::units::{BadCpus, BadSpan, Size, Span};

use super::{BadValue, Bounds, Cap, CpuSet, Rlimit, RlimitUnit, Swap};

/// Bytes of memory. Less than a page is refused: the kernel reads it as nothing.
pub fn parse_memory(text: &str) -> Result<Cap<Size>, BadValue> {
    unless_unlimited(text, |text| {
        let size: Size = text.parse()?;
        if size.0 < SMALLEST_PAGE {
            return Err(BadValue::new(format!("nothing can run in {size} of memory"))
                .help("write more, or `unlimited`"));
        }
        Ok(size)
    })
}

/// Bytes of swap alone; `0B` is no swap.
pub fn parse_swap(text: &str) -> Result<Swap, BadValue> {
    unless_unlimited(text, |text| Ok(text.parse()?)).map(|cap| match cap {
        Cap::Unlimited => Swap::Unlimited,
        Cap::At(size) => Swap::At(size),
    })
}

/// A share of processors.
pub fn parse_cpus(text: &str) -> Result<Cap<crate::units::Cpus>, BadValue> {
    unless_unlimited(text, |text| Ok(text.parse()?))
}

/// How many processes and threads there may be.
pub fn parse_pids(text: &str) -> Result<Cap<u32>, BadValue> {
    unless_unlimited(text, |text| match number(text) {
        Some(0) => {
            Err(BadValue::new("nothing can run in 0 processes")
                .help("write 1 or more, or `unlimited`"))
        }
        Some(count) if count > u64::from(MOST_PIDS) => {
            Err(BadValue::new("Linux has no more than 4194304 processes")
                .help("write less, or `unlimited`"))
        }
        Some(count) => Ok(u32::try_from(count).unwrap_or(MOST_PIDS)),
        None => Err(BadValue::new(format!("`{text}` is no number of processes"))
            .help("write a number such as `512`, or `unlimited`")),
    })
}

/// Wall clock time until the end.
pub fn parse_time(text: &str) -> Result<Cap<Span>, BadValue> {
    unless_unlimited(text, |text| {
        let span: Span = text.parse()?;
        if span.0.is_zero() {
            return Err(
                BadValue::new("nothing can run in no time").help("write more, or `unlimited`")
            );
        }
        Ok(span)
    })
}

/// Time from SIGTERM to SIGKILL; `0s` is SIGKILL at once.
pub fn parse_time_grace(text: &str) -> Result<Span, BadValue> {
    if text == UNLIMITED {
        return Err(BadValue::new("the time from SIGTERM to SIGKILL has an end")
            .help("write a time such as `10s`; without `time`, neither is sent"));
    }
    Ok(text.parse()?)
}

/// Bytes a second; `None` is no limit.
pub fn parse_rate(text: &str) -> Result<Option<Size>, BadValue> {
    let cap = unless_unlimited(text, |text| {
        let size: Size = text.parse()?;
        if size.0 == 0 { Err(no_io()) } else { Ok(size) }
    });
    Ok(cap?.at())
}

/// Operations a second; `None` is no limit.
pub fn parse_operations(text: &str) -> Result<Option<u64>, BadValue> {
    let cap = unless_unlimited(text, |text| match number(text) {
        Some(0) => Err(no_io()),
        Some(count) => Ok(count),
        None => Err(BadValue::new(format!("`{text}` is no number of operations"))
            .help("write a number such as `100`, or `unlimited`")),
    });
    Ok(cap?.at())
}

/// A niceness from 0 to 19.
pub fn parse_nice(text: &str) -> Result<i32, BadValue> {
    let bad = BadValue::new(format!("`{text}` is no niceness that a command may get"))
        .help("write 0 to 19; 19 gives way to all others");
    match (number(text), text.strip_prefix('-').and_then(number)) {
        (Some(nice @ 0..=19), _) => Ok(nice as i32),
        (_, Some(_)) => Err(bad.because("only root may take more of the processor than others")),
        (_, None) => Err(bad),
    }
}

/// `LIMIT`, or `SOFT:HARD`.
///
/// One limit of processor time is the soft one, and the hard one is a second later: the kernel
/// sends SIGXCPU at the soft limit, and at the hard one SIGKILL, which hides why.
pub fn parse_bounds(rlimit: Rlimit, text: &str) -> Result<Bounds, BadValue> {
    let Some((soft, hard)) = text.split_once(':') else {
        let soft = rlimit_value(rlimit, text)?;
        let hard = match (rlimit.unit(), soft) {
            (RlimitUnit::Seconds, Cap::At(seconds)) => Cap::At(seconds.saturating_add(1)),
            (RlimitUnit::Bytes | RlimitUnit::Count, _) | (_, Cap::Unlimited) => soft,
        };
        return Ok(Bounds { soft, hard });
    };
    let bounds = Bounds { soft: rlimit_value(rlimit, soft)?, hard: rlimit_value(rlimit, hard)? };
    let most = |cap: Cap<u64>| cap.at().unwrap_or(u64::MAX);
    if most(bounds.soft) > most(bounds.hard) {
        return Err(BadValue::new(format!(
            "the soft limit `{soft}` is above the hard limit `{hard}`"
        ))
        .help("write `SOFT:HARD`, the lower one first"));
    }
    Ok(bounds)
}

impl FromStr for CpuSet {
    type Err = BadValue;

    /// Reads numbers and ranges of processors: `0-3,5`.
    fn from_str(text: &str) -> Result<Self, BadValue> {
        let how = "write numbers and ranges from 0 on, such as `0-3,5`";
        let bad = || BadValue::new(format!("`{text}` is no list of processors")).help(how);
        let mut ranges = Vec::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                return Err(bad());
            };
            if first > last {
                return Err(BadValue::new(format!("the range `{range}` runs backwards"))
                    .help(format!("write `{last}-{first}`")));
            }
            match (u32::try_from(first), u32::try_from(last)) {
                (Ok(first), Ok(last)) if last <= HIGHEST_CPU => ranges.push((first, last)),
                _ => {
                    return Err(BadValue::new(format!("there is no processor {last}"))
                        .because("Linux numbers them from 0 to 8191 at most")
                        .help("see those of this machine by `lscpu --extended`"));
                }
            }
        }
        Ok(Self::of(ranges))
    }
}

impl From<BadSpan> for BadValue {
    fn from(bad: BadSpan) -> Self {
        Self::new(bad.to_string()).help(bad.help())
    }
}

impl From<BadCpus> for BadValue {
    fn from(bad: BadCpus) -> Self {
        Self::new(bad.to_string()).help(bad.help())
    }
}

const UNLIMITED: &str = "unlimited";

/// No machine that Linux runs on has smaller ones; the kernel rounds down to whole pages.
const SMALLEST_PAGE: u64 = 4096;

/// `PID_MAX_LIMIT` of include/linux/threads.h; pids.max takes no larger number.
const MOST_PIDS: u32 = 4_194_304;

/// The largest `NR_CPUS` of any architecture is 8192. An end is needed: a range is walked.
const HIGHEST_CPU: u32 = 8191;

/// A limit, or `unlimited`. What other programs call so is refused by its meaning.
fn unless_unlimited<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, BadValue>,
) -> Result<Cap<T>, BadValue> {
    match text {
        UNLIMITED => Ok(Cap::Unlimited),
        "-1" | "max" | "none" | "infinity" => {
            Err(BadValue::new(format!("`{text}` is no limit")).help("write `unlimited`"))
        }
        _ if did_you_mean(text, [UNLIMITED]).is_some() => {
            Err(BadValue::unknown_word("limit", text, &[UNLIMITED]))
        }
        _ => parse(text).map(Cap::At),
    }
}

/// One number of an rlimit, in the kernel's unit.
fn rlimit_value(rlimit: Rlimit, text: &str) -> Result<Cap<u64>, BadValue> {
    let name = rlimit.name();
    unless_unlimited(text, |text| match rlimit.unit() {
        RlimitUnit::Bytes => match text.parse::<Size>()?.0 {
            0 if rlimit == Rlimit::Stack => Err(nothing_starts(rlimit)),
            bytes => Ok(bytes),
        },
        RlimitUnit::Seconds => whole_seconds(text.parse()?),
        RlimitUnit::Count => match number(text) {
            Some(0) => Err(nothing_starts(rlimit)),
            Some(count) => Ok(count),
            None => Err(BadValue::new(format!("`{text}` is no number for `{name}`"))
                .help("write a number such as `1024`, or `unlimited`")),
        },
    })
}

fn whole_seconds(span: Span) -> Result<u64, BadValue> {
    if span.0.subsec_nanos() > 0 || span.0.is_zero() {
        return Err(BadValue::new(format!("`{span}` of processor time cannot be counted"))
            .because("the kernel counts it in whole seconds, from 1 on")
            .help("write a time such as `90s`"));
    }
    Ok(span.0.as_secs())
}

fn nothing_starts(rlimit: Rlimit) -> BadValue {
    BadValue::new(format!("no command can start with 0 for `{}`", rlimit.name()))
        .help("write more, or `unlimited`")
}

fn no_io() -> BadValue {
    BadValue::new("a rate of 0 would stop the command for ever").help("write more, or `unlimited`")
}

/// Decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::units::Cpus;

    #[track_caller]
    fn refused<T: Debug>(parsed: Result<T, BadValue>) -> String {
        parsed.unwrap_err().to_string()
    }

    #[test]
    fn limits_are_numbers_or_unlimited() {
        assert_eq!(parse_memory("512M"), Ok(Cap::At(Size(512 << 20))));
        assert_eq!(parse_memory("4K"), Ok(Cap::At(Size(4096))));
        assert_eq!(parse_memory("unlimited"), Ok(Cap::Unlimited));
        assert_eq!(parse_swap("1G"), Ok(Swap::At(Size(1 << 30))));
        assert_eq!(parse_swap("0B"), Ok(Swap::At(Size(0))));
        assert_eq!(parse_swap("unlimited"), Ok(Swap::Unlimited));
        assert_eq!(parse_cpus("150%"), Ok(Cap::At(Cpus(1500))));
        assert_eq!(parse_pids("512"), Ok(Cap::At(512)));
        assert_eq!(parse_pids("4194304"), Ok(Cap::At(4_194_304)));
        assert_eq!(parse_time("10m"), Ok(Cap::At(Span(Duration::from_secs(600)))));
        assert_eq!(parse_time("unlimited"), Ok(Cap::Unlimited));
        assert_eq!(parse_time_grace("0s"), Ok(Span(Duration::ZERO)));
        assert_eq!(parse_rate("10M"), Ok(Some(Size(10 << 20))));
        assert_eq!(parse_rate("unlimited"), Ok(None));
        assert_eq!(parse_operations("100"), Ok(Some(100)));
        assert_eq!(parse_nice("0"), Ok(0));
        assert_eq!(parse_nice("19"), Ok(19));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (refused, words) in [
            (
                refused(parse_memory("512")),
                "a size needs a unit; write `512M`, or `512B` for bytes",
            ),
            (
                refused(parse_memory("0B")),
                "nothing can run in 0B of memory; write more, or `unlimited`",
            ),
            (
                refused(parse_memory("4095B")),
                "nothing can run in 4095B of memory; write more, or `unlimited`",
            ),
            (
                refused(parse_memory("unlimted")),
                "unknown limit `unlimted`; did you mean `unlimited`?",
            ),
            (refused(parse_swap("-1")), "`-1` is no limit; write `unlimited`"),
            (refused(parse_cpus("max")), "`max` is no limit; write `unlimited`"),
            (
                refused(parse_pids("0")),
                "nothing can run in 0 processes; write 1 or more, or `unlimited`",
            ),
            (
                refused(parse_pids("4194305")),
                "Linux has no more than 4194304 processes; write less, or `unlimited`",
            ),
            (
                refused(parse_pids("+5")),
                "`+5` is no number of processes; write a number such as `512`, or `unlimited`",
            ),
            (refused(parse_time("90")), "a time needs a unit; write `90s` for seconds"),
            (refused(parse_time("0s")), "nothing can run in no time; write more, or `unlimited`"),
            (
                refused(parse_time_grace("unlimited")),
                "the time from SIGTERM to SIGKILL has an end; write a time such as `10s`; \
                 without `time`, neither is sent",
            ),
            (
                refused(parse_rate("0M")),
                "a rate of 0 would stop the command for ever; write more, or `unlimited`",
            ),
            (
                refused(parse_operations("1K")),
                "`1K` is no number of operations; write a number such as `100`, or `unlimited`",
            ),
            (
                refused(parse_nice("-5")),
                "`-5` is no niceness that a command may get; only root may take more of the \
                 processor than others; write 0 to 19; 19 gives way to all others",
            ),
            (
                refused(parse_nice("20")),
                "`20` is no niceness that a command may get; write 0 to 19; 19 gives way to all \
                 others",
            ),
        ] {
            assert_eq!(refused, words);
        }
    }

    #[test]
    fn bounds_are_in_the_unit_of_the_kernel() {
        use Cap::{At, Unlimited};
        for (rlimit, text, soft, hard) in [
            (Rlimit::Nofile, "1024", At(1024), At(1024)),
            (Rlimit::Nofile, "1024:4096", At(1024), At(4096)),
            (Rlimit::Nproc, "7:7", At(7), At(7)),
            (Rlimit::Core, "0B", At(0), At(0)),
            (Rlimit::Fsize, "1M:unlimited", At(1 << 20), Unlimited),
            (Rlimit::Stack, "unlimited", Unlimited, Unlimited),
            (Rlimit::CpuTime, "90s", At(90), At(91)),
            (Rlimit::CpuTime, "90s:2m", At(90), At(120)),
            (Rlimit::CpuTime, "90s:90s", At(90), At(90)),
            (Rlimit::CpuTime, "unlimited", Unlimited, Unlimited),
        ] {
            assert_eq!(parse_bounds(rlimit, text), Ok(Bounds { soft, hard }), "{text}");
        }
    }

    #[test]
    fn bounds_that_cannot_be_are_refused() {
        for (rlimit, text, words) in [
            (Rlimit::Core, "0", "a size needs a unit; write `0B`"),
            (Rlimit::Data, "1M:512", "a size needs a unit; write `512M`, or `512B` for bytes"),
            (
                Rlimit::Nofile,
                "10:9",
                "the soft limit `10` is above the hard limit `9`; write `SOFT:HARD`, the lower one first",
            ),
            (
                Rlimit::Fsize,
                "unlimited:1E",
                "the soft limit `unlimited` is above the hard limit `1E`; write `SOFT:HARD`, the lower one first",
            ),
            (
                Rlimit::Nofile,
                "1:2:3",
                "`2:3` is no number for `nofile`; write a number such as `1024`, or `unlimited`",
            ),
            (
                Rlimit::Nproc,
                "0",
                "no command can start with 0 for `nproc`; write more, or `unlimited`",
            ),
            (
                Rlimit::Stack,
                "0B",
                "no command can start with 0 for `stack`; write more, or `unlimited`",
            ),
            (Rlimit::CpuTime, "90", "a time needs a unit; write `90s` for seconds"),
            (
                Rlimit::CpuTime,
                "1.5s",
                "`1500ms` of processor time cannot be counted; the kernel counts it in whole \
                 seconds, from 1 on; write a time such as `90s`",
            ),
            (
                Rlimit::CpuTime,
                "0s",
                "`0s` of processor time cannot be counted; the kernel counts it in whole seconds, \
                 from 1 on; write a time such as `90s`",
            ),
        ] {
            assert_eq!(refused(parse_bounds(rlimit, text)), words);
        }
    }

    #[test]
    fn processors_are_sorted_and_joined() {
        for (text, set) in
            [("0", "0"), ("5,0-3", "0-3,5"), ("0,1,2", "0-2"), ("2-4,0-8,3", "0-8"), ("007", "7")]
        {
            assert_eq!(text.parse::<CpuSet>().unwrap().to_string(), set);
        }
        let how = "write numbers and ranges from 0 on, such as `0-3,5`";
        for text in ["", ",", "0,", "-1", "1-", "a", "0 ,1", "0-1-2", "0:2"] {
            let words = format!("`{text}` is no list of processors; {how}");
            assert_eq!(refused(text.parse::<CpuSet>()), words);
        }
        assert_eq!(
            refused("0,3-1".parse::<CpuSet>()),
            "the range `3-1` runs backwards; write `1-3`"
        );
        for text in ["8192", "0-4294967296"] {
            let words = refused(text.parse::<CpuSet>());
            assert!(words.contains("; Linux numbers them from 0 to 8191 at most; "), "{words}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_gives_the_processors_back(
            ranges in prop::collection::vec((0..200_u32, 0..9_u32), 1..9),
        ) {
            let set = CpuSet::of(ranges.iter().map(|(at, more)| (*at, at + more)).collect());
            prop_assert_eq!(set.to_string().parse(), Ok(set.clone()));
            for cpu in 0..210 {
                let meant = ranges.iter().any(|(at, more)| (*at..=at + more).contains(&cpu));
                let has = set.0.iter().any(|(first, last)| (*first..=*last).contains(&cpu));
                prop_assert_eq!(has, meant);
            }
            prop_assert!(set.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }

        #[test]
        fn any_text_is_parsed_or_refused_with_words(text in "[0-9.:,KMsmh%-]{0,9}|.*") {
            let refused = [
                parse_memory(&text).err(),
                parse_swap(&text).err(),
                parse_cpus(&text).err(),
                parse_pids(&text).err(),
                parse_time(&text).err(),
                parse_time_grace(&text).err(),
                parse_rate(&text).err(),
                parse_operations(&text).err(),
                parse_nice(&text).err(),
                text.parse::<CpuSet>().err(),
            ];
            let bounds = Rlimit::ALL.map(|rlimit| parse_bounds(rlimit, &text).err());
            for bad in refused.into_iter().chain(bounds).flatten() {
                prop_assert!(bad.help.is_some_and(|help| !help.is_empty()));
            }
        }
    }
}
