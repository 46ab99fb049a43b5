//! Images on other kernels: where layers go in one string, and where there is no overlay at all.

use std::fs;
use std::path::Path;

use crate::images::layout::{Layout, Packing};
use crate::images::tar::Tar;
use crate::require;
use crate::support::{Feature, Machine};

/// More words for the checks.
const WORDS: &str = r#"
import() { /share/jail image import -q "oci:/share/$1:latest" "$1" >/dev/null; }
copies() { ls ~/.local/share/jail/copies 2>/dev/null | wc -l; }
"#;

/// What is seen of [`small`]: through whiteouts, an opaque directory, and one that hides a file.
const LOOK: &str = "cat /etc/name; ls /opaque; ls /gone /opaque/low 2>/dev/null; cat /hidden/file";
const SEEN: &str = "top\nnew\nupper\n";

/// A system of one static program, and two layers that change it.
fn small(place: &Path) {
    let busybox = fs::read("/bin/busybox").expect("begin with `require!(PROGRAM)`");
    let mut lower = Tar::new().directory("bin/", 0o755).file("bin/busybox", 0o755, busybox);
    for name in ["sh", "cat", "ls", "rm", "mv", "mkdir", "stat", "grep", "sleep", "echo", "true"] {
        lower = lower.symlink(&format!("bin/{name}"), "busybox");
    }
    for name in ["proc/", "dev/", "tmp/", "etc/", "run/", "opaque/", "opaque/low/", "tree/"] {
        lower = lower.directory(name, 0o755);
    }
    let lower = lower
        .directory("vault/", 0o700)
        .file("etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n")
        .file("etc/name", 0o644, "low\n")
        .file("gone", 0o644, "x")
        .file("hidden", 0o644, "a file that becomes a directory")
        .file("tree/file", 0o644, "x");
    let middle = Tar::new()
        .file(".wh.gone", 0o644, "")
        .directory("opaque/", 0o755)
        .file("opaque/.wh..wh..opq", 0o644, "")
        .file("opaque/new", 0o644, "x")
        .file("vault/named", 0o644, "the directory has no entry");
    let top = Tar::new()
        .file(".wh.hidden", 0o644, "")
        .directory("hidden/", 0o755)
        .file("hidden/file", 0o644, "upper\n")
        .file("etc/name", 0o644, "top\n");
    image(place.join("small"), &[lower.clone(), middle, top]);
    let many = (0..150).map(|number| {
        Tar::new().file("top", 0o644, format!("{number}\n")).file(
            &format!("file{number}"),
            0o644,
            "x",
        )
    });
    image(place.join("many"), &[lower].into_iter().chain(many).collect::<Vec<_>>());
}

fn image(place: std::path::PathBuf, layers: &[Tar]) {
    Layout::lying(place, Packing::Plain, layers, |_, config| {
        config["config"]["User"] = "".into();
    });
}

/// Before Linux 6.5 overlayfs takes its layers in one string. On ext4, where what is hidden can be
/// written down.
pub fn in_one_string(machine: Machine) -> Machine {
    machine
        .words(WORDS)
        .share(small)
        .check("import small; import many; /share/jail image verify", |it| {
            it.succeeds().output_has("all as it should be");
        })
        .check(format!("jail --image small -- sh -c '{LOOK}'"), |it| {
            it.outputs(SEEN).says("warning: the command cannot remove or rename directories");
        })
        // It can be had, so nothing is copied.
        .check("jail --image small --degrade overlay -- cat /etc/name; copies", |it| {
            it.outputs("top\n0\n").says_nothing_of("private copy");
        })
        .check("jail --image many -- sh -c 'cat /top /etc/name; ls / | grep -c file'", |it| {
            it.succeeds().outputs("149\nlow\n150\n");
        })
        .check("ulimit -S -n 64; jail --image many -- sh -c 'cat /top; ulimit -n'", |it| {
            it.succeeds().outputs("149\n64\n");
        })
        .check("ulimit -n 100; jail --image many -- cat /top", |it| {
            it.exits(125).outputs("").says("[EMFILE]").says("ulimit -n 1024");
        })
        .check(
            "FLAGS='--image small --keep work'
            jail $FLAGS -- sh -c 'rm -r /opaque; mv /tree /moved; mkdir /opaque; echo kept >/new'
            jail $FLAGS -- sh -c 'ls /opaque; ls -d /tree; cat /new; ls /moved'",
            |it| {
                it.succeeds().outputs("kept\nfile\n").says_nothing_of("warning");
            },
        )
        .check("jail --image small --read-only -- sh -c 'echo x >/new'", |it| {
            it.exits(1).says("Read-only file system");
        })
        // A directory that no entry names: the upper layer's in a run, the lower one's in a tree.
        .check(
            "jail --image small -- stat -c %a /vault
            /share/jail image unpack small tree && stat -c %a tree/vault",
            |it| {
                it.succeeds().outputs("755\n700\n");
            },
        )
}

#[test]
fn a_kernel_without_overlays_runs_images_on_copies_if_that_is_allowed() {
    require!(Feature::Machines);
    require!(Feature::Path("/bin/busybox"));
    let machine = Machine::new("trixie")
        .option("--append")
        .option("module_blacklist=overlay")
        .words(WORDS)
        .share(small)
        .check("! grep -w overlay /proc/filesystems && jail -- true", |it| {
            it.succeeds().is_silent();
        })
        .check("import small && import many", |it| {
            it.succeeds();
        })
        .check("jail --image small -- echo started; jail --image small --keep x true", |it| {
            it.exits(125).outputs("").says("[ENODEV]").says("sudo modprobe overlay");
            it.says("--degrade overlay").says("degrade = [\"overlay\"]");
        });
    refused_for_directories(copied(machine)).boot();
}

fn copied(machine: Machine) -> Machine {
    let degraded = "jail --image small --degrade overlay";
    machine
        .check(format!("{degraded} -- sh -c '{LOOK}'; copies"), |it| {
            it.succeeds().outputs(&format!("{SEEN}0\n"));
            it.says("warning: no overlay is mounted; continuing on a private copy");
            it.says("this kernel has no overlayfs, or not its module [ENODEV]");
        })
        .check(format!("{degraded} -- stat -c %a /vault"), |it| {
            it.outputs("700\n");
        })
        .check(
            "jail --image many --degrade overlay -- sh -c 'cat /top; ls / | grep -c file'; copies",
            |it| {
                it.outputs("149\n150\n0\n");
            },
        )
        .check(
            format!(
                "{degraded} -- sh -c 'rm -r /tree /opaque; mkdir -p /shut/in; echo >/shut/in/x
                /bin/busybox chmod 0 /shut/in /shut; ls -d /tree'; copies
                {degraded} -- ls /tree"
            ),
            |it| {
                it.succeeds().outputs("0\nfile\n");
            },
        )
        .check(
            format!(
                "FLAGS='--keep work'; {degraded} $FLAGS -- sh -c 'rm -r /tree; echo kept >/new'
                {degraded} $FLAGS -- sh -c 'cat /new; ls -d /tree; echo $?'; copies"
            ),
            |it| {
                it.outputs("kept\n1\n0\n").says("what is kept as `work` is a whole copy");
            },
        )
        .check(
            // The word `jail` would leave the number of a shell in $!.
            format!(
                "/share/jail run --image small --degrade overlay -- sleep 1000 &
                patiently pidof sleep && kill -9 $!
                patiently sh -c '! pidof sleep jail >/dev/null'; copies
                {degraded} -- true; copies"
            ),
            |it| {
                it.output_has("\n1\n0\n");
            },
        )
}

/// Nothing is copied that is not an image's.
fn refused_for_directories(machine: Machine) -> Machine {
    machine
        .check("mkdir low; jail --degrade overlay --overlay ./low -- echo started", |it| {
            it.exits(125).outputs("").says("cannot mount an overlay over").says("[ENODEV]");
            it.says("only an image can be copied instead");
        })
        .check("mkdir root; jail --degrade overlay --root ./root -- echo started", |it| {
            it.exits(125).outputs("").says("as the root directory").says("[ENODEV]");
            it.says("only an image can be copied instead");
        })
        .check(
            "mkdir low; jail --image small --degrade overlay --overlay ./low -- echo started",
            |it| {
                it.exits(125).outputs("").says("cannot mount an overlay over");
                it.says("only an image is copied instead");
            },
        )
}
