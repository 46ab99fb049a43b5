//! Numbers as a person reads them: rounded, with a unit.

use std::time::Duration;

/// Bytes as `512 MiB`, `1.5 GiB`, `7 B`: the largest unit that leaves a whole one, and one digit
/// after the point below ten.
pub fn size(bytes: u64) -> String {
    let largest = UNITS.iter().rposition(|(_, shift)| bytes >> shift > 0).unwrap_or(0);
    // What rounds to 1024 of a unit is 1 of the next.
    let rounds_up = |index: usize| rounded(bytes, UNITS[index].1) >= 1024 * 10;
    let index = if largest + 1 < UNITS.len() && rounds_up(largest) { largest + 1 } else { largest };
    let (name, shift) = UNITS[index];
    let tenths = rounded(bytes, shift);
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth if tenths < 100 => format!("{}.{tenth} {name}", tenths / 10),
        _ => format!("{} {name}", (tenths + 5) / 10),
    }
}

/// A length of time as `0.012 s`, `12.3 s`, `2 h 03 min`.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.3} s", time.as_secs_f64()),
        10..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How often, as `once`, `12 times`.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Names of units and the power of two that each stands for.
const UNITS: [(&str, u32); 7] =
    [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("PiB", 50), ("EiB", 60)];

/// Tenths of a unit, to the nearest; whole units from ten on.
fn rounded(bytes: u64, shift: u32) -> u128 {
    let half = (1_u128 << shift) / 2;
    let tenths = (u128::from(bytes) * 10 + half) >> shift;
    if tenths < 100 { tenths } else { ((u128::from(bytes) + half) >> shift) * 10 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (7, "7 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1500, "1.5 KiB"),
            (512 << 20, "512 MiB"),
            (1000 << 20, "1000 MiB"),
            ((1 << 30) - 1, "1 GiB"),
            (3 << 29, "1.5 GiB"),
            ((10 << 30) - 1, "10 GiB"),
            (431_990_989, "412 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn times_are_short() {
        for (milliseconds, text) in [
            (0, "0.000 s"),
            (1520, "1.520 s"),
            (12_340, "12.3 s"),
            (59_999, "60.0 s"),
            (90_000, "1 min 30 s"),
            (7_380_000, "2 h 03 min"),
        ] {
            assert_eq!(time(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!((times(1).as_str(), times(12).as_str()), ("once", "12 times"));
    }

    proptest! {
        #[test]
        fn a_size_is_as_large_as_it_says(bytes in any::<u64>(), shift in 0..64_u32) {
            let bytes = bytes >> shift;
            let text = size(bytes);
            let (number, unit) = text.split_once(' ').expect("a number and a unit");
            let (_, power) = UNITS.iter().find(|(name, _)| *name == unit).expect("a known unit");
            let said = number.parse::<f64>().expect("a number") * (1_u64 << power) as f64;
            prop_assert!((said - bytes as f64).abs() <= 0.06 * bytes as f64, "{bytes}: {text}");
            prop_assert!(text.len() <= 8, "{text}");
        }
    }
}
