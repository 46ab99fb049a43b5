//! What clap has to say, in our words and with our exit status.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::diagnostic::{Diagnostic, did_you_mean, pasted};

use super::arguments::Arguments;

/// Why there is nothing to execute.
#[derive(Debug)]
pub enum Stop {
    /// Help or version were asked for; they go to stdout.
    Answer(clap::Error),
    /// `jail` alone: help goes to stderr.
    Nothing(clap::Error),
    /// With what `--report` names, if that stands before the mistake.
    Mistake(Box<Diagnostic>, Option<OsString>),
}

/// Reads the command line; the first of `words` is the program's own name.
pub fn parse(words: Vec<OsString>) -> Result<Arguments, Stop> {
    Arguments::try_parse_from(words.iter()).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Stop::Answer(error),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if words.len() < 2 => {
            Stop::Nothing(error)
        }
        _ => Stop::Mistake(Box::new(mistake(&error, &words)), report(&words)),
    })
}

/// What `--report` names in a command line with a mistake.
///
/// Only before the mistake: behind it nobody knows what is a value, an option, or the command's
/// own word, and the file that it names would be replaced.
fn report(words: &[OsString]) -> Option<OsString> {
    let lenient = Arguments::command().ignore_errors(true);
    let matches = lenient.try_get_matches_from(words).ok()?;
    let run = matches.subcommand_matches("run")?;
    run.get_one::<OsString>("report").cloned()
}

fn mistake(error: &clap::Error, words: &[OsString]) -> Diagnostic {
    let (title, help) = explain(error, words);
    let diagnostic = Diagnostic::error(title);
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic.help(format!("see `{}`", manual(words))),
    }
}

fn explain(error: &clap::Error, words: &[OsString]) -> (String, Option<String>) {
    let subject = text(error, ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown_flag(error, &subject, words),
        ErrorKind::InvalidSubcommand => unknown_command(error, words),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ("no command given".to_owned(), None)
        }
        ErrorKind::MissingRequiredArgument => (format!("`{subject}` is missing"), None),
        ErrorKind::ArgumentConflict => {
            let other = text(error, ContextKind::PriorArg);
            (format!("`{subject}` cannot be used with `{other}`"), None)
        }
        ErrorKind::InvalidValue => match text(error, ContextKind::InvalidValue) {
            value if value.is_empty() => (format!("`{subject}` needs a value"), None),
            value => {
                let known = text(error, ContextKind::ValidValue);
                (format!("unknown value `{value}` for `{subject}`"), Some(format!("use {known}")))
            }
        },
        ErrorKind::TooManyValues => {
            let value = text(error, ContextKind::InvalidValue);
            (format!("`{subject}` takes no value `{value}`"), None)
        }
        // The rest cannot come from these flags, or has words of its own.
        kind => (kind.to_string(), None),
    }
}

fn unknown_flag(error: &clap::Error, flag: &str, words: &[OsString]) -> (String, Option<String>) {
    let suggested = text(error, ContextKind::SuggestedArg);
    let help = misplaced(flag, words)
        .or_else(|| habit(flag, words))
        .or_else(|| (!suggested.is_empty()).then(|| format!("did you mean `{suggested}`?")));
    let noun = if flag.starts_with('-') { "option" } else { "argument" };
    (format!("unknown {noun} `{flag}`"), help)
}

/// An option of `run` that stands before `run`.
fn misplaced(flag: &str, words: &[OsString]) -> Option<String> {
    let is_first = words.get(1)?.to_str()?.starts_with(flag);
    let mut jail = Arguments::command();
    jail.build();
    let run = jail.find_subcommand("run")?;
    let known = run.get_arguments().any(|argument| {
        let long = argument.get_long_and_visible_aliases().unwrap_or_default();
        let short = argument.get_short().map(|short| format!("-{short}"));
        long.iter().any(|long| format!("--{long}") == flag) || short.as_deref() == Some(flag)
    });
    (is_first && known)
        .then(|| format!("options stand after the command of jail: `jail run {flag} ...`"))
}

/// What users of podman, docker and bubblewrap type without thinking.
fn habit(flag: &str, words: &[OsString]) -> Option<String> {
    let help = match flag {
        "--rm" => "leave it out: nothing stays of a run anyway",
        "-i" | "-t" | "--interactive" => {
            "leave it out: the command has your terminal and standard input anyway"
        }
        "--ro-bind" => "did you mean `--bind FROM:TO`? it is read-only unless said",
        _ => return None,
    };
    words.get(1).is_some_and(|word| word == "run").then(|| help.to_owned())
}

fn unknown_command(error: &clap::Error, words: &[OsString]) -> (String, Option<String>) {
    let command = text(error, ContextKind::InvalidSubcommand);
    let words = words.get(1..).unwrap_or_default();
    // The words of a command that has others below it.
    let at = words.iter().position(|word| word.to_str() == Some(command.as_str()));
    let above = &words[..at.unwrap_or_default()];
    let name = std::iter::once("jail".to_owned()).chain(above.iter().map(pasted));
    let name = name.collect::<Vec<_>>().join(" ");
    let help = match slip(&command, above) {
        Some(meant) => Some(format!("did you mean `{name} {meant}`?")),
        None if above.is_empty() => {
            let line: Vec<String> = words.iter().map(pasted).collect();
            Some(format!("to run a program, write `jail run {}`", line.join(" ")))
        }
        None => None,
    };
    (format!("`{name}` has no command `{command}`"), help)
}

/// The command that was meant. Clap has suggestions too, but takes `make` for `image`.
fn slip(command: &str, above: &[OsString]) -> Option<String> {
    let mut jail = Arguments::command();
    jail.build();
    let within = above.iter().try_fold(&jail, |within, word| within.find_subcommand(word))?;
    let names: Vec<&str> = within.get_subcommands().map(clap::Command::get_name).collect();
    did_you_mean(command, names).map(str::to_owned)
}

/// The words that clap keeps about one side of an error; the first, where there are several
/// suggestions, and all of them, where they are what is known or missing.
fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(word)) => word.clone(),
        Some(ContextValue::Strings(words)) => match kind {
            ContextKind::SuggestedArg => words.first().cloned().unwrap_or_default(),
            _ => words.join(", "),
        },
        _ => String::new(),
    }
}

/// How to read the help of the innermost command that is named: that of `image` has no word about
/// the options of `image pull`.
fn manual(words: &[OsString]) -> String {
    let mut program = Arguments::command();
    program.build();
    let (mut within, mut line) = (&program, "jail".to_owned());
    for word in words.iter().skip(1) {
        let Some(inner) = within.find_subcommand(word) else { break };
        line = format!("{line} {}", inner.get_name());
        within = inner;
    }
    format!("{line} --help")
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::super::arguments::{Command, NAMES};
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        ["jail"].iter().chain(words).map(OsString::from).collect()
    }

    fn argv(line: &[&str]) -> Vec<OsString> {
        match parse(words(line)).unwrap().command {
            Command::Run(run) => run.payload.argv,
            other => panic!("not a run: {other:?}"),
        }
    }

    fn refused(line: &[&str]) -> (String, String) {
        match parse(words(line)).unwrap_err() {
            Stop::Mistake(mistake, _) => (mistake.title, mistake.help.join("\n")),
            other => panic!("not a mistake: {other:?}"),
        }
    }

    #[test]
    fn clap_finds_no_fault_with_the_arguments() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn nothing_after_the_commands_name_is_ours() {
        assert_eq!(argv(&["run", "ls", "--profile", "x"]), ["ls", "--profile", "x"]);
        assert_eq!(argv(&["run", "-q", "ls", "-q", "--", "-h"]), ["ls", "-q", "--", "-h"]);
        assert_eq!(argv(&["run", "ls", "--help", "--version"]), ["ls", "--help", "--version"]);
        assert_eq!(argv(&["run", "ls", "-v", "a:b:c:d:e"]), ["ls", "-v", "a:b:c:d:e"]);
        assert_eq!(argv(&["run", "ls", ""]), ["ls", ""]);
    }

    #[test]
    fn the_dashes_before_the_command_are_optional() {
        assert_eq!(argv(&["run", "--", "ls", "-l"]), ["ls", "-l"]);
        assert_eq!(argv(&["run", "--read", "x", "--", "--odd", "--"]), ["--odd", "--"]);
        assert_eq!(argv(&["run", "--", "--", "x"]), ["--", "x"]);
        assert_eq!(argv(&["run", "--", "ls", "--", "-q"]), ["ls", "--", "-q"]);
    }

    #[test]
    fn arguments_need_not_be_utf8() {
        let odd = OsString::from_vec(vec![b'-', 0xff]);
        let mut line = words(&["run", "--read"]);
        line.push(OsString::from_vec(vec![b'x', 0xfe]));
        line.extend(words(&["y"]).into_iter().skip(1).chain([odd.clone()]));
        match parse(line).unwrap().command {
            Command::Run(run) => assert_eq!(run.payload.argv, [OsString::from("y"), odd]),
            other => panic!("not a run: {other:?}"),
        }
    }

    #[test]
    fn an_unknown_option_before_the_command_is_an_error() {
        let (title, help) = refused(&["run", "--wrte", ".", "ls"]);
        assert_eq!(title, "unknown option `--wrte`");
        assert_eq!(help, "did you mean `--write`?");
        let (title, help) = refused(&["plan", "--zzzzzz", "ls"]);
        assert_eq!(title, "unknown option `--zzzzzz`");
        assert_eq!(help, "see `jail plan --help`");
    }

    #[test]
    fn a_report_is_known_if_it_stands_before_the_mistake() {
        let report = |line: &[&str]| match parse(words(line)).unwrap_err() {
            Stop::Mistake(_, report) => report,
            other => panic!("not a mistake: {other:?}"),
        };
        let known = Some(OsString::from("r"));
        assert_eq!(report(&["run", "--report", "r", "--wrte", ".", "ls"]), known);
        assert_eq!(report(&["run", "--report=r", "--quiet", "--verbose", "ls"]), known);
        assert_eq!(report(&["run", "--report", "r", "--quiet=x", "ls"]), known);
        assert_eq!(report(&["run", "--report", "r", "--write"]), known);
        assert_eq!(report(&["run", "--report", "x", "--report", "r", "--wrte", "ls"]), known);
        assert_eq!(report(&["run", "--report"]), None);
        assert_eq!(report(&["plan", "--report", "r", "ls"]), None);
        // It could be the command's.
        assert_eq!(report(&["run", "--wrte", ".", "--report", "r", "ls"]), None);
        assert_eq!(report(&["run", "--quick", "make", "--report", "r"]), None);
        assert_eq!(report(&["run", "--quick", "--", "make", "--report", "r"]), None);
        assert_eq!(report(&["run", "--quiet=x", "make", "--report", "r"]), None);
        assert_eq!(report(&["run", "--quiet", "--verbose", "make", "--report", "r"]), None);
    }

    #[test]
    fn an_unknown_command_is_perhaps_a_program() {
        let (title, help) = refused(&["ls", "-l"]);
        assert_eq!(title, "`jail` has no command `ls`");
        assert_eq!(help, "to run a program, write `jail run ls -l`");
        let (_, help) = refused(&["make", "A=b c"]);
        assert_eq!(help, "to run a program, write `jail run make 'A=b c'`");
        assert_eq!(refused(&["chek"]).1, "did you mean `jail check`?");
        let (title, help) = refused(&["image", "pul", "x"]);
        assert_eq!(title, "`jail image` has no command `pul`");
        assert_eq!(help, "did you mean `jail image pull`?");
        assert_eq!(refused(&["image", "zzzz"]).1, "see `jail image --help`");
    }

    #[test]
    fn an_option_before_the_command_is_told_where_it_stands() {
        for (line, flag) in [
            (&["--profile", "dev", "run", "ls"][..], "--profile"),
            (&["--network=host", "ls"], "--network"),
            (&["-P", "dev", "ls"], "-P"),
        ] {
            let (title, help) = refused(line);
            assert_eq!(title, format!("unknown option `{flag}`"));
            let expected =
                format!("options stand after the command of jail: `jail run {flag} ...`");
            assert_eq!(help, expected);
        }
        assert_eq!(refused(&["--zzzzz", "run", "ls"]).1, "see `jail --help`");
    }

    #[test]
    fn habits_of_other_programs_are_answered() {
        let nothing = "leave it out: nothing stays of a run anyway";
        assert_eq!(refused(&["run", "--rm", "ls"]).1, nothing);
        let terminal = "leave it out: the command has your terminal and standard input anyway";
        assert_eq!(refused(&["run", "-it", "bash"]).1, terminal);
        let bind = "did you mean `--bind FROM:TO`? it is read-only unless said";
        assert_eq!(refused(&["run", "--ro-bind", "/a", "/b", "ls"]).1, bind);
    }

    #[test]
    fn other_mistakes_have_words() {
        assert_eq!(refused(&["run", "--write"]).0, "`--write <PATH>` needs a value");
        assert_eq!(refused(&["check"]).0, "`<PROFILE>...` is missing");
        assert_eq!(
            refused(&["run", "-q", "--verbose", "ls"]).0,
            "`--quiet` cannot be used with `--verbose`"
        );
        assert_eq!(
            refused(&["run", "--swap=1G", "--memory-swap=2G", "ls"]).0,
            "`--swap <SIZE>` cannot be used with `--memory-swap <SIZE>`"
        );
        assert_eq!(refused(&["run", "--quiet=x", "ls"]).0, "`--quiet` takes no value `x`");
        let (title, help) = refused(&["completions", "csh"]);
        assert_eq!(title, "unknown value `csh` for `<SHELL>`");
        assert_eq!(help, "use bash, elvish, fish, powershell, zsh");
    }

    #[test]
    fn the_help_to_read_is_that_of_the_innermost_command() {
        for (line, manual) in [
            (&["image", "pull"][..], "jail image pull --help"),
            (&["image", "inspect", "--zzzzzz", "x"], "jail image inspect --help"),
            (&["image", "--zzzzzz", "pull"], "jail image --help"),
            (&["image"], "jail image --help"),
            (&["profile", "show", "a", "b"], "jail profile show --help"),
            (&["run", "--zzzzzz", "run"], "jail run --help"),
            (&["check"], "jail check --help"),
        ] {
            assert_eq!(refused(line).1, format!("see `{manual}`"), "{line:?}");
        }
    }

    #[test]
    fn help_and_version_are_answers_and_nothing_is_nothing() {
        for line in [&["--help"][..], &["-h"], &["--version"], &["run", "--help"]] {
            assert!(matches!(parse(words(line)), Err(Stop::Answer(_))), "{line:?}");
        }
        assert!(matches!(parse(words(&[])), Err(Stop::Nothing(_))));
    }

    #[test]
    fn every_command_is_known_by_name() {
        let jail = Arguments::command();
        let names: Vec<&str> = jail.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, NAMES);
    }
}
