//! Shares of processors.

use std::str::FromStr;

/// A share of processors in thousandths of one; written `1.5` or `150%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus(pub u32);

impl Cpus {
    /// The kernel takes no quota below 1 ms, which is this much of a period of 100 ms.
    ///
    /// Source: `min_cfs_quota_period` in kernel/sched/core.c.
    pub const LEAST: Self = Self(10);
}

impl FromStr for Cpus {
    type Err = BadCpus;

    /// Reads a number of processors, or a percentage of one.
    fn from_str(text: &str) -> Result<Self, BadCpus> {
        let (number, places) = match text.strip_suffix('%') {
            Some(number) => (number, 1),
            None => (text, 3),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(BadCpus::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > places {
            return Err(BadCpus::TooFine);
        }
        match format!("{whole}{fraction:0<places$}").parse().map(Self) {
            Ok(cpus) if cpus < Self::LEAST => Err(BadCpus::TooFew),
            Ok(cpus) => Ok(cpus),
            Err(_) => Err(BadCpus::TooMany),
        }
    }
}

impl std::fmt::Display for Cpus {
    /// As a decimal number: `1.5`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        let fraction = format!("{rest:03}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            digits => write!(f, "{whole}.{digits}"),
        }
    }
}

/// Why a text is not a share of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCpus {
    NotANumber,
    /// Less than [`Cpus::LEAST`].
    TooFew,
    /// Parts of a thousandth.
    TooFine,
    /// More than 32 bits of thousandths.
    TooMany,
}

impl BadCpus {
    /// What to write instead.
    pub fn help(&self) -> String {
        match self {
            Self::NotANumber | Self::TooMany => {
                "write a number of processors, such as `1.5`, or `150%`".to_owned()
            }
            Self::TooFew => format!("write `{}` or more", Cpus::LEAST),
            Self::TooFine => "round it to three decimal places, such as `0.333`".to_owned(),
        }
    }
}

impl std::fmt::Display for BadCpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "this is not a number of processors",
            Self::TooFew => "the share is less than a hundredth of a processor",
            Self::TooFine => "the share is finer than a thousandth of a processor",
            Self::TooMany => "no machine has so many processors",
        })
    }
}

impl std::error::Error for BadCpus {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_numbers_or_percentages() {
        for (text, thousandths) in [
            ("1.5", 1500),
            ("2", 2000),
            ("150%", 1500),
            ("0.01", 10),
            ("1%", 10),
            ("12.5%", 125),
            ("0.3330", 333),
            ("100.00%", 1000),
        ] {
            assert_eq!(text.parse(), Ok(Cpus(thousandths)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_hint() {
        let check = |text: &str, words: &str, help: &str| {
            let bad = text.parse::<Cpus>().unwrap_err();
            assert_eq!((bad.to_string().as_str(), bad.help().as_str()), (words, help), "{text:?}");
        };
        let how = "write a number of processors, such as `1.5`, or `150%`";
        for text in ["", "%", "all", "-1", "+1", "1.", ".5", "1e3", "inf", "nan", "1 %", "1%%"] {
            check(text, "this is not a number of processors", how);
        }
        for text in ["0", "0%", "0.009", "0.9%"] {
            let words = "the share is less than a hundredth of a processor";
            check(text, words, "write `0.01` or more");
        }
        for text in ["0.0101", "1.2345", "50.05%"] {
            let words = "the share is finer than a thousandth of a processor";
            check(text, words, "round it to three decimal places, such as `0.333`");
        }
        for text in ["4294968", "99999999999999999999%"] {
            check(text, "no machine has so many processors", how);
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_gives_the_share_back(thousandths in Cpus::LEAST.0..) {
            let cpus = Cpus(thousandths);
            prop_assert_eq!(cpus.to_string().parse(), Ok(cpus));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[0-9.%]{0,8}|.*") {
            if let Err(bad) = text.parse::<Cpus>() {
                prop_assert!(!bad.help().is_empty());
            }
        }
    }
}
