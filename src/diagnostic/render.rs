//! Diagnostics as text.
use super::Diagnostic;
/// Colours or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    Plain,
    Ansi,
}
/// The message as it is printed, with a newline at the end.
pub fn render(diagnostic: &Diagnostic, _palette: Palette) -> String {
    format!("{diagnostic:?}\n")
}
