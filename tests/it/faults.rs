//! Hard times: limits, odd names, full disks, and a kernel that says no in the middle.

mod contact;
mod deeds;
mod injection;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::support::Jail;

fn after(jail: Jail, preparation: &str) -> Jail {
    let script = format!("{preparation}; exec \"$@\"");
    jail.through(["bash", "-c", &script, "bash"])
}

#[test]
fn sixteen_descriptors_are_enough_and_stay_the_limit() {
    let jail = after(Jail::new(), "ulimit -n 16");
    jail.run(["sh", "-c", "ulimit -n"]).succeeds().outputs("16\n");
}

#[test]
fn fewer_descriptors_are_refused_with_the_limit_named() {
    for limit in 4..16 {
        let jail = after(Jail::new(), &format!("ulimit -n {limit}"));
        let finished = jail.run(["touch", "ran"]);
        if !finished.status.success() {
            finished.exits(125).says("[EMFILE]").says("ulimit -n 64");
            assert!(!jail.project().join("ran").exists());
        }
    }
}

#[test]
fn small_limits_are_the_commands_and_do_not_stop_the_set_up() {
    for limit in ["-v 131072", "-l 0", "-S -f 0", "-c 0", "-s 256"] {
        after(Jail::new(), &format!("ulimit {limit}")).run(["true"]).succeeds();
    }
    let jail = after(Jail::new(), "ulimit -S -f 0");
    jail.run(["sh", "-c", "ulimit -S -f; ulimit -H -f"]).succeeds().outputs("0\nunlimited\n");
}

#[test]
fn limits_that_nothing_can_start_under_are_named() {
    let jail = after(Jail::new(), "ulimit -f 0");
    jail.run(["true"]).exits(125).says("[EFBIG]").says("ulimit -f unlimited");
    let jail = after(Jail::new(), "ulimit -u 1");
    jail.run(["true"]).exits(125).says("[EAGAIN]").says("ulimit -u");
}

#[test]
fn closed_standard_streams_do_no_harm() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let jail = Jail::new().through(["bash", "-c", &format!("exec \"$@\" {closed}"), "bash"]);
        jail.run(["sh", "-c", "true > ran"]).succeeds();
        assert!(jail.project().join("ran").exists(), "{closed}");
    }
}

#[test]
fn a_umask_that_denies_all_is_the_commands_alone() {
    let jail = after(Jail::new(), "umask 0777");
    jail.run(["sh", "-c", "umask; ls /etc/passwd; cd /run; touch x; ls"])
        .succeeds()
        .outputs("0777\n/etc/passwd\nx\n");
}

#[test]
fn any_home_will_do() {
    for home in ["env -u HOME", "env HOME=", "env HOME=/missing/home", "env HOME=a/b", "env -i"] {
        let words = home.split(' ').map(OsString::from);
        Jail::new().through(words).run(["/bin/true"]).succeeds();
    }
}

#[test]
fn long_environments_and_arguments_pass() {
    let value = "v".repeat(100_000);
    let mut jail = Jail::new().args(["--env", "LONG_*"]);
    for number in 0..12 {
        jail = jail.env(format!("LONG_{number}"), &value);
    }
    jail.run(["sh", "-c", "echo ${#LONG_11}"]).succeeds().outputs("100000\n");

    let mut line = vec![OsString::from("/bin/sh"), "-c".into(), "echo $#".into(), "sh".into()];
    line.extend((0..15).map(|_| OsString::from(&value)));
    Jail::new().run(line).succeeds().outputs("15\n");
}

#[test]
fn names_of_any_bytes_pass() {
    let odd = || OsString::from_vec(b"odd-\xff\xfe".to_vec());
    let jail = Jail::new().args(["--env", "ODD"]).env("ODD", odd());
    let finished = jail.run([OsString::from("printf"), "%s".into(), odd()]);
    assert_eq!(finished.succeeds().stdout, b"odd-\xff\xfe");
    assert_eq!(jail.run(["printenv", "ODD"]).succeeds().stdout, b"odd-\xff\xfe\n");
}

#[test]
fn directories_of_any_name_are_granted_and_overlaid() {
    let names: [&[u8]; 6] = [b"new\nline", b"co:lon", b"com,ma", b"back\\slash", b"\xff\xfe", b" "];
    for name in names {
        let name = OsString::from_vec(name.to_vec());
        let jail = Jail::new();
        std::fs::create_dir(jail.project().join(&name)).unwrap();
        jail.user().own(&jail.project().join(&name));
        let jail = jail.cwd(&name);
        jail.run(["sh", "-c", "echo kept > file"]).succeeds();
        assert!(jail.project().join(&name).join("file").exists(), "{name:?}");
        let jail = jail.args(["--overlay", "."]);
        jail.run(["sh", "-c", "cat file; echo lost > new; ls"])
            .succeeds()
            .outputs("kept\nfile\nnew\n");
        assert!(!jail.project().join(&name).join("new").exists(), "{name:?}");
    }
}

#[test]
fn a_full_scratch_file_system_is_the_commands_trouble_alone() {
    let fill =
        "dd if=/dev/zero of=big bs=1M count=600 2>&1 | grep -c 'No space left'; rm big; echo ok";
    let jail = Jail::new().args(["--overlay", "."]);
    jail.run(["sh", "-c", fill]).succeeds().outputs("1\nok\n");
    assert!(!jail.project().join("big").exists());
    let fill =
        "cd /tmp; head -c 2M /dev/zero 2>&1 > big | grep -c 'No space left'; rm big; echo ok";
    let jail = Jail::new().args(["--tmpfs", "/tmp:size=1M"]);
    jail.run(["sh", "-c", fill]).succeeds().outputs("1\nok\n");
}

#[test]
fn root_of_a_user_namespace_without_setgroups_has_jails_too() {
    let jail = Jail::new().through(["unshare", "-Ur"]);
    jail.run(["true"]).succeeds();
}

#[test]
fn a_rootfs_whose_tmp_leads_to_its_root_stays_as_it_is() {
    for mode in ["read-only", "overlay", "write"] {
        let jail = Jail::new().directory("rootfs/proc").directory("rootfs/dev");
        let jail = jail.directory("rootfs/run");
        let jail = jail.directory("rootfs/usr").link("rootfs/tmp", "/../../..");
        let jail = jail.args(["--profile", "base", "--workdir", "/", "--root", "./rootfs"]);
        let jail = jail.args(["--read", "/usr", "--read", "/lib64", "--root-mode", mode]);
        jail.run(["/usr/bin/true"]).exits(125);
        let entries = std::fs::read_dir(jail.project().join("rootfs")).expect("it is there");
        assert_eq!(entries.count(), 5, "{mode}");
    }
}
