//! `jail help`: the help of a command, or what the documentation says about a subject.
//!
//! [`topics`] says which part of which page a subject is, [`markdown`] takes the page apart, and
//! [`plain`] sets it for a terminal.

mod markdown;
mod plain;
mod topics;

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, CommandFactory};

use crate::diagnostic::{Diagnostic, did_you_mean};

use super::arguments::{Arguments, NAMES};
use super::voice::answer;

pub use markdown::{Block, blocks};
use topics::TOPICS;

/// Print the help of a command, or what there is to know about a subject
///
/// `jail help run` is the same as `jail run --help`. The subjects are those that `jail help` lists; their
/// text is that of the documentation.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  jail help run\n  jail help image pull\n  jail help network")]
pub struct HelpArguments {
    /// A command, or a subject
    #[arg(value_name = "COMMAND|SUBJECT", value_parser = Subjects, hide_possible_values = true)]
    pub subject: Vec<String>,
}

/// The words that a shell offers; any are taken.
#[derive(Clone, Copy, Debug)]
struct Subjects;

impl TypedValueParser for Subjects {
    type Value = String;

    fn parse_ref(
        &self,
        _command: &Command,
        _argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        Ok(value.to_string_lossy().into_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let topics = TOPICS.iter().map(|topic| PossibleValue::new(topic.name).help(topic.about));
        Some(Box::new(NAMES.into_iter().map(PossibleValue::new).chain(topics)))
    }
}

/// The words that `jail help` knows.
pub fn subjects() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(TOPICS.iter().map(|topic| topic.name))
}

/// Executes `jail help`; returns the exit status.
pub fn help(arguments: &HelpArguments) -> Result<u8, Vec<Diagnostic>> {
    let words: Vec<&str> = arguments.subject.iter().map(String::as_str).collect();
    let text = match words[..] {
        [] => general(),
        _ => {
            of_command(&words).or_else(|| of_topic(&words)).ok_or_else(|| vec![unknown(&words)])?
        }
    };
    answer(text.as_bytes()).map(|()| 0)
}

fn general() -> String {
    let mut program = Arguments::command();
    let mut text = program.render_long_help().to_string();
    text.push_str("\nSubjects, for `jail help SUBJECT`:\n");
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or_default();
    for topic in TOPICS {
        text.push_str(&format!("  {:width$}  {}\n", topic.name, topic.about));
    }
    text
}

/// The help of a command, named by its words: `image pull`.
fn of_command(words: &[&str]) -> Option<String> {
    let mut program = Arguments::command();
    program.build();
    let mut command = &mut program;
    for word in words {
        command = command.find_subcommand_mut(word)?;
    }
    Some(command.render_long_help().to_string())
}

fn of_topic(words: &[&str]) -> Option<String> {
    let [name] = words else { return None };
    let topic = TOPICS.iter().find(|topic| topic.name == *name)?;
    Some(plain::set(&blocks(topic.text())))
}

fn unknown(words: &[&str]) -> Diagnostic {
    let subject = words.join(" ");
    let mut program = Arguments::command();
    program.build();
    let commands = program.get_subcommands().flat_map(|command| {
        let name = command.get_name();
        let inner =
            command.get_subcommands().map(move |inner| format!("{name} {}", inner.get_name()));
        std::iter::once(name.to_owned()).chain(inner)
    });
    let known: Vec<String> =
        commands.chain(TOPICS.iter().map(|topic| topic.name.to_owned())).collect();
    let error = Diagnostic::error(format!("there is no help about `{subject}`"));
    match did_you_mean(&subject, known.iter().map(String::as_str)) {
        Some(meant) => error.help(format!("did you mean `jail help {meant}`?")),
        None => error.help("`jail help` lists what there is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Diagnostic {
        unknown(words)
    }

    #[test]
    fn a_slip_gets_the_subject_or_command_that_was_meant() {
        for (words, meant) in [
            (&["netwrok"][..], "network"),
            (&["exit-statsu"], "exit-status"),
            (&["plna"], "plan"),
            (&["image", "pul"], "image pull"),
        ] {
            assert_eq!(told(words).help, [format!("did you mean `jail help {meant}`?")]);
        }
        assert_eq!(told(&["zzzzzz"]).title, "there is no help about `zzzzzz`");
        assert_eq!(told(&["zzzzzz"]).help, ["`jail help` lists what there is"]);
    }

    #[test]
    fn commands_are_found_by_their_words() {
        assert!(of_command(&["run"]).unwrap().contains("jail run [OPTIONS]"));
        assert!(of_command(&["image", "pull"]).unwrap().contains("--max-ratio"));
        assert_eq!(of_command(&["image", "zzz"]), None);
    }

    #[test]
    fn every_subject_has_a_text_and_no_command_hides_it() {
        for topic in TOPICS {
            let text = of_topic(&[topic.name]).unwrap();
            assert!(text.len() > 200, "{}: {text}", topic.name);
            assert_eq!(of_command(&[topic.name]), None, "{} is a command too", topic.name);
        }
        assert!(general().contains("\n  exit-status "));
    }
}
