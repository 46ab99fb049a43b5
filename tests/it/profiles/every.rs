//! What holds of every built-in profile, whichever it is.

use super::{all_names, flags, outside};
use crate::support::{Jail, jail_binary};

/// A person who has cloned something and has no more than that.
#[test]
fn every_profile_is_checked_planned_and_run() {
    for name in all_names() {
        let jail = Jail::new().args(flags(&name));
        let words = [jail_binary().as_os_str().to_owned(), "check".into(), name.clone().into()];
        jail.run_outside(words).succeeds().outputs(&format!("{name}: ok\n"));
        let words = [jail_binary().as_os_str().to_owned(), "plan".into()];
        let words = words.into_iter().chain(flags(&name).into_iter().map(Into::into));
        let plan = jail.run_outside(words.chain(["true".into()]));
        plan.succeeds().output_has("seccomp").output_has("landlock");
        jail.run(["sh", "-c", "echo ran"]).outputs("ran\n").is_silent();
    }
}

/// Where no cgroup can be had, a run that wants one is refused.
#[test]
fn no_profile_needs_a_cgroup() {
    let plan = |flags: Vec<String>| {
        let words = [jail_binary().as_os_str().to_owned(), "plan".into()];
        let words = words.into_iter().chain(flags.into_iter().map(Into::into));
        let plan = Jail::new().run_outside(words.chain(["--json".into(), "true".into()]));
        plan.stdout_text()
    };
    for name in all_names() {
        let plan = plan(flags(&name));
        assert!(plan.contains("seccomp") && !plan.contains("\"cgroup\""), "{name}: {plan}");
    }
}

/// What a profile of the same name in the user's directory says holds, on top of the built-in one.
#[test]
fn every_profile_can_be_changed_by_a_file_of_the_same_name() {
    for name in all_names() {
        let own = format!("extends = [\"{name}\"]\n[env]\nset = {{ OWN = \"{name}\" }}\n");
        let jail = Jail::new()
            .home_file(&format!(".config/jail/profiles/{name}.toml"), own)
            .args(flags(&name));
        jail.run(["sh", "-c", "echo $OWN"]).outputs(&format!("{name}\n"));
    }
}

/// What a command leaves in the home is gone, so the next login finds nothing.
#[test]
fn nothing_can_be_planted_in_the_home() {
    const PLACES: &str = ".bashrc .profile .zshrc .ssh/authorized_keys .config/autostart/x.desktop \
                          .gitconfig .local/bin/ls .cargo/config.toml .npmrc .m2/settings.xml \
                          .cargo/bin/cargo .config/jail/profiles/default.toml ../home/beside";
    let plant = format!(
        "cd ~; for place in {PLACES}; do mkdir -p $(dirname $place) 2>/dev/null; \
         echo planted >> $place; done 2>/dev/null; true"
    );
    for name in all_names() {
        let jail = Jail::new()
            .home_file(".bashrc", "")
            .home_file(".gitconfig", "")
            .home_file(".cargo/bin/cargo", "")
            .home_file(".local/bin/ls", "")
            .args(flags(&name));
        jail.run(["sh", "-c", &plant]).succeeds();
        outside(&jail, "grep -rl planted ~ || true").outputs("");
        outside(&jail, &plant).succeeds();
        outside(&jail, "grep -rl planted ~ | wc -l").outputs("13\n");
    }
}
