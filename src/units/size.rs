//! Numbers of bytes.

use std::str::FromStr;

/// A number of bytes; written `512M`, `1.5G`: binary, `M` is 2^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = BadSize;

    /// Reads a number with a unit: `512M`, `1.5G`, `64KiB`, `100B`, in any case.
    ///
    /// Half a byte is dropped. `MB` is refused: half of its readers take it for a million.
    fn from_str(text: &str) -> Result<Self, BadSize> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = &text[digits.len()..];
        if unit.is_empty() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadSize::NoUnit(digits.to_owned()));
        }
        let shift = shift_of(unit).ok_or_else(|| match unit.strip_suffix(['b', 'B']) {
            Some(prefix) if shift_of(prefix).is_some_and(|shift| shift > 0) => {
                BadSize::Decimal { number: digits.to_owned(), unit: unit.to_owned() }
            }
            Some(_) | None => BadSize::NotANumber,
        })?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let bytes = scaled(whole, shift).and_then(|whole| {
            // More digits than these are less than a byte of the largest unit.
            let kept = fraction.get(..fraction.len().min(18)).ok_or(BadSize::NotANumber)?;
            let scale = 10_u128.pow(u32::try_from(kept.len()).unwrap_or(0));
            let rest = fraction.bytes().skip(kept.len()).all(|byte| byte.is_ascii_digit());
            let part = scaled(kept, shift).map_err(|_| BadSize::NotANumber)? / scale;
            if rest { Ok(whole + part) } else { Err(BadSize::NotANumber) }
        })?;
        u64::try_from(bytes).map(Self).map_err(|_| BadSize::TooLarge)
    }
}

impl std::fmt::Display for Size {
    /// Exact: the largest unit that leaves no fraction.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fits = |shift: &u32| self.0 > 0 && self.0.trailing_zeros() >= *shift;
        let (letter, shift) =
            UNITS.iter().rev().find(|(_, shift)| fits(shift)).copied().unwrap_or(('B', 0));
        write!(f, "{}{letter}", self.0 >> shift)
    }
}

/// Why a text is not a [`Size`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadSize {
    /// A bare number.
    NoUnit(String),
    /// `512MB`, which may mean either.
    Decimal {
        number: String,
        unit: String,
    },
    NotANumber,
    /// More than 64 bits.
    TooLarge,
}

impl BadSize {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NoUnit(number) if number.bytes().all(|digit| digit == b'0') => {
                "write `0B`".to_owned()
            }
            Self::NoUnit(number) => format!("write `{number}M`, or `{number}B` for bytes"),
            Self::Decimal { number, unit } => {
                let letter = unit[..1].to_ascii_uppercase();
                format!("write `{number}{letter}`, which is binary")
            }
            Self::NotANumber | Self::TooLarge => {
                "write a number and a unit, such as `512M` or `1.5G`".to_owned()
            }
        }
    }
}

impl std::fmt::Display for BadSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoUnit(_) => "a size needs a unit",
            Self::Decimal { .. } => "the unit could be decimal or binary",
            Self::NotANumber => "this is not a size",
            Self::TooLarge => "the size does not fit into 64 bits",
        })
    }
}

impl std::error::Error for BadSize {}

/// Letters of units and the power of two that each stands for, smallest first.
const UNITS: [(char, u32); 7] =
    [('B', 0), ('K', 10), ('M', 20), ('G', 30), ('T', 40), ('P', 50), ('E', 60)];

/// `K` and `KiB` are 10, and so on.
fn shift_of(unit: &str) -> Option<u32> {
    let (letter, rest) = unit.split_at_checked(1)?;
    let letter = letter.chars().next()?.to_ascii_uppercase();
    let (_, shift) = *UNITS.iter().find(|(known, _)| *known == letter)?;
    (rest.is_empty() || (shift > 0 && rest.eq_ignore_ascii_case("ib"))).then_some(shift)
}

/// Decimal `digits` times two to the power of `shift`.
fn scaled(digits: &str, shift: u32) -> Result<u128, BadSize> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadSize::NotANumber);
    }
    let number: u64 = digits.parse().map_err(|_| BadSize::TooLarge)?;
    Ok(u128::from(number) << shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_binary() {
        for (text, bytes) in [
            ("512M", 512 << 20),
            ("1.5G", 3 << 29),
            ("64K", 64 << 10),
            ("64KiB", 64 << 10),
            ("2mib", 2 << 20),
            ("1g", 1 << 30),
            ("100B", 100),
            ("0B", 0),
            ("0.3K", 307),
            ("15.999999999999999999999999999999E", 18_446_744_073_709_551_614),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_hint() {
        let check = |text: &str, words: &str, help: &str| {
            let bad = text.parse::<Size>().unwrap_err();
            assert_eq!((bad.to_string().as_str(), bad.help().as_str()), (words, help), "{text:?}");
        };
        check("512", "a size needs a unit", "write `512M`, or `512B` for bytes");
        check("0", "a size needs a unit", "write `0B`");
        check("5MB", "the unit could be decimal or binary", "write `5M`, which is binary");
        let how = "write a number and a unit, such as `512M` or `1.5G`";
        for text in [
            "", "M", "lots", "-1M", "+1M", "1 M", "1.M", ".5M", "1.2.3M", "1e3M", "1X", "１M",
            "5Bib",
        ] {
            check(text, "this is not a size", how);
        }
        for text in ["16E", "99999999999999999999B"] {
            check(text, "the size does not fit into 64 bits", how);
        }
    }

    #[test]
    fn sizes_print_in_the_largest_exact_unit() {
        for (bytes, text) in [(0, "0B"), (1 << 30, "1G"), (3 << 29, "1536M"), (1025, "1025B")] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_gives_the_size_back(number in any::<u64>(), shift in 0..64_u32) {
            let size = Size(number >> shift << (shift / 2));
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".*") {
            if let Err(bad) = text.parse::<Size>() {
                prop_assert!(!bad.help().is_empty());
            }
        }
    }
}
