//! A throw-away virtual machine with another kernel than this one.
//!
//! `JAIL_TEST_VM` names a program that boots one and runs a command in it as an ordinary user,
//! uid 1000: `PROGRAM --kernel NAME [--debian | --systemd [--suite NAME]] [--smp PROCESSORS]
//! [--timeout SECONDS] [--append PARAMETERS] --share DIRECTORY -- COMMAND...`. The directory is
//! a copy at /share, where the command starts. What the command writes and its exit status are
//! passed on; any other failure is 124 or 125.
//!
//! Without `--systemd` the command runs in a cgroup below `$VM_CGROUP`, which is delegated to the
//! user with all controllers; with it, in a login session, and the user has a manager of her own.
//!
//! A boot is slow, so one machine makes many checks: each is a shell script that runs in a
//! directory of its own below the user's home, and becomes a [`Finished`]. All of them are
//! looked at, also after one that is not as it should be.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitStatus, Output};

use super::{Finished, jail_binary, probe_binary};

/// What a check proves.
type Proof = Box<dyn Fn(&Finished)>;

/// What puts something into the directory that is shared.
type Filling = Box<dyn Fn(&Path)>;

/// A machine, and the checks to make in it.
pub struct Machine {
    options: Vec<&'static str>,
    words: String,
    shared: Vec<Filling>,
    checks: Vec<(String, Proof)>,
}

/// The program that boots machines, if there is one.
pub fn machine_program() -> Option<OsString> {
    std::env::var_os("JAIL_TEST_VM").filter(|program| !program.is_empty())
}

/// Words that every check can use.
const WORDS: &str = r#"
jail() { /share/jail run "$@"; }
probe() { /share/probe "$@"; }
inside() { jail --read /share $FLAGS -- /share/probe "$@"; }
# Starts a probe that says when it is ready, and waits until it has; its number is $!.
start() {
    /share/probe "$@" >ready &
    patiently grep -q ok ready
}
# Until it succeeds; after half a minute it has failed.
patiently() {
    tries=0
    until "$@"; do
        [ $((tries += 1)) -lt 300 ] || return 1
        sleep 0.1
    done
}
"#;

/// Makes every check in turn, none for longer than two minutes. What a check writes is marked,
/// line by line.
const ALL: &str = r#"
for script in /share/checks/*; do
    number=${script##*/}
    mkdir -p "$HOME/$number/project"
    cd "$HOME/$number/project" || exit 125
    timeout -s KILL 120 sh "$script" </dev/null >../stdout 2>../stderr
    echo "$? status $number"
    sed 's/^/1 /' ../stdout
    sed 's/^/2 /' ../stderr
done
"#;

impl Machine {
    /// A machine with this kernel.
    pub fn new(kernel: &'static str) -> Self {
        let options = vec!["--timeout", "900", "--kernel", kernel];
        Self { options, words: WORDS.to_owned(), shared: Vec::new(), checks: Vec::new() }
    }

    #[must_use]
    pub fn option(mut self, option: &'static str) -> Self {
        self.options.push(option);
        self
    }

    #[must_use]
    pub fn options<const COUNT: usize>(mut self, options: [&'static str; COUNT]) -> Self {
        self.options.extend(options);
        self
    }

    /// More words for all checks, besides [`WORDS`].
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        self.words.push_str(words);
        self
    }

    /// Puts more into the directory that becomes /share.
    #[must_use]
    pub fn share(mut self, fill: impl Fn(&Path) + 'static) -> Self {
        self.shared.push(Box::new(fill));
        self
    }

    /// Makes a check by a shell script; see [`WORDS`].
    #[must_use]
    pub fn check(mut self, script: impl Into<String>, proof: impl Fn(&Finished) + 'static) -> Self {
        self.checks.push((script.into(), Box::new(proof)));
        self
    }

    /// An attempt of the probe succeeds outside, and inside is refused with this errno.
    #[must_use]
    pub fn refuses(self, attempt: &str, errno: &'static str) -> Self {
        self.refuses_with(
            attempt,
            |outside| {
                outside.succeeds();
            },
            errno,
        )
    }

    /// The same where outside something else is to be seen than success.
    #[must_use]
    pub fn refuses_with(
        self,
        attempt: &str,
        outside: impl Fn(&Finished) + 'static,
        errno: &'static str,
    ) -> Self {
        self.check(format!("probe {attempt}"), outside).check(
            format!("inside {attempt}"),
            move |inside| {
                inside.refused(errno);
            },
        )
    }

    /// Boots, makes all checks, and looks at each.
    #[track_caller]
    pub fn boot(self) {
        let share = self.shared_directory();
        let program = machine_program().expect("begin with `require!(Feature::Machines)`");
        let mut command = Command::new(program);
        command.args(&self.options).arg("--share").arg(share.path());
        command.args(["--", "sh", "/share/all"]);
        let output = command.output().unwrap_or_else(|error| panic!("JAIL_TEST_VM: {error}"));
        let booted = Finished::new(format!("{command:?}"), output);
        booted.succeeds();
        let mut outputs = outputs(&booted.stdout_text());
        assert_eq!(outputs.len(), self.checks.len(), "checks that were made\n{booted:?}");
        let mut failures = 0;
        for ((script, proof), output) in self.checks.iter().zip(outputs.drain(..)) {
            let finished = Finished::new(format!("{:?}: {script}", self.options), output);
            // The panic has said already what was wrong.
            failures += usize::from(catch_unwind(AssertUnwindSafe(|| proof(&finished))).is_err());
        }
        assert_eq!(failures, 0, "checks that failed, of {}", self.checks.len());
    }

    /// The directory to share: both programs, and a script for each check.
    fn shared_directory(&self) -> tempfile::TempDir {
        let share = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory can be made");
        let put = |name: &str, text: &str| {
            let path = share.path().join(name);
            fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        for program in [jail_binary(), probe_binary()] {
            let name = program.file_name().expect("a program has a name");
            fs::copy(program, share.path().join(name)).expect("a program can be copied");
        }
        fs::create_dir(share.path().join("checks")).expect("the directory is ours");
        put("all", ALL);
        for (number, (script, _)) in self.checks.iter().enumerate() {
            put(&format!("checks/{number:03}"), &format!("{}{script}\n", self.words));
        }
        self.shared.iter().for_each(|fill| fill(share.path()));
        share
    }
}

/// Reads what [`ALL`] wrote.
fn outputs(text: &str) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    for line in text.lines() {
        if let Some((status, _)) = line.split_once(" status ") {
            let code: i32 = status.parse().unwrap_or_else(|_| panic!("no status: {line}"));
            let status = ExitStatus::from_raw(code << 8);
            outputs.push(Output { status, stdout: Vec::new(), stderr: Vec::new() });
            continue;
        }
        let output = outputs.last_mut().unwrap_or_else(|| panic!("no check wrote: {line}"));
        let (stream, line) = match line.split_once(' ') {
            Some(("1", line)) => (&mut output.stdout, line),
            Some(("2", line)) => (&mut output.stderr, line),
            _ => panic!("of no stream: {line}"),
        };
        stream.extend(line.as_bytes());
        stream.push(b'\n');
    }
    outputs
}
