//! What is said about a machine that does not tell what jail must know of it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use snapbox::str;

use super::{refused, says};
use crate::require;
use crate::support::{Feature, Jail, jail_binary};

/// Root in a user and a mount namespace of its own, after this script.
fn different(script: &str) -> Jail {
    let script = format!("{script}; exec \"$@\"");
    Jail::new().through(["unshare", "-Urm", "sh", "-ec", script.as_str(), "sh"])
}

/// The kernel answers otherwise once.
fn with_faults(faults: &[&str]) -> Jail {
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null"].map(str::to_owned);
    let faults = faults.iter().flat_map(|fault| ["-e".to_owned(), format!("inject={fault}")]);
    Jail::new().through(strace.into_iter().chain(faults))
}

#[test]
fn a_working_directory_that_nothing_leads_to() {
    require!(Feature::Userns);
    let unmounted = "mkdir d; mount -t tmpfs none d; cd d; umount -l .";
    let commands: [&[&str]; 5] = [
        &["run", "--", "touch", "ran"],
        &["trust"],
        &["profile", "init"],
        &["profile", "show", "default"],
        &["image", "inspect", "oci:./layout"],
    ];
    for command in commands {
        let jail = different(unmounted);
        let line = [jail_binary().to_str().expect("UTF-8")].into_iter();
        says(
            &jail,
            &jail.run_outside(line.chain(command.iter().copied())),
            125,
            str![[r#"
jail: error: the working directory is outside of the root directory
because: its file system was unmounted, or the root directory is another one by now
help: change to a directory that can be reached from `/`, for example `cd ~`

"#]],
        );
    }
}

#[test]
fn a_working_directory_that_the_kernel_does_not_tell() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    refused(
        with_faults(&["getcwd:error=EACCES"]),
        str![[r#"
jail: error: cannot tell the working directory
because: permission denied [EACCES]
help: change to another one, for example `cd ~`

"#]],
    );
}

#[test]
fn a_kernel_that_does_not_tell_what_it_is() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    refused(
        with_faults(&["uname:error=EFAULT"]),
        str![[r#"
jail: error: cannot ask for the version of the kernel
because: bad address [EFAULT]

"#]],
    );
    // It seems to answer, and writes nothing.
    refused(
        with_faults(&["uname:retval=0"]),
        str![[r#"
jail: error: cannot read the version of the kernel, ``
because: it does not begin with two numbers, as `6.12.1` does

"#]],
    );
    refused(
        with_faults(&["landlock_create_ruleset:error=EIO:when=1"]),
        str![[r#"
jail: error: cannot ask the kernel for its Landlock ABI
because: I/O error [EIO]

"#]],
    );
}

#[test]
fn a_kernel_that_does_not_tell_the_callers_limits() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    refused(
        with_faults(&["prlimit64:error=EPERM"]),
        str![[r#"
jail: error: cannot ask for the limit `core`
because: operation not permitted [EPERM]

"#]],
    );
}

#[test]
fn a_kernel_without_random_numbers() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = with_faults(&["clone3:error=EPERM", "getrandom:error=ENOSYS"]);
    refused(
        jail.args(["--degrade", "namespaces"]),
        str![[r#"
jail: error: cannot choose a name for private directories
because: function not implemented [ENOSYS]

"#]],
    );
}

#[test]
fn a_descriptor_of_huge_pages() {
    require!(Feature::Works("huge-file"));
    let huge = "import os, sys\n\
                os.dup2(os.memfd_create('x', os.MFD_HUGETLB), 7)\n\
                os.execv(sys.argv[1], sys.argv[1:])";
    let jail = Jail::new().through(["python3", "-c", huge]);
    refused(
        jail.args(["--hugepages", "off", "--preserve-fd", "7"]),
        str![[r#"
jail: error: cannot refuse huge pages: descriptor 7 is made of them
 --> --hugepages
because: the command would inherit it, and could map it
help: close it, for example with `7<&-`, or leave `hugepages` out

"#]],
    );
}

#[test]
fn a_descriptor_that_may_be_of_huge_pages() {
    require!(Feature::Program("strace"));
    require!(Feature::Tracing);
    let jail = with_faults(&["fstatfs:error=EIO"]);
    refused(
        jail.args(["--hugepages", "off"]),
        str![[r#"
jail: error: cannot tell whether descriptor 0 is of huge pages
 --> --hugepages
because: I/O error [EIO]
help: close it, for example with `0<&-`, or leave `hugepages` out
jail: error: cannot tell whether descriptor 1 is of huge pages
 --> --hugepages
because: I/O error [EIO]
help: close it, for example with `1<&-`, or leave `hugepages` out
jail: error: cannot tell whether descriptor 2 is of huge pages
 --> --hugepages
because: I/O error [EIO]
help: close it, for example with `2<&-`, or leave `hugepages` out

"#]],
    );
}

/// A mount of another namespace is in no list of this one.
#[test]
fn a_limit_of_io_for_a_path_on_a_mount_of_others() {
    require!(Feature::Userns);
    let outside = Jail::new();
    let mounted = "mount -t tmpfs none /mnt; echo ready; exec sleep 600";
    let line = ["unshare", "-Urm", "sh", "-ec", mounted].map(OsString::from);
    let mut others = outside.start_line(line.into());
    others.wait_for("ready");
    let path = format!("/proc/{}/root/mnt", others.pid());
    let entry = format!("{{ path = \"{path}\", read = \"1M\" }}");
    let profile = format!("[limits]\nio = [{entry}]\n");
    let expected = format!(
        "jail: error: cannot tell which device `{path}` lies on\n --> [ELSEWHERE]/profile-2.toml:2:7\n  \
         |\n2 | io = [{entry}]\n  |       {}\n\
         because: /proc/self/mountinfo does not show its mount\n\
         help: name the block device itself, such as `/dev/sda`\n",
        "^".repeat(entry.len())
    );
    refused(Jail::new().profile(&profile), expected);
}

#[test]
fn ids_of_others_that_are_not_to_be_had() {
    require!(Feature::Userns);
    require!(Feature::Program("newuidmap"));
    let empty = "for file in /etc/subuid /etc/subgid /usr/bin/newuidmap /usr/bin/newgidmap; do \
                 mount --bind /dev/null $file; done";
    refused(
        different(empty).args(["--ids", "subuid"]),
        str![[r#"
jail: error: cannot map more ids than one: `root` has no range in `/etc/subuid`
 --> --ids
help: run `sudo usermod --add-subuids 100000-165535 root`, or set `ids = "auto"`
jail: error: cannot map more ids than one: `root` has no range in `/etc/subgid`
 --> --ids
help: run `sudo usermod --add-subgids 100000-165535 root`, or set `ids = "auto"`
jail: error: cannot map more ids than one: no program `newuidmap`
 --> --ids
help: install the package `uidmap`, or set `ids = "auto"`
jail: error: cannot map more ids than one: no program `newgidmap`
 --> --ids
help: install the package `uidmap`, or set `ids = "auto"`

"#]],
    );
    let jail = different("mount -t tmpfs none /etc").env("USER", "ann");
    refused(
        jail.args(["--ids", "subuid"]),
        str![[r#"
jail: error: cannot map more ids than one: `ann` has no range in `/etc/subuid`
 --> --ids
because: cannot read `/etc/subuid`: no such file or directory [ENOENT]
help: run `sudo usermod --add-subuids 100000-165535 ann`, or set `ids = "auto"`
jail: error: cannot map more ids than one: `ann` has no range in `/etc/subgid`
 --> --ids
because: cannot read `/etc/subgid`: no such file or directory [ENOENT]
help: run `sudo usermod --add-subgids 100000-165535 ann`, or set `ids = "auto"`

"#]],
    );
}

#[test]
fn a_home_that_is_not_known() {
    require!(Feature::Userns);
    let jail = different("mount -t tmpfs none /etc; unset HOME");
    refused(
        jail.args(["--read", "~/x"]),
        str![[r#"
jail: error: cannot expand `~/x`
 --> --read
because: there is no home directory
help: set `HOME`, or write the whole path

"#]],
    );
}

/// The command could give itself the right, and make the directory.
#[test]
fn a_directory_of_jail_that_cannot_be_made_where_the_command_may_write() {
    let jail = Jail::new().home_file("data/there", "");
    let data = jail.home().join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).expect("it is ours");
    let jail = jail.env("XDG_DATA_HOME", &data).args(["--write", "../data"]);
    says(
        &jail,
        &jail.run(["touch", "ran"]),
        125,
        str![[r#"
jail: error: cannot make `[HOME]/data/jail`, to keep the command from making it
because: permission denied [EACCES]
help: make it yourself, or grant less than the directory that it is in

"#]],
    );
    assert_eq!(fs::read_dir(&data).expect("it is there").count(), 1);
}
