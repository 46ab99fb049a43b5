//! Directories of ours: where there are none, and where they are somebody else's.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::commands::{image, store};
use super::layers::{BUSYBOX, Images};
use crate::require;
use crate::support::{Feature, Jail, jail_binary};
use crate::words::told;

const PROGRAM: Feature = Feature::Path("/bin/busybox");

/// Who is in no list of users, and so has no home but HOME.
fn unknown() -> Jail {
    let ids = ["--map-user=54321", "--map-group=54321"];
    Jail::new().through([&["env", "-u", "HOME", "unshare", "-U"], &ids[..]].concat())
}

#[test]
fn without_a_home_there_is_no_place_for_images_and_for_what_is_kept() {
    require!(PROGRAM);
    require!(Feature::Userns);
    let jail = unknown();
    let expected = "\
jail: error: there is no place for images: no home directory is known
help: set HOME or XDG_DATA_HOME to an absolute path
";
    told(&jail, image(&jail, &["list"]).outputs(""), 125, expected);
    Images::default().image("small", &[BUSYBOX], |_| ()).into_store_of(&jail);
    let data = jail.home().join(".local/share");
    let jail = jail.env("XDG_DATA_HOME", &data).args(["--image", "small", "--keep", "work"]);
    let expected = "\
jail: error: cannot keep changes under the name `work`
 --> --keep
because: there is no home directory to keep them in
help: set HOME, or XDG_STATE_HOME
";
    told(&jail, jail.run(["touch", "ran"]).outputs(""), 125, expected);
    let line = [jail_binary().as_os_str(), "trust".as_ref(), "--yes".as_ref()];
    let jail = jail.file(".jail.toml", "");
    let expected = "\
jail: error: there is no place to remember what is trusted
because: no home directory is known
help: set HOME or XDG_STATE_HOME to an absolute path
";
    told(&jail, &jail.run_outside(line), 125, expected);
}

fn owner(path: &Path) -> (u32, u32) {
    let found = fs::metadata(path).unwrap();
    (found.uid(), found.mode() & 0o7777)
}

/// As after `sudo -E`: what is there is the user's, and has to stay so.
#[test]
fn root_is_not_told_to_take_from_a_user_what_is_the_users() {
    require!(Feature::Root);
    require!(PROGRAM);
    let user = Jail::new().file(".jail.toml", "[process]\nhostname = 'mine'\n");
    Images::default().image("small", &[BUSYBOX], |_| ()).into_store_of(&user);
    let line = [jail_binary().as_os_str(), "trust".as_ref(), "--yes".as_ref()];
    user.run_outside(line).succeeds();
    let kept = user.args(["--image", "small", "--keep", "work"]);
    kept.run(["pwd"]).succeeds();
    let state = kept.home().join(".local/state");
    let ours = [store(&kept), state.join("jail/trust"), state.join("jail/keep/work")];
    let before: Vec<_> = ours.iter().map(|place| owner(place)).collect();

    let root = Jail::as_root().env("HOME", kept.home());
    let places = |expected: &str| expected.replace("[USER]", kept.home().to_str().unwrap());
    let expected = places(
        "\
jail: error: the image store `[USER]/.local/share/jail` is not trusted
because: it belongs to another user, who could change images in it
help: run jail as that user, or with HOME=/root and without XDG_DATA_HOME
",
    );
    for words in [&["list"][..], &["prune"], &["remove", "small"]] {
        told(&root, image(&root, words).outputs(""), 125, expected.clone());
    }
    let root = root.file(".jail.toml", "[process]\nhostname = 'other'\n");
    let expected = places(
        "\
jail: error: cannot tell what is trusted: `[USER]/.local/state/jail/trust`
because: it belongs to another user
help: run jail as that user, or with HOME=/root and without XDG_STATE_HOME
",
    );
    told(&root, root.run(["pwd"]).outputs(""), 125, expected.clone());
    told(&root, &root.run_outside(line), 125, expected);

    let root = Jail::as_root().env("XDG_STATE_HOME", &state);
    Images::default().image("small", &[BUSYBOX], |_| ()).into_store_of(&root);
    let root = root.args(["--profile", "default", "--image", "small", "--keep", "work"]);
    let expected = places(
        "\
jail: error: cannot use what is kept as `work`
 --> --keep
because: `[USER]/.local/state/jail/keep/work` belongs to another user
help: run jail as that user, or with HOME=/root and without XDG_STATE_HOME
",
    );
    told(&root, root.run(["pwd"]).outputs(""), 125, expected);
    assert_eq!(ours.iter().map(|place| owner(place)).collect::<Vec<_>>(), before);
    kept.run(["pwd"]).succeeds();
}

#[test]
fn what_belongs_to_others_is_not_used() {
    require!(Feature::Root);
    require!(PROGRAM);
    let jail = Jail::new().file(".jail.toml", "[process]\nhostname = 'mine'\n");
    let line = [jail_binary().as_os_str(), "trust".as_ref(), "--yes".as_ref()];
    jail.run_outside(line).succeeds();
    let state = jail.home().join(".local/state/jail");
    chown(state.join("trust"), Some(0), None).unwrap();
    let expected = "\
jail: error: cannot tell what is trusted: `[HOME]/.local/state/jail/trust`
because: it belongs to another user
help: move it away, and say `jail trust` again
";
    told(&jail, jail.run(["touch", "ran"]).outputs(""), 125, expected);
    fs::rename(state.join("trust"), state.join("away")).unwrap();
    jail.run_outside(line).succeeds();
    fs::set_permissions(state.join("trust"), fs::Permissions::from_mode(0o770)).unwrap();
    let expected = "\
jail: error: cannot tell what is trusted: `[HOME]/.local/state/jail/trust`
because: others may have written to it
help: look at what is in it, then run `chmod 700 [HOME]/.local/state/jail/trust`
";
    told(&jail, jail.run(["touch", "ran"]).outputs(""), 125, expected);

    let jail = Jail::new();
    Images::default().image("small", &[BUSYBOX], |_| ()).into_store_of(&jail);
    let jail = jail.args(["--image", "small", "--keep", "work"]);
    jail.run(["pwd"]).succeeds();
    let kept = jail.home().join(".local/state/jail/keep/work");
    chown(&kept, Some(0), None).unwrap();
    let expected = "\
jail: error: cannot use what is kept as `work`
 --> --keep
because: `[HOME]/.local/state/jail/keep/work` belongs to another user
help: keep under another name
";
    told(&jail, jail.run(["pwd"]).outputs(""), 125, expected);
    chown(store(&jail), Some(0), None).unwrap();
    let expected = "\
jail: error: the image store `[HOME]/.local/share/jail` is not trusted
because: it belongs to another user, who could change images in it
help: move it away, or set XDG_DATA_HOME to a directory of your own
";
    told(&jail, image(&jail, &["list"]).outputs(""), 125, expected);
    let own = jail.home().join("own");
    fs::create_dir(&own).unwrap();
    jail.user().own(&own);
    let jail = jail.env("XDG_DATA_HOME", own);
    image(&jail, &["list", "--json"]).succeeds().outputs("[]\n");
}
