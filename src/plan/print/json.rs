//! A plan as JSON. The keys are a promise: programs read them.

mod keys;
mod steps;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Origin, Severity};
use crate::plan::{Plan, Step};

use keys::StepOut;
use steps::step_out;

/// Prints one object, indented, with a newline at the end.
pub fn to_json(plan: &Plan) -> String {
    let steps = plan.steps.iter().enumerate();
    let output = Output {
        version: 1,
        steps: steps.map(|(index, step)| numbered(index + 1, step)).collect(),
        notes: plan.notes.iter().map(note).collect(),
    };
    let mut text = serde_json::to_string_pretty(&output)
        .expect("all keys are strings, and writing to memory does not fail");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Output<'a> {
    version: u32,
    steps: Vec<NumberedStep<'a>>,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct NumberedStep<'a> {
    number: usize,
    #[serde(flatten)]
    step: StepOut<'a>,
    origin: OriginOut<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OriginOut<'a> {
    BuiltIn,
    File { file: &'a str, line: usize },
    Flag { flag: &'a str },
    Variable { variable: &'a str },
}

#[derive(Serialize)]
struct Note<'a> {
    severity: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    help: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginOut<'a>>,
}

fn numbered(number: usize, step: &Step) -> NumberedStep<'_> {
    NumberedStep { number, step: step_out(&step.action), origin: origin(&step.origin) }
}

fn origin(origin: &Origin) -> OriginOut<'_> {
    match origin {
        Origin::BuiltIn => OriginOut::BuiltIn,
        Origin::File { source, .. } => {
            OriginOut::File { file: &source.name, line: origin.line().unwrap_or(1) }
        }
        Origin::Flag(flag) => OriginOut::Flag { flag },
        Origin::Variable(variable) => OriginOut::Variable { variable },
    }
}

fn note(note: &Diagnostic) -> Note<'_> {
    let severity = match note.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    Note {
        severity,
        title: &note.title,
        because: note.because.as_deref(),
        help: &note.help,
        origin: note.origin.as_ref().map(origin),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::plan::{Action, Mount};
    use crate::units::AbsolutePath;

    #[test]
    fn keys_are_as_promised() {
        let path = AbsolutePath::new(OsStr::from_bytes(b"/a\xff")).unwrap();
        let mount = Mount::Mask { directory: false };
        let step = Step {
            action: Action::Mount { path, create: false, mount },
            origin: Origin::Flag("--mask".into()),
        };
        let plan = Plan {
            steps: vec![step],
            notes: vec![Diagnostic::note("words")],
            degraded: Vec::new(),
        };
        let value: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
        let expected = serde_json::json!({
            "version": 1,
            "steps": [{
                "number": 1,
                "kind": "mount",
                "path": {"lossy": "/a\u{fffd}", "bytes": [47, 97, 255]},
                "create": false,
                "mount": {"type": "mask", "directory": false},
                "origin": {"kind": "flag", "flag": "--mask"},
            }],
            "notes": [{"severity": "note", "title": "words", "help": []}],
        });
        assert_eq!(value, expected);
    }
}
