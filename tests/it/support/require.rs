//! What a machine may lack, and what to do then.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::unistd::access;

use super::spawn::spawn;
use super::user::tests_are_root;
use super::{Jail, machine_program, probe_binary, real_images};

/// Something that a test needs and that some machines do not have.
#[derive(Debug)]
pub enum Feature {
    /// The tests run as root: to make what belongs to somebody else.
    Root,
    /// An ordinary user may make a user namespace and be root in it.
    Userns,
    /// The kernel lets a program type on its own terminal (before 6.2, or by sysctl).
    InputInjection,
    /// A process may trace others of its user (not so with Yama, if restricted).
    Tracing,
    /// A system call that this kernel was built with: words of the probe that show it.
    Works(&'static str),
    /// A file or device of the host.
    Path(&'static str),
    /// Whoever wants to may make network interfaces in a namespace of their own.
    Tun,
    /// A command of cargo that is installed beside it, such as `deb`.
    Cargo(&'static str),
    /// A program: in PATH, or a server where servers are.
    Program(&'static str),
    /// Virtual machines: the program that `JAIL_TEST_VM` names.
    Machines,
    /// Images made of Debian packages, which takes a mirror the first time.
    RealImages,
}

/// Is it missing? Prints why the test is skipped; panics if nothing may be skipped.
pub fn missing(feature: &Feature, module: &str, line: u32) -> bool {
    let Some(reason) = lack(feature) else { return false };
    assert!(
        std::env::var_os("JAIL_TEST_REQUIRE").is_none(),
        "JAIL_TEST_REQUIRE is set, and {reason}"
    );
    tell(&format!("skipped: {module} line {line}: {reason}\n"));
    true
}

/// Says it on standard error, and in the file that `JAIL_TEST_SKIPS` names: a runner of tests
/// may keep to itself what a test that passes has said.
fn tell(line: &str) {
    // Not `eprintln!`, which the test harness takes for itself.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let Some(path) = std::env::var_os("JAIL_TEST_SKIPS") else { return };
    let file = fs::OpenOptions::new().append(true).create(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.unwrap_or_else(|error| panic!("JAIL_TEST_SKIPS={}: {error}", path.display()));
}

fn lack(feature: &Feature) -> Option<String> {
    let (there, reason) = match feature {
        Feature::Root => (tests_are_root(), "the tests do not run as root".into()),
        Feature::Userns => {
            (works("in-userns"), "an ordinary user may not make a user namespace".into())
        }
        Feature::InputInjection => {
            let setting = fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti");
            let on = setting.map_or(true, |setting| setting.trim() == "1");
            (on, "dev.tty.legacy_tiocsti is 0".into())
        }
        Feature::Tracing => {
            let setting = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
            let on = setting.map_or(true, |setting| setting.trim() == "0");
            (on, "kernel.yama.ptrace_scope is not 0".into())
        }
        Feature::Works(words) => (works(words), format!("`{words}` does not work outside")),
        Feature::Tun => (
            Jail::new().run_outside(["test", "-w", "/dev/net/tun"]).status.success(),
            "an ordinary user may not open /dev/net/tun".into(),
        ),
        Feature::Path(path) => (fs::symlink_metadata(path).is_ok(), format!("there is no {path}")),
        // Named and not working is a failure of the test, not a reason to skip it.
        Feature::Machines => {
            (machine_program().is_some(), "JAIL_TEST_VM names no program for machines".into())
        }
        Feature::Cargo(name) => {
            let mut cargo = Command::new(env!("CARGO"));
            let asked =
                spawn(cargo.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()))
                    .wait();
            let there = asked.is_ok_and(|status| status.success());
            (there, format!("there is no `cargo {name}`: `cargo install cargo-{name}`"))
        }
        Feature::RealImages => return real_images().err(),
        Feature::Program(name) => {
            (program(name).is_some(), format!("there is no program `{name}`"))
        }
    };
    (!there).then_some(reason)
}

/// Where a program is. Debian has a directory for each version of PostgreSQL, of which the last is taken.
pub fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|it| it.path().join("bin")).collect();
    versions.sort();
    let usual = ["/usr/sbin", "/bin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let directories = versions.into_iter().chain(usual).rev();
    let mut programs = directories.map(|directory| directory.join(name));
    programs.find(|path| access(path, nix::unistd::AccessFlags::X_OK).is_ok())
}

fn works(words: &str) -> bool {
    assert!(probe_binary().is_file());
    Jail::new().outside(words).status.success()
}
