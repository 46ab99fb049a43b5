//! What is said about profiles, and values in them, that cannot be used.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use snapbox::str;

use super::{refused, says};
use crate::support::{Finished, Jail, jail_binary};

fn not_utf8() -> OsString {
    OsString::from_vec(b"caf\xe9".to_vec())
}

fn jail_command(jail: &Jail, words: &[&str]) -> Finished {
    let program = [jail_binary().to_str().expect("UTF-8")].into_iter();
    jail.run_outside(program.chain(words.iter().copied()))
}

#[test]
fn a_name_of_a_profile_that_is_a_file_here() {
    let jail = Jail::new().file("mine.toml", "");
    refused(
        jail.args(["--profile", "mine"]),
        str![[r#"
jail: error: there is no profile `mine`
 --> --profile
help: to name the file here, write `./mine.toml`

"#]],
    );
}

#[test]
fn a_name_of_a_profile_that_is_like_no_other() {
    refused(
        Jail::new().args(["--profile", "cargo"]),
        str![[r#"
jail: error: there is no profile `cargo`
 --> --profile
help: the profiles are `agent`, `base`, `c`, `ci`, `default`, `dev`, `git`, `go`, `java`, `node`, `packages`, `python`, `rust`, `shell`, `strict`, `untrusted`

"#]],
    );
    refused(
        Jail::new().args(["--profile", "toolchain"]),
        str![[r#"
jail: error: there is no profile `toolchain`
 --> --profile
help: did you mean `toolchains`?

"#]],
    );
    refused(
        Jail::new().args(["--profile", "env"]),
        str![[r#"
jail: error: there is no profile `env`
 --> --profile
help: did you mean `env-files`?

"#]],
    );
}

#[test]
fn a_chain_of_profiles_that_does_not_end() {
    let mut jail = Jail::new();
    for number in 0..70 {
        let next = format!("extends = [\"./{}.toml\"]\n", number + 1);
        jail = jail.file(format!("{number}.toml"), next);
    }
    refused(
        jail.args(["--profile", "./0.toml"]),
        str![[r#"
jail: error: profile `./64.toml` is too far down
 --> ./63.toml:1:12
  |
1 | extends = ["./64.toml"]
  |            ^^^^^^^^^^^
because: 64 profiles already extend one another
help: put what some of them say into one

"#]],
    );
}

#[test]
fn a_trusted_profile_that_extends_what_has_changed() {
    let jail = Jail::new()
        .file(".jail.toml", "extends = [\"default\", \"./more.toml\"]\n")
        .file("more.toml", "[process]\nhostname = \"mine\"\n");
    jail_command(&jail, &["trust"]).succeeds();
    jail.run(["hostname"]).outputs("mine\n");
    let jail = jail.file("more.toml", "[process]\nhostname = \"other\"\n");
    refused(
        jail,
        str![[r#"
jail: error: `~/project/more.toml` is not what was trusted
 --> ./.jail.toml:1:23
  |
1 | extends = ["default", "./more.toml"]
  |                       ^^^^^^^^^^^^^
because: it has changed since
help: read it, then say `jail trust` again; `--profile default` does without

"#]],
    );
}

#[test]
fn values_that_mean_nothing() {
    refused(
        Jail::new().args(["--read", "${OUT-x}"]),
        str![[r#"
jail: error: cannot expand `${OUT-x}`
 --> --read
because: `OUT-x` is not understood
help: write `${VAR}` or `${VAR:-default}`

"#]],
    );
    refused(
        Jail::new().args(["--cpuset-cpus", "0-8192"]),
        str![[r#"
jail: error: there is no processor 8192
 --> --cpuset
because: Linux numbers them from 0 to 8191 at most
help: see those of this machine by `lscpu --extended`

"#]],
    );
    let jail = Jail::new().flag("--image").flag(not_utf8());
    refused(
        jail,
        str![[r#"
jail: error: `caf�` is no name of an image
 --> --image
because: it is not valid UTF-8

"#]],
    );
    refused(
        Jail::new().args(["--cap-add", "NET_BIND"]),
        str![[r#"
jail: error: unknown capability `NET_BIND`
 --> --cap-add
help: did you mean `CAP_NET_BIND_SERVICE`?

"#]],
    );
}

#[test]
fn limits_that_jail_does_not_set() {
    let limited = |limit: &str| Jail::new().args(["--ulimit", limit]);
    refused(
        limited("as=1G"),
        str![[r#"
jail: error: jail does not set the limit `as`
 --> --ulimit
because: addresses that are not used cost nothing
help: use `--memory`, or `--ulimit data=SIZE`

"#]],
    );
    refused(
        limited("locks=1"),
        str![[r#"
jail: error: jail does not set the limit `locks`
 --> --ulimit
because: the kernel has not heeded it since 2.4.25
help: leave it out

"#]],
    );
    refused(
        limited("nice=1"),
        str![[r#"
jail: error: jail does not set the limit `nice`
 --> --ulimit
because: it says how far niceness may be lowered again
help: use `--nice` to set the niceness

"#]],
    );
    refused(
        limited("volume=1"),
        str![[r#"
jail: error: unknown limit `volume`
 --> --ulimit
help: the limits are `core`, `cpu-time`, `data`, `fsize`, `memlock`, `nofile`, `nproc`, `stack`

"#]],
    );
}

#[test]
fn a_destination_that_is_none() {
    let jail = Jail::new().args(["--network", "allow", "--allow", "exa mple.org:443"]);
    refused(
        jail,
        str![[r#"
jail: error: cannot allow `exa mple.org:443`
 --> --allow
because: letters, digits, `-`, `.` and `_` are allowed, ` ` is not
help: write it as `example.org:443`, `*.example.org:443`, `192.0.2.0/24:5432` or `[2001:db8::1]:22`

"#]],
    );
}

/// A profile is text, in which not every name of a directory can stand.
#[test]
fn what_cannot_stand_in_a_profile_is_not_shown() {
    let shown = |text: &str| {
        let jail = Jail::new();
        let place = jail.project().join(not_utf8());
        let jail = jail.file(place.join("p.toml"), text).cwd(not_utf8());
        let shown = jail_command(&jail, &["profile", "show", "./p.toml"]);
        (jail, shown)
    };
    let (jail, root) = shown("[filesystem]\nroot = './r'\n");
    says(
        &jail,
        &root,
        125,
        str![[r#"
jail: error: cannot write down `[PROJECT]/caf�`
 --> ./p.toml:2:8
  |
2 | root = './r'
  |        ^^^^^
because: it is not UTF-8, as all text of a profile is
help: move the profile to a directory with a plainer name

"#]],
    );
    let (jail, policy) = shown("[seccomp]\npolicy = './p.json'\n");
    says(
        &jail,
        &policy,
        125,
        str![[r#"
jail: error: cannot write down `[PROJECT]/caf�`
 --> ./p.toml:2:10
  |
2 | policy = './p.json'
  |          ^^^^^^^^^^
because: it is not UTF-8, as all text of a profile is
help: move the profile to a directory with a plainer name

"#]],
    );
}
