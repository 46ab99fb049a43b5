//! Every format that other programs write, imported by the user: the tree is the same.

use std::fs;
use std::path::{Path, PathBuf};

use crate::require;
use crate::support::{Feature, Jail, Tree, real_images};

use super::others::{Storage, of_umoci, ours, tool};
use super::trees::CHANGED;

/// `small`, from a layout that no test writes to.
fn small() -> String {
    format!("oci:{}:small", real_images().unwrap().join("oci").display())
}

/// Where another program writes to.
struct Place {
    jail: Jail,
    /// What must come out, made by umoci.
    expected: Tree,
}

impl Place {
    fn new() -> Self {
        let jail = Jail::new();
        let expected = of_umoci(&jail, &real_images().unwrap().join("oci"), "small");
        Self { jail, expected }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.jail.elsewhere().join(name)
    }

    /// Has a program write to each name of an image, which has KIND:PATH, and imports that.
    #[track_caller]
    fn import_each(&self, names: &[&str], write: impl Fn(&str)) {
        for name in names {
            let (kind, rest) = name.split_once(':').unwrap();
            let (file, tag) = rest
                .split_once(':')
                .map_or((rest, String::new()), |(file, tag)| (file, format!(":{tag}")));
            let path = self.path(file);
            let reference = format!("{kind}:{}{tag}", path.display());
            write(&reference);
            readable(&path);
            // Of another user's home: a store knows layers that it has already.
            ours(&Jail::new(), &reference).equals(&self.expected, name);
        }
    }
}

/// Root wrote it, for the user to read.
fn readable(path: &Path) {
    tool(["chmod", "-R", "a+rX", path.to_str().unwrap()]);
}

macro_rules! require_with {
    ($program:literal) => {
        require!(Feature::Root);
        require!(Feature::Program("umoci"));
        require!(Feature::Program($program));
        require!(Feature::RealImages);
    };
}

#[test]
fn what_skopeo_copies_unpacks_to_the_same() {
    require_with!("skopeo");
    let place = Place::new();
    let copy = |more: &'static [&str]| {
        move |to: &str| {
            let start = ["skopeo", "copy", "--quiet", "--insecure-policy"];
            tool(start.iter().chain(more).copied().chain([&*small(), to]));
        }
    };
    let all =
        ["oci:layout:new", "oci-archive:oci.tar:new", "docker-archive:docker.tar:a/b:1", "dir:dir"];
    place.import_each(&all, copy(&[]));
    let zstd = ["oci:zstd:new", "oci-archive:zstd.tar:new", "dir:zstd-dir"];
    place.import_each(&zstd, copy(&["--dest-compress", "--dest-compress-format=zstd"]));
    place.import_each(&["dir:schema2"], copy(&["--format=v2s2"]));
    place.import_each(&["dir:plain"], copy(&["--dest-decompress"]));
}

#[test]
fn what_podman_saves_unpacks_to_the_same() {
    require_with!("podman");
    let (place, storage) = (Place::new(), Storage::new());
    let id = storage.pull(&small());
    storage.stored(&id).whenever(&CHANGED).equals(&place.expected, "podman itself");
    for (format, name) in [
        ("docker-archive", "docker-archive:docker.tar"),
        ("oci-archive", "oci-archive:oci.tar"),
        ("oci-dir", "oci:layout"),
        ("docker-dir", "dir:dir"),
    ] {
        place.import_each(&[name], |to| {
            let path = to.split_once(':').unwrap().1;
            storage.podman(&["save", "--quiet", "--format", format, "--output", path, &id]);
        });
    }
}

#[test]
fn what_buildah_pushes_unpacks_to_the_same() {
    require_with!("buildah");
    let (place, storage) = (Place::new(), Storage::new());
    let id = storage.buildah(&["pull", "--quiet", &small()]);
    place.import_each(&["oci:layout:new", "docker-archive:docker.tar:a/b:1", "dir:dir"], |to| {
        storage.buildah(&["push", "--quiet", &id, to]);
    });
}

/// Files of a builder: a link, two names of one file, modes, somebody else's.
fn build(tree: &Path) {
    tool([
        "sh",
        "-ec",
        "cd \"$0\"; mkdir -p bin srv/www; cp /bin/busybox bin/; ln bin/busybox bin/sh
         ln -s busybox bin/ls; echo new > srv/www/index; chown -R 33:34 srv/www
         chmod 2750 srv/www; mkfifo -m 600 srv/fifo
         find . -mindepth 1 -exec touch -h -d @1500000000 {} +",
        tree.to_str().unwrap(),
    ]);
}

#[test]
fn an_image_that_umoci_made_is_as_it_was_made() {
    require_with!("umoci");
    let jail = Jail::new();
    let (layout, bundle) = (jail.elsewhere().join("oci"), jail.elsewhere().join("bundle"));
    let [layout_word, bundle_word] = [&layout, &bundle].map(|path| path.to_str().unwrap());
    let image = format!("{layout_word}:new");
    tool(["umoci", "init", "--layout", layout_word]);
    tool(["umoci", "new", "--image", &image]);
    tool(["umoci", "unpack", "--image", &image, bundle_word]);
    let rootfs = bundle.join("rootfs");
    build(&rootfs);
    tool(["umoci", "repack", "--refresh-bundle", "--image", &image, bundle_word]);
    // A second layer takes something away.
    fs::remove_file(rootfs.join("bin/ls")).unwrap();
    fs::remove_dir_all(rootfs.join("srv/www")).unwrap();
    fs::write(rootfs.join("srv/www"), "was a directory\n").unwrap();
    tool(["umoci", "repack", "--image", &image, bundle_word]);
    readable(&layout);
    let ours = ours(&jail, &format!("oci:{image}"));
    ours.equals(&of_umoci(&jail, &layout, "new"), "umoci");
    // What was changed last has a time in fractions of a second, and its layer has not.
    let made = Tree::owned(&rootfs).whenever(&["", "bin", "srv", "srv/www"]);
    ours.equals(&made, "what was packed");
}

#[test]
fn an_image_that_buildah_built_is_as_it_was_built() {
    require_with!("buildah");
    let (jail, storage) = (Jail::new(), Storage::new());
    let built = tempfile::tempdir().unwrap();
    build(built.path());
    let container = storage.buildah(&["from", "scratch"]);
    storage.buildah(&["copy", "--quiet", &container, built.path().to_str().unwrap(), "/"]);
    storage.buildah(&["config", "--cmd", "/bin/sh", "--user", "33:34", &container]);
    let layout = jail.elsewhere().join("oci");
    let reference = format!("oci:{}:new", layout.display());
    storage.buildah(&["commit", "--quiet", &container, "built"]);
    storage.buildah(&["push", "--quiet", "built", &reference]);
    readable(&layout);
    let ours = ours(&jail, &reference);
    let umoci = of_umoci(&jail, &layout, "new");
    // Buildah says nothing of the root itself.
    let ours = ours.without(&[""]);
    ours.equals(&umoci.without(&[""]), "umoci");
    ours.equals(&storage.stored("built").without(&[""]), "podman");
    assert_eq!(ours.0[Path::new("bin/sh")].first_name, Path::new("bin/busybox"));
    jail.args(["--image", "local/image:1"])
        .run(["/bin/sh", "-c", "/bin/busybox id -u; /bin/busybox cat /srv/www/index"])
        .succeeds()
        .outputs("33\nnew\n");
}
