//! Lengths of time.

use std::str::FromStr;
use std::time::Duration;

/// A length of time in whole milliseconds; written `90s`, `10m`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = BadSpan;

    /// Reads numbers with units, from the largest unit to the smallest: `90s`, `1.5h`, `1h30m`.
    ///
    /// Upper case is refused, as `M` is no minute to most, and so is `1m1m`, which is a slip.
    fn from_str(text: &str) -> Result<Self, BadSpan> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadSpan::NoUnit(text.to_owned()));
        }
        let (mut rest, mut last, mut sum) = (text, u64::MAX, 0_u64);
        loop {
            let (number, length, after) = part(rest).ok_or(BadSpan::NotATime)?;
            if length >= last {
                return Err(BadSpan::NotATime);
            }
            sum = sum.checked_add(scaled(number, length)?).ok_or(BadSpan::TooLong)?;
            if after.is_empty() {
                return Ok(Self(Duration::from_millis(sum)));
            }
            (rest, last) = (after, length);
        }
    }
}

impl std::fmt::Display for Span {
    /// Exact: the largest unit that leaves no fraction.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0.as_millis();
        let (unit, length) = UNITS[1..]
            .iter()
            .find(|(_, length)| milliseconds > 0 && milliseconds.is_multiple_of((*length).into()))
            .copied()
            .unwrap_or(("s", 1000));
        write!(f, "{}{unit}", milliseconds / u128::from(length))
    }
}

/// Why a text is not a [`Span`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadSpan {
    /// A bare number.
    NoUnit(String),
    NotATime,
    /// Parts of a millisecond.
    TooFine,
    /// More milliseconds than 64 bits hold.
    TooLong,
}

impl BadSpan {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NoUnit(number) => format!("write `{number}s` for seconds"),
            Self::NotATime | Self::TooLong => {
                "write numbers with `d`, `h`, `m`, `s` or `ms`, such as `90s` or `1h30m`".to_owned()
            }
            Self::TooFine => "round it to whole milliseconds, such as `1ms`".to_owned(),
        }
    }
}

impl std::fmt::Display for BadSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoUnit(_) => "a time needs a unit",
            Self::NotATime => "this is not a length of time",
            Self::TooFine => "the time is finer than a millisecond",
            Self::TooLong => "the time is too long",
        })
    }
}

impl std::error::Error for BadSpan {}

/// Units and their milliseconds, largest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// The first number of `text`, the milliseconds of its unit, and what follows.
fn part(text: &str) -> Option<(&str, u64, &str)> {
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let (digits, rest) = text.split_at(text.find(|c| !number(c))?);
    let (unit, after) = rest.split_at(rest.find(number).unwrap_or(rest.len()));
    let (_, length) = *UNITS.iter().find(|(known, _)| *known == unit)?;
    Some((digits, length, after))
}

/// Decimal `number` times `length`, in whole milliseconds.
fn scaled(number: &str, length: u64) -> Result<u64, BadSpan> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(BadSpan::NotATime);
    }
    let whole: u64 = whole.parse().map_err(|_| BadSpan::TooLong)?;
    // A day has 2^10 * 5^5 * 27 milliseconds: with more than ten digits none comes out whole.
    let fraction = fraction.trim_end_matches('0');
    let part = match u32::try_from(fraction.len()) {
        Ok(0) => 0,
        Ok(places @ 1..=10) => {
            let part = fraction.parse::<u64>().map_err(|_| BadSpan::NotATime)? * length;
            let scale = 10_u64.pow(places);
            if !part.is_multiple_of(scale) {
                return Err(BadSpan::TooFine);
            }
            part / scale
        }
        Ok(_) | Err(_) => return Err(BadSpan::TooFine),
    };
    whole.checked_mul(length).and_then(|whole| whole.checked_add(part)).ok_or(BadSpan::TooLong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1.5h", 5_400_000),
            ("500ms", 500),
            ("2d", 172_800_000),
            ("0s", 0),
            ("1h30m", 5_400_000),
            ("1d1h1m1s1ms", 90_061_001),
            ("0.50s", 500),
            ("0.0000390625d", 3375),
            ("1.5h30m", 7_200_000),
        ] {
            let milliseconds = Duration::from_millis(milliseconds);
            assert_eq!(text.parse(), Ok(Span(milliseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_hint() {
        let check = |text: &str, words: &str, help: &str| {
            let bad = text.parse::<Span>().unwrap_err();
            assert_eq!((bad.to_string().as_str(), bad.help().as_str()), (words, help), "{text:?}");
        };
        check("90", "a time needs a unit", "write `90s` for seconds");
        let how = "write numbers with `d`, `h`, `m`, `s` or `ms`, such as `90s` or `1h30m`";
        for text in [
            "", "s", "soon", "-1s", "+1s", "1 s", "1.s", ".5s", "1.2.3s", "1S", "1M", "1min",
            "1s1", "30m1h", "1m1m", "1.5", "1e3s", "１s",
        ] {
            check(text, "this is not a length of time", how);
        }
        let round = "round it to whole milliseconds, such as `1ms`";
        for text in ["0.5ms", "1.0005s", "0.00000000001d"] {
            check(text, "the time is finer than a millisecond", round);
        }
        for text in ["18446744073709551616ms", "999999999999999d", "18446744073709551s1000ms"] {
            check(text, "the time is too long", how);
        }
    }

    #[test]
    fn times_print_in_the_largest_exact_unit() {
        for (milliseconds, text) in
            [(0, "0s"), (90_000, "90s"), (5_400_000, "90m"), (86_400_000, "24h"), (1, "1ms")]
        {
            assert_eq!(Span(Duration::from_millis(milliseconds)).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_gives_the_time_back(number in any::<u64>(), shift in 0..64_u32) {
            let span = Span(Duration::from_millis(number >> shift));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[0-9.dhms]{0,12}|.*") {
            if let Err(bad) = text.parse::<Span>() {
                prop_assert!(!bad.help().is_empty());
            }
        }
    }
}
