//! Lengths of time.

use std::time::Duration;

/// A length of time; written `90s`, `10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl std::fmt::Display for Span {
    /// Exact: the largest unit that leaves no fraction.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0.as_millis();
        let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
        let (unit, length) = units
            .into_iter()
            .find(|(_, length)| milliseconds > 0 && milliseconds.is_multiple_of(*length))
            .unwrap_or(("s", 1000));
        write!(f, "{}{unit}", milliseconds / length)
    }
}
