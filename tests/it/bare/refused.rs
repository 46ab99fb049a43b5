//! What cannot be had without namespaces is refused, where it stands, and with what to do.

use super::{CONTAINER, bare};
use crate::require;
use crate::support::{Feature, Jail, jail_binary, probe_binary};

#[track_caller]
fn refused(profile: &str, title: &str, help: &str) {
    let jail = bare().file("there/file", "x").directory("dir");
    let project = jail.project().display().to_string();
    let jail = jail.profile(&format!("{profile}\n"));
    let finished = jail.run(["true"]);
    let whole = |words: &str| words.replace("PROJECT", &project);
    finished
        .exits(125)
        .outputs("")
        .says(&format!("jail: error: {} without namespaces\n", whole(title)));
    finished.says(".toml:2:").says(&format!("\nhelp: {}\n", whole(help)));
}

#[test]
fn each_key_is_refused_by_its_line() {
    let etc = "leave it out: the command sees the host's own files in /etc";
    let mode = "use `none`, or `host`, where `allow` can name ports: `*:443`";
    for (profile, title, help) in [
        (
            "[filesystem]\noverlay = [\"./dir\"]",
            "cannot mount an overlay over `PROJECT/dir`",
            "leave it out, or grant a copy under `write`",
        ),
        (
            "[filesystem]\nmask = [\"./there/file\"]",
            "cannot hide `PROJECT/there/file`",
            "grant parts of `PROJECT` instead of all of it",
        ),
        (
            "[filesystem]\ntmpfs = [\"/scratch\"]",
            "cannot mount a tmpfs on `/scratch`",
            "leave it out: the command has a private directory in TMPDIR",
        ),
        (
            "[filesystem]\nbind = [{ from = \"./dir\", to = \"/data\" }]",
            "cannot show `PROJECT/dir` at `/data`",
            "grant it where it is, under `read` or `write`",
        ),
        ("[filesystem]\nroot = \"empty\"", "an empty root cannot be had", "use `root = \"host\"`"),
        ("[filesystem]\nroot = \"./dir\"", "another root cannot be had", "use `root = \"host\"`"),
        (
            "[filesystem]\nroot-mode = \"overlay\"",
            "the root cannot be writable",
            "use `root-mode = \"read-only\"`",
        ),
        ("[network]\nmode = \"nat\"", "network mode `nat` cannot be had", mode),
        ("[network]\nmode = \"allow\"", "network mode `allow` cannot be had", mode),
        (
            "[network]\npublish = [\"127.0.0.1:8080:80\"]",
            "`127.0.0.1:8080:80` cannot be published",
            "use `mode = \"host\"`, and listen on that port",
        ),
        ("[network]\nhosts = { db = \"127.0.0.1\" }", "`hosts` cannot be had", etc),
        (
            "[process]\nuser = \"root\"",
            "the command cannot be another user",
            "use `user = \"keep\"`",
        ),
        (
            "[process]\nhostname = \"box\"",
            "the host name cannot be another",
            "leave `hostname` out",
        ),
        ("[process]\nnesting = true", "nested namespaces cannot be had", "leave `nesting` off"),
        ("[landlock]\nenabled = false", "Landlock cannot be off", "leave Landlock on"),
        ("[seccomp]\npolicy = \"off\"", "the filter cannot be off", "take the policy `default`"),
        (
            "[capabilities]\nkeep = [\"CAP_CHOWN\"]",
            "`CAP_CHOWN` cannot be kept",
            "do without the capability: it would be one over the host",
        ),
    ] {
        refused(profile, title, help);
    }
}

/// Landlock takes nothing away below what is granted.
#[test]
fn what_is_read_only_below_a_writable_directory_takes_a_second_leave() {
    let jail = bare().directory(".git/hooks");
    let hooks = jail.project().join(".git/hooks");
    jail.run(["true"])
        .exits(125)
        .outputs("")
        .says(&format!("cannot keep `{}` read-only without namespaces", hooks.display()))
        .says("--degrade nested-rules, in a profile degrade = [\"nested-rules\"]");
    let jail = jail.args(["--degrade", "nested-rules", "--report", "fd:1"]);
    jail.run(["sh", "-c", "echo x > .git/hooks/new"])
        .succeeds()
        .says(&format!("the command can write to `{}`; continuing without", hooks.display()))
        .reports("/degraded", serde_json::json!(["namespaces", "nested-rules"]));
}

/// A leave for the one is none for the other.
#[test]
fn a_mask_is_refused_also_then() {
    let jail = bare().file(".env", "s3cr3t").args(["--degrade", "nested-rules"]);
    jail.profile("[filesystem]\nmask = [\"./.env\"]\n")
        .run(["true"])
        .exits(125)
        .says("cannot hide `")
        .says(".toml:2:");
}

/// It says what the next run may do.
#[test]
fn the_profile_in_use_is_not_given_to_the_command_silently() {
    let jail = bare().file("own.toml", "[filesystem]\nwrite = [\".\"]\n");
    let jail = jail.args(["--profile", "default", "--profile", "./own.toml"]);
    jail.run(["true"]).exits(125).says("/own.toml` read-only without namespaces");
}

#[test]
fn a_mask_of_what_is_not_granted_is_none() {
    let jail = bare().home_file("secret", "s3cr3t");
    let jail = jail.profile("[filesystem]\nmask = [\"~/secret\"]\n");
    jail.probe(&format!("read {}", jail.home().join("secret").display())).refused("EACCES");
}

/// The private directory above it would be gone.
#[test]
fn a_grant_above_what_is_private_is_refused() {
    bare().args(["--read", "/var"]).run(["true"]).exits(125).says(
        "jail: error: cannot keep apart `/var/tmp` without namespaces\n --> --read\n\
             because: `/var` is granted, and Landlock takes nothing away below a grant\n\
             help: grant parts of `/var` instead of all of it\n",
    );
}

#[test]
fn an_image_is_refused() {
    let program = jail_binary().to_str().expect("a path in UTF-8");
    let import = "mkdir root && tar -cf root.tar -C root . && exec \"$0\" image import -q tar:root.tar plain:1";
    let jail = bare();
    jail.run_outside(["sh", "-c", import, program]).succeeds();
    jail.args(["--image", "plain:1"]).run(["true"]).exits(125).outputs("").says(
        "jail: error: an image cannot be run without namespaces\n --> --image\n\
         help: use `root = \"host\"`\n",
    );
}

/// Here a run has none of its own.
#[test]
fn what_is_of_the_whole_machine_is_called_so() {
    for (path, place, help) in [
        ("/proc/self", "/proc", "remove the rule"),
        ("/dev/shm", "/dev/shm", "remove the rule"),
        ("/dev/null", "/dev", "name the device under `devices`, or with `--device`"),
    ] {
        bare().args(["--read", path]).run(["true"]).exits(125).outputs("").says(&format!(
            "jail: error: cannot read `{path}`\n --> --read\n\
             because: without namespaces `{place}` is that of the whole machine\nhelp: {help}\n"
        ));
    }
}

#[test]
fn an_interface_of_the_kernel_is_refused_also_elsewhere() {
    require!(Feature::Root);
    let jail = Jail::as_root().directory("sub").args(["--degrade", "namespaces"]);
    let policy = jail.elsewhere().join("container.json");
    let jail = jail.file(&policy, CONTAINER);
    let mounted = "mount -t proc proc sub && exec \"$@\"";
    let probe = probe_binary().to_str().expect("a path in UTF-8");
    let policy = policy.to_str().expect("a path in UTF-8").to_owned();
    let line = ["unshare", "--mount", "sh", "-c", mounted, "sh", probe, "under-policy", &policy];
    let jail = jail.through(line).args(["--read", "./sub/sys"]);
    let place = jail.project().join("sub");
    jail.run(["true"]).exits(125).outputs("").says(&format!(
        "because: `{}` is an interface to the kernel of this machine\nhelp: remove the rule\n",
        place.display()
    ));
}
