//! Who the command is inside, and who starts it.

use std::os::unix::fs::MetadataExt;

use crate::require;
use crate::support::{Feature, Jail};

const WALLS: &str = "status CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp";
const CLOSED: &str = "CapInh=0000000000000000 CapPrm=0000000000000000 CapEff=0000000000000000 \
                      CapBnd=0000000000000000 CapAmb=0000000000000000 NoNewPrivs=1 Seccomp=2";

#[test]
fn the_command_is_its_caller_unless_told_otherwise() {
    let jail = Jail::new();
    let (uid, name) = (jail.user().uid, jail.user().name.clone());
    let ask = ["sh", "-c", "id -u; id -un; echo $USER"];
    jail.run(ask).succeeds().outputs(&format!("{uid}\n{name}\n{name}\n"));
    jail.run(["touch", "mine"]).succeeds();
    let jail = jail.args(["--user", "root"]);
    jail.run(["sh", "-c", "id -u; id -un; touch roots"]).succeeds().outputs("0\nroot\n");
    jail.probe(WALLS).answers(CLOSED);
    for file in ["mine", "roots"] {
        let owner = jail.project().join(file).metadata().expect("it was made").uid();
        assert_eq!(owner, uid, "{file}");
    }
}

#[test]
fn subordinate_ids_are_there_when_asked_for() {
    require!(Feature::Program("newuidmap"));
    let jail = Jail::new().args(["--ids", "subuid"]);
    let uid = jail.user().uid;
    let map = "while read inside outside count; do echo $inside $count; done < /proc/self/uid_map";
    let mapped = jail.run(["sh", "-c", map]);
    mapped.succeeds().output_has("0 ").output_has(&format!("{uid} 1\n"));
    assert!(mapped.stdout_text().lines().count() > 1, "{}", mapped.stdout_text());
    jail.probe(WALLS).answers(CLOSED);
    let jail = jail.args(["--user", "root"]);
    jail.run(["sh", "-c", map]).succeeds().output_has("0 1\n1 ");
    jail.run(["sh", "-c", "id -u; touch roots"]).succeeds().outputs("0\n");
    assert_eq!(jail.project().join("roots").metadata().expect("it was made").uid(), uid);
    jail.probe(WALLS).answers(CLOSED);
}

#[test]
fn automatic_ids_work_on_every_machine() {
    let jail = Jail::new().args(["--ids", "auto"]);
    let uid = jail.user().uid;
    jail.run(["id", "-u"]).succeeds().outputs(&format!("{uid}\n"));
    jail.probe(WALLS).answers(CLOSED);
}

#[test]
fn root_is_protected_from_the_command_as_everybody_is() {
    require!(Feature::Root);
    let jail = Jail::as_root().file("here", "");
    jail.probe(WALLS).answers(CLOSED);
    jail.outside("read /etc/shadow").succeeds();
    jail.probe("read /etc/shadow").refused("ENOENT");
    jail.outside("list /root").succeeds();
    jail.probe("list /root").refused("ENOENT");
    jail.outside("create /usr/jail-test -- unlink /usr/jail-test").succeeds();
    jail.probe("create /usr/jail-test").refused("EROFS");
    jail.probe("list .").answers("here");
}

#[test]
fn root_runs_tools_too() {
    require!(Feature::Root);
    let jail = Jail::as_root().args(["--profile", "ci"]).script("test", "#!/bin/sh\nid -u > id\n");
    jail.run(["./test"]).succeeds();
    assert_eq!(std::fs::read(jail.project().join("id")).expect("it was written"), b"0\n");
    let dropped = Jail::as_root().args(["--user", "1234:1234"]);
    dropped.run(["id", "-u"]).succeeds().outputs("1234\n");
}
