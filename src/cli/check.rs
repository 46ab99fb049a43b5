//! `jail check`.

use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile;

use super::arguments::CheckArguments;
use super::voice::{Volume, answer, say};

/// Executes `jail check`; returns the exit status.
pub fn check(arguments: &CheckArguments) -> Result<u8, Vec<Diagnostic>> {
    let mut good = String::new();
    let mut status = 0;
    for name in &arguments.profiles {
        let located = Located::new(name.clone(), Origin::Flag("jail check".to_owned()));
        match profile::load(&[located]) {
            Ok(_) => writeln!(good, "{}: ok", name.display()).expect("a String takes all text"),
            Err(mistakes) => {
                say(&mistakes, Volume::Everything);
                status = super::FAILED;
            }
        }
    }
    answer(good.as_bytes())?;
    Ok(status)
}
