//! Why the command itself was not executed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, did_you_mean, errno_cause, pasted};
use crate::plan::{Action, Plan, RootSource, Step, is_shown};
use crate::profile::listing::quote;
use crate::run::outcome::Refused;
use crate::units::AbsolutePath;

use super::located;

/// The command is not there, or cannot be executed.
pub fn explain(
    name: &OsStr,
    search: &[AbsolutePath],
    errno: Errno,
    step: &Step,
    plan: &Plan,
) -> Refused {
    let shown = name.display();
    let (status, diagnostic) = match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            let told = image(plan).map(|image| missing_in_image(name, image));
            (127, told.unwrap_or_else(|| not_found(name, search, plan)))
        }
        Errno::E2BIG => {
            let diagnostic = Diagnostic::error(format!("cannot execute `{shown}`"))
                .because("its arguments and environment are too long together [E2BIG]")
                .help("pass fewer variables, or put the arguments into a file");
            (126, diagnostic)
        }
        _ => {
            let diagnostic =
                Diagnostic::error(format!("cannot execute `{shown}`")).because(errno_cause(errno));
            let diagnostic = located(diagnostic, step);
            let diagnostic = match errno {
                Errno::EACCES => diagnostic
                    .help("it must be a file with the x bit (`chmod +x`), and on no noexec mount"),
                Errno::ENOEXEC => diagnostic.help("a script needs a first line such as #!/bin/sh"),
                _ => diagnostic,
            };
            (126, diagnostic)
        }
    };
    Refused { status, ..Refused::before_the_command(diagnostic) }
}

/// The kernel says the same of a program that is missing, and of one whose interpreter or loader is.
fn not_found(name: &OsStr, search: &[AbsolutePath], plan: &Plan) -> Diagnostic {
    let shown = name.display();
    let diagnostic = Diagnostic::error(format!("command `{shown}` not found in the sandbox"));
    match on_host(name, search) {
        Some(path) => unseen(diagnostic, &path, plan),
        None if name.as_encoded_bytes().contains(&b'/') => {
            diagnostic.because("the host has no such file either")
        }
        None => {
            let diagnostic =
                diagnostic.because("the host does not have it in the directories of PATH either");
            match similar(name, search) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic,
            }
        }
    }
}

/// The host has it at `path`.
fn unseen(diagnostic: Diagnostic, path: &Path, plan: &Plan) -> Diagnostic {
    let shown = path.display();
    if let Some(interpreter) = interpreter(path) {
        return diagnostic
            .because(format!(
                "`{shown}` is a script for `{interpreter}`; one of the two is not visible inside"
            ))
            .help(format!(
                "grant both: --read {} --read {}",
                pasted(path),
                pasted(Path::new(&interpreter))
            ));
    }
    if path.canonicalize().is_ok_and(|real| is_shown(plan, &real)) {
        return diagnostic
            .because(format!("`{shown}` is there, but not the dynamic loader that it names"))
            // Not ldd(1), which may run the program.
            .help(format!("grant what it is made of: `readelf -dl {}` lists it", pasted(path)));
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    diagnostic.because(format!("the host has `{shown}`, but the sandbox does not show it")).help(
        format!(
            "grant its directory: --read {}, or `read = [{}]` below [filesystem] in the profile",
            pasted(directory),
            quote(&directory.to_string_lossy())
        ),
    )
}

/// The image that is the root, if one is.
fn image(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Root(RootSource::Layers { image, .. } | RootSource::Copy { image, .. }) => {
            Some(image.as_str())
        }
        _ => None,
    })
}

/// What this machine has is no help there.
fn missing_in_image(name: &OsStr, image: &str) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(format!("command `{}` not found in the sandbox", name.display()));
    let because = if name.as_encoded_bytes().contains(&b'/') {
        format!("the image `{image}` has no such file, or not the interpreter that it names")
    } else {
        format!("the image `{image}` does not have it in the directories of PATH")
    };
    diagnostic.because(because)
}

/// Where the host has the command.
fn on_host(name: &OsStr, search: &[AbsolutePath]) -> Option<PathBuf> {
    let candidates = if name.as_encoded_bytes().contains(&b'/') {
        vec![PathBuf::from(name)]
    } else {
        search.iter().map(|directory| directory.as_path().join(name)).collect()
    };
    candidates.into_iter().find(|path| path.is_file())
}

/// The program that was meant, if a name is mistyped.
fn similar(name: &OsStr, search: &[AbsolutePath]) -> Option<String> {
    let directories = search.iter().filter_map(|directory| fs::read_dir(directory.as_path()).ok());
    let names =
        directories.flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    did_you_mean(name.to_str()?, names.iter().map(String::as_str)).map(str::to_owned)
}

/// The program that a script names in its first line.
fn interpreter(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = [0; 256];
    let length = fs::File::open(path).and_then(|mut file| file.read(&mut start)).ok()?;
    let line = start[..length].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}
