//! A profile taken apart.

use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Line, Place, Value};
use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::profile::{
    Base, Bounds, Cap, Env, Filesystem, Grant, Ids, IoLimit, Limits, Network, NetworkMode,
    PathText, Process, Profile, Protection, Pull, Rlimit, RlimitUnit, Root, RootMode, Rule,
    Seccomp, SeccompPolicy, Swap, Tty, User,
};

/// All that `profile` says. Of two rules for one path only the later one is told, as it alone counts.
/// What is relative to a file becomes absolute; `workdir` is what the names of files are relative to.
///
/// # Errors
///
/// A directory of a file has a name that no profile can hold.
pub fn lines(profile: &Profile, workdir: &Path) -> Result<Vec<Line>, Diagnostic> {
    // Taken apart by name, so that a key that comes anew cannot be forgotten here.
    let Profile {
        description,
        degrade,
        filesystem,
        network,
        limits,
        env,
        process,
        seccomp,
        landlock,
        capabilities,
        files: _,
    } = profile;
    let mut out = Lines { workdir, section: "", lines: Vec::new() };
    out.one("description", description, |text| Value::Text(text.clone()));
    out.list("degrade", degrade, |protection| word(protection_word(*protection)));
    out.filesystem(filesystem)?;
    out.network(network);
    out.limits(limits);
    out.env(env);
    out.process(process);
    out.seccomp(seccomp)?;
    out.section = "landlock";
    out.one("enabled", &landlock.enabled, |enabled| Value::Switch(*enabled));
    out.section = "capabilities";
    out.list("keep", &capabilities.keep, shown);
    Ok(out.lines)
}

struct Lines<'a> {
    workdir: &'a Path,
    section: &'static str,
    lines: Vec<Line>,
}

impl Lines<'_> {
    fn push(&mut self, key: &'static str, place: Place, value: Value, origin: &Origin) {
        let section = self.section;
        self.lines.push(Line { section, key, place, value, origin: origin.clone() });
    }

    fn one<T>(
        &mut self,
        key: &'static str,
        value: &Option<Located<T>>,
        write: impl Fn(&T) -> Value,
    ) {
        if let Some(value) = value {
            self.push(key, Place::One, write(&value.value), &value.origin);
        }
    }

    fn list<T>(&mut self, key: &'static str, list: &[Located<T>], write: impl Fn(&T) -> Value) {
        for item in list {
            self.push(key, Place::Item, write(&item.value), &item.origin);
        }
    }

    fn filesystem(&mut self, filesystem: &Filesystem) -> Result<(), Diagnostic> {
        let Filesystem { root, root_mode, rules, devices, pull, platform, keep } = filesystem;
        self.section = "filesystem";
        if let Some(root) = root {
            let value = self.root(&root.value).map_err(|bad| bad.at(&root.origin))?;
            self.push("root", Place::One, value, &root.origin);
        }
        self.one("root-mode", root_mode, |mode| word(root_mode_word(*mode)));
        self.one("pull", pull, |pull| word(pull_word(*pull)));
        self.one("platform", platform, shown);
        self.one("keep", keep, |name| word(name));
        for (index, rule) in rules.iter().enumerate() {
            let later = rules[index + 1..].iter().any(|later| later.value.path == rule.value.path);
            if !later {
                let (key, value) = rule_value(&rule.value);
                self.push(key, Place::Item, value, &rule.origin);
            }
        }
        self.list("devices", devices, path);
        Ok(())
    }

    fn root(&self, root: &Root) -> Result<Value, Diagnostic> {
        Ok(match root {
            Root::Host => word("host"),
            Root::Empty => word("empty"),
            Root::Directory(directory) => self.beside(directory)?,
            Root::Image(image) => {
                let here = image.clone().below(self.workdir).map_err(Diagnostic::from)?;
                Value::Text(format!("image:{here}"))
            }
        })
    }

    /// A path that is relative to the file that says it, as one that means the same everywhere.
    fn beside(&self, path: &PathText) -> Result<Value, Diagnostic> {
        let text = path.text.as_bytes();
        let directory = match &path.base {
            Base::Directory(directory) if !matches!(text.first(), Some(b'/' | b'~' | b'$')) => {
                self.workdir.join(directory).components().collect::<PathBuf>()
            }
            Base::Directory(_) | Base::WorkingDirectory => return Ok(self::path(path)),
        };
        let shown = directory.to_str().ok_or_else(|| {
            Diagnostic::error(format!("cannot write down `{}`", directory.display()))
                .because("it is not UTF-8, as all text of a profile is")
                .help("move the profile to a directory with a plainer name")
        })?;
        // A dollar in the name of a directory is no variable.
        Ok(Value::Text(format!("{}/{}", shown.replace('$', "$$"), lossy(&path.text))))
    }

    fn network(&mut self, network: &Network) {
        let Network { mode, allow, publish, host_loopback, hosts, dns } = network;
        self.section = "network";
        self.one("mode", mode, |mode| match mode {
            NetworkMode::Namespace(path) => Value::Text(format!("ns:{}", lossy(&path.text))),
            NetworkMode::None | NetworkMode::Host | NetworkMode::Nat | NetworkMode::Allow => {
                word(mode.name())
            }
        });
        self.list("allow", allow, shown);
        self.list("publish", publish, shown);
        self.one("host-loopback", host_loopback, |is| Value::Switch(*is));
        self.list("dns", dns, shown);
        for (name, address) in hosts {
            let value = shown(&address.value);
            self.push("hosts", Place::Named(name.clone()), value, &address.origin);
        }
    }

    fn limits(&mut self, limits: &Limits) {
        let Limits {
            memory,
            swap,
            cpus,
            cpuset,
            pids,
            io,
            hugepages,
            time,
            time_grace,
            nice,
            rlimits,
        } = limits;
        self.section = "limits";
        self.one("memory", memory, |cap| cap_value(*cap, |size| shown(&size)));
        self.one("swap", swap, |swap| match swap {
            Swap::Unlimited => word("unlimited"),
            // The second is said by a flag alone, and flags are in no profile.
            Swap::At(size) | Swap::WithMemory(size) => shown(size),
        });
        self.one("cpus", cpus, |cap| cap_value(*cap, |cpus| Value::Number(cpus.to_string())));
        self.one("cpuset", cpuset, shown);
        self.one("pids", pids, |cap| cap_value(*cap, |count| Value::Number(count.to_string())));
        self.list("io", io, io_value);
        self.one("hugepages", hugepages, |may| Value::Switch(*may));
        self.one("time", time, |cap| cap_value(*cap, |span| shown(&span)));
        self.one("time-grace", time_grace, shown);
        self.one("nice", nice, |nice| Value::Number(nice.to_string()));
        for (rlimit, bounds) in rlimits {
            let value = bounds_value(*rlimit, &bounds.value);
            self.push(rlimit.name(), Place::One, value, &bounds.origin);
        }
    }

    fn env(&mut self, env: &Env) {
        let Env { pass, set } = env;
        self.section = "env";
        self.list("pass", pass, |name| Value::Text(lossy(name)));
        for (name, value) in set {
            let text = Value::Text(lossy(&value.value));
            self.push("set", Place::Named(lossy(name)), text, &value.origin);
        }
    }

    fn process(&mut self, process: &Process) {
        let Process { workdir, user, entrypoint, ids, hostname, tty, umask, nesting, preserve_fds } =
            process;
        self.section = "process";
        self.one("workdir", workdir, path);
        self.one("user", user, |user| match user {
            User::Keep => word("keep"),
            User::Root => word("root"),
            User::Ids { uid, gid } => Value::Text(format!("{uid}:{gid}")),
        });
        self.one("entrypoint", entrypoint, |words| {
            Value::List(words.iter().map(|word| Value::Text(lossy(word))).collect())
        });
        self.one("ids", ids, |ids| word(ids_word(*ids)));
        self.one("hostname", hostname, |name| word(name));
        self.one("tty", tty, |tty| word(tty_word(*tty)));
        self.one("umask", umask, |mask| Value::Text(format!("{mask:03o}")));
        self.one("nesting", nesting, |may| Value::Switch(*may));
        self.list("preserve-fds", preserve_fds, |fd| Value::Number(fd.to_string()));
    }

    fn seccomp(&mut self, seccomp: &Seccomp) -> Result<(), Diagnostic> {
        let Seccomp { policy, allow, deny } = seccomp;
        self.section = "seccomp";
        if let Some(policy) = policy {
            let value = match &policy.value {
                SeccompPolicy::Default => word("default"),
                SeccompPolicy::Strict => word("strict"),
                SeccompPolicy::Off => word("off"),
                SeccompPolicy::File(file) => {
                    self.beside(file).map_err(|bad| bad.at(&policy.origin))?
                }
            };
            self.push("policy", Place::One, value, &policy.origin);
        }
        self.list("allow", allow, |call| word(call));
        self.list("deny", deny, |call| word(call));
        Ok(())
    }
}

fn word(word: &str) -> Value {
    Value::Text(word.to_owned())
}

fn shown<T: Display>(value: &T) -> Value {
    Value::Text(value.to_string())
}

/// The text of a file is UTF-8, and so is all that comes from it.
fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn path(path: &PathText) -> Value {
    Value::Text(lossy(&path.text))
}

/// The key of a rule, and what stands there.
fn rule_value(rule: &Rule) -> (&'static str, Value) {
    let Rule { path: at, grant, optional } = rule;
    let optional = optional.then_some(("optional", Value::Switch(true)));
    let plain_or_table = |more: Option<(&'static str, Value)>| match more {
        Some(more) => Value::Table(vec![("path", path(at)), more]),
        None => path(at),
    };
    match grant {
        Grant::Read => ("read", plain_or_table(optional)),
        Grant::Write => ("write", plain_or_table(optional)),
        Grant::Overlay => ("overlay", plain_or_table(optional)),
        Grant::Mask => ("mask", plain_or_table(optional)),
        Grant::Tmpfs { size } => ("tmpfs", plain_or_table(size.map(|size| ("size", shown(&size))))),
        Grant::Bind { from, write } => {
            let mut table = vec![("from", path(from)), ("to", path(at))];
            table.extend(write.then_some(("write", Value::Switch(true))));
            table.extend(optional);
            ("bind", Value::Table(table))
        }
    }
}

fn io_value(limit: &IoLimit) -> Value {
    let IoLimit { path: at, read, write, read_ops, write_ops } = limit;
    let number = |count: &u64| Value::Number(count.to_string());
    let mut table = vec![("path", path(at))];
    table.extend(read.as_ref().map(|size| ("read", shown(size))));
    table.extend(write.as_ref().map(|size| ("write", shown(size))));
    table.extend(read_ops.as_ref().map(|count| ("read-ops", number(count))));
    table.extend(write_ops.as_ref().map(|count| ("write-ops", number(count))));
    if limit.is_unlimited() {
        table.push(("read", word("unlimited")));
    }
    Value::Table(table)
}

fn cap_value<T>(cap: Cap<T>, write: impl FnOnce(T) -> Value) -> Value {
    cap.at().map_or_else(|| word("unlimited"), write)
}

/// One value where that means the same soft and hard limit, else both.
fn bounds_value(rlimit: Rlimit, bounds: &Bounds) -> Value {
    let one = |cap: Cap<u64>| match (cap, rlimit.unit()) {
        (Cap::Unlimited, _) => "unlimited".to_owned(),
        (Cap::At(bytes), RlimitUnit::Bytes) => crate::units::Size(bytes).to_string(),
        (Cap::At(seconds), RlimitUnit::Seconds) => format!("{seconds}s"),
        (Cap::At(count), RlimitUnit::Count) => count.to_string(),
    };
    // One limit of processor time has a hard one that is a second later.
    if bounds.soft == bounds.hard && rlimit.unit() != RlimitUnit::Seconds {
        return Value::Text(one(bounds.soft));
    }
    Value::Text(format!("{}:{}", one(bounds.soft), one(bounds.hard)))
}

fn protection_word(protection: Protection) -> &'static str {
    match protection {
        Protection::Landlock => "landlock",
        Protection::Limits => "limits",
        Protection::Overlay => "overlay",
        Protection::Namespaces => "namespaces",
        Protection::NestedRules => "nested-rules",
    }
}

fn root_mode_word(mode: RootMode) -> &'static str {
    match mode {
        RootMode::ReadOnly => "read-only",
        RootMode::Overlay => "overlay",
        RootMode::Write => "write",
    }
}

fn pull_word(pull: Pull) -> &'static str {
    match pull {
        Pull::Missing => "missing",
        Pull::Always => "always",
        Pull::Never => "never",
    }
}

fn ids_word(ids: Ids) -> &'static str {
    match ids {
        Ids::Single => "single",
        Ids::Subuid => "subuid",
        Ids::Auto => "auto",
    }
}

fn tty_word(tty: Tty) -> &'static str {
    match tty {
        Tty::Auto => "auto",
        Tty::Inherit => "inherit",
        Tty::None => "none",
    }
}
