//! One project, and how to run something in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::spawn::{shown, spawn, while_nothing_starts};
use super::user::tests_are_root;
use super::{Finished, Running, User, jail_binary, probe_binary};

/// A project directory in the home of an ordinary user, and the flags of a run in it.
///
/// The directory goes away with the value, whatever the modes of what is in it.
#[derive(Debug)]
pub struct Jail {
    place: TempDir,
    user: User,
    workdir: PathBuf,
    flags: Vec<OsString>,
    launcher: Vec<OsString>,
    stdin: Vec<u8>,
    environment: Vec<(OsString, OsString)>,
}

impl Jail {
    /// A new project of the ordinary user.
    pub fn new() -> Self {
        Self::of(User::ordinary())
    }

    /// A new project of root, who also runs the jail. Only where [`Feature::Root`] is there.
    ///
    /// [`Feature::Root`]: super::Feature::Root
    pub fn as_root() -> Self {
        assert!(tests_are_root(), "begin with `require!(Feature::Root)`");
        Self::of(User::root())
    }

    fn of(user: User) -> Self {
        let place = tempfile::Builder::new()
            .prefix("jail-test-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory can be made");
        user.own(place.path());
        let workdir = place.path().join("home/project");
        let jail = Self {
            place,
            user,
            workdir: workdir.clone(),
            flags: Vec::new(),
            launcher: Vec::new(),
            stdin: Vec::new(),
            environment: Vec::new(),
        };
        jail.make_directory(&workdir);
        jail
    }

    /// The project directory, which is the working directory as well.
    pub fn project(&self) -> PathBuf {
        self.home().join("project")
    }

    /// The home directory: the parent of the project.
    pub fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    /// A directory beside the home, for what is not granted.
    pub fn elsewhere(&self) -> PathBuf {
        let directory = self.place.path().join("elsewhere");
        self.make_directory(&directory);
        directory
    }

    pub fn user(&self) -> &User {
        &self.user
    }

    /// Writes a file, in the project unless the path is absolute, with its directories.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        self.write_file(path, content);
        self
    }

    /// The same in the home directory.
    #[must_use]
    pub fn home_file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.home().join(path);
        self.file(path, content)
    }

    /// An executable file in the project.
    #[must_use]
    pub fn script(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.write_file(path, content);
        set_mode(&path, 0o755);
        self
    }

    /// An empty directory in the project.
    #[must_use]
    pub fn directory(self, path: &str) -> Self {
        self.make_directory(&self.project().join(path));
        self
    }

    /// A symbolic link in the project.
    #[must_use]
    pub fn link(self, path: &str, target: impl AsRef<Path>) -> Self {
        let path = self.project().join(path);
        std::os::unix::fs::symlink(target, &path).expect("a symbolic link can be made");
        self.user.own(&path);
        self
    }

    /// Adds to the profile `default`, by `--profile`; the file is outside of the project.
    #[must_use]
    pub fn profile(mut self, toml: &str) -> Self {
        if !self.flags.iter().any(|flag| flag == "--profile") {
            self = self.args(["--profile", "default"]);
        }
        let number = self.flags.len();
        let path = self.elsewhere().join(format!("profile-{number}.toml"));
        self.write_file(&path, toml);
        self.flag("--profile").flag(path)
    }

    #[must_use]
    pub fn flag(mut self, flag: impl Into<OsString>) -> Self {
        self.flags.push(flag.into());
        self
    }

    #[must_use]
    pub fn args<I>(mut self, flags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// What the command reads; without, its standard input is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// A variable of the caller.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The caller's working directory, relative to the project.
    #[must_use]
    pub fn cwd(mut self, directory: impl AsRef<Path>) -> Self {
        self.workdir = self.project().join(directory);
        self
    }

    /// Runs everything, outside too, by a program that prepares something and executes its
    /// last arguments: `["sh", "-c", "exec \"$@\" </dev/null", "sh"]`.
    #[must_use]
    pub fn through<I>(mut self, launcher: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.launcher = launcher.into_iter().map(Into::into).collect();
        self
    }

    /// The same by a step of the probe.
    #[must_use]
    pub fn through_probe(self, step: &str) -> Self {
        let probe = [probe_binary().as_os_str().to_owned()];
        self.through(probe.into_iter().chain(step.split_whitespace().map(OsString::from)))
    }

    /// Runs a command inside.
    pub fn run<I>(&self, command: I) -> Finished
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.finish(self.run_line(command))
    }

    /// Makes attempts inside: words of the probe, separated by blanks.
    pub fn probe(&self, words: &str) -> Finished {
        self.finish(self.probe_line(words))
    }

    /// Makes the same attempts without a jail.
    pub fn outside(&self, words: &str) -> Finished {
        self.finish(self.outside_line(words))
    }

    /// Runs a command without a jail.
    pub fn run_outside<I>(&self, command: I) -> Finished
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.finish(command.into_iter().map(|word| word.as_ref().to_owned()).collect())
    }

    /// Starts a command inside, to talk with.
    pub fn start<I>(&self, command: I) -> Running
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.launch(self.run_line(command))
    }

    /// Starts attempts inside, to talk with.
    pub fn start_probe(&self, words: &str) -> Running {
        self.launch(self.probe_line(words))
    }

    /// Starts a command line as it is, to talk with.
    pub fn start_line(&self, line: Vec<OsString>) -> Running {
        self.launch(line)
    }

    /// Starts attempts without a jail, to talk with.
    pub fn start_outside(&self, words: &str) -> Running {
        self.launch(self.outside_line(words))
    }

    /// The command line of a run, for what is not run by this.
    pub fn run_line<I>(&self, command: I) -> Vec<OsString>
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut line = vec![jail_binary().into(), "run".into()];
        line.extend(self.flags.iter().cloned());
        line.push("--".into());
        line.extend(command.into_iter().map(|word| word.as_ref().to_owned()));
        line
    }

    /// The command line of attempts inside. The probe is not in the project, so its
    /// directory is granted.
    pub fn probe_line(&self, words: &str) -> Vec<OsString> {
        let probe = probe_binary();
        let directory = probe.parent().expect("the probe is in a directory");
        let mut line: Vec<OsString> = vec![jail_binary().into(), "run".into()];
        line.extend(["--read".into(), directory.into()]);
        line.extend(self.flags.iter().cloned());
        line.push("--".into());
        line.extend(self.outside_line(words));
        line
    }

    /// The command line of attempts without a jail.
    pub fn outside_line(&self, words: &str) -> Vec<OsString> {
        let probe = probe_binary().as_os_str().to_owned();
        std::iter::once(probe).chain(words.split_whitespace().map(OsString::from)).collect()
    }

    /// A command as the user of this project, in its working directory.
    pub fn command(&self, line: &[OsString]) -> Command {
        let line: Vec<&OsString> = self.launcher.iter().chain(line).collect();
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).current_dir(&self.workdir).env_clear();
        command.env("HOME", self.home()).env("USER", &self.user.name);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("TERM", "dumb").env("LANG", "C.UTF-8");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.user.apply(&mut command);
        command
    }

    fn finish(&self, line: Vec<OsString>) -> Finished {
        let mut command = self.command(&line);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(piped);
        let mut input = child.stdin.take().expect("standard input is a pipe");
        let bytes = self.stdin.clone();
        // A command that does not read must not hold up the test, so a thread writes.
        let writer = std::thread::spawn(move || {
            // It may end without reading: the assertion that follows says what matters.
            let _ = input.write_all(&bytes);
        });
        let output = child.wait_with_output().expect("a child can be waited for");
        writer.join().expect("the writer of standard input ends");
        Finished::new(shown(&command), output)
    }

    fn launch(&self, line: Vec<OsString>) -> Running {
        let mut command = self.command(&line);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = spawn(piped);
        Running::new(shown(&command), child)
    }

    fn write_file(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(path);
        self.make_directory(path.parent().expect("a file is in a directory"));
        let written = while_nothing_starts(|| fs::write(&path, content));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.user.own(&path);
        path
    }

    fn make_directory(&self, directory: &Path) {
        let missing: Vec<_> =
            directory.ancestors().take_while(|directory| !directory.exists()).collect();
        for directory in missing.iter().rev() {
            fs::create_dir(directory).expect("a directory can be made");
            set_mode(directory, 0o755);
            self.user.own(directory);
        }
    }
}

impl Drop for Jail {
    fn drop(&mut self) {
        // A test may leave directories that not even their owner may enter, and an overlay
        // of the kernel's leaves one of mode 0; root needs none of this.
        make_removable(self.place.path());
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode can be set");
}

fn make_removable(directory: &Path) {
    let _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_removable(&entry.path());
        }
    }
}
