//! The block devices that `[limits] io` is about.
//!
//! The io controller takes whole disks (cgroup-v2, "IO Interface Files"), and says ENODEV for a
//! partition; so a path has to lead to the disk that it lies on. Where that is not one for sure,
//! as with a file system of several disks, it is none: half a limit would look like a whole one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

use crate::diagnostic::{Diagnostic, cause};
use crate::profile::{Profile, expand};
use crate::units::AbsolutePath;

use super::mounts::{self, Mounted};
use super::{BlockDevice, Host};

/// Major and minor number.
type Number = (u32, u32);

/// Finds the device of each entry of `[limits] io`, by its path without variables.
///
/// A path that cannot be expanded is passed over: the plan says what is wrong with it.
pub fn survey(
    profile: &Profile,
    host: &Host,
) -> Result<BTreeMap<AbsolutePath, BlockDevice>, Vec<Diagnostic>> {
    let mut devices = BTreeMap::new();
    let mut errors = Vec::new();
    for limit in &profile.limits.io {
        let Ok(path) = expand(&limit.value.path, &host.variables()) else { continue };
        match Sysfs(Path::new("/sys")).device_at(path.as_path()) {
            Ok(device) => drop(devices.insert(path, device)),
            Err(error) => errors.push(
                Diagnostic::error(format!("cannot tell which device `{path}` lies on"))
                    .at(&limit.origin)
                    .because(cause(&error))
                    .help("name the block device itself, such as `/dev/sda`"),
            ),
        }
    }
    if errors.is_empty() { Ok(devices) } else { Err(errors) }
}

/// Where the kernel shows its devices; elsewhere in tests.
struct Sysfs<'a>(&'a Path);

/// What the file system of a path is on, by the number that stat(2) has for it.
enum Lies {
    On(Number),
    /// A number that stands for no device: tmpfs, overlay, NFS, btrfs.
    Nowhere,
}

impl Sysfs<'_> {
    /// Fails where the kernel does not say what it should.
    fn device_at(&self, path: &Path) -> io::Result<BlockDevice> {
        // One descriptor for all questions: they are about the same file, whatever its name comes
        // to mean. O_PATH opens without touching what is there, and asks for no permission but
        // that to get to it (open(2)).
        let opened = File::options().read(true).custom_flags(libc::O_PATH).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::ENOENT | libc::ENOTDIR) => Ok(BlockDevice::Missing),
                    Some(errno) => Ok(BlockDevice::Unreachable(errno)),
                    None => Err(error),
                };
            }
        };
        match lies(&file.metadata()?) {
            Lies::On(number) => self.disk(number),
            Lies::Nowhere => self.behind(&mounted(&file)?),
        }
    }

    /// The whole disk of a device.
    fn disk(&self, number: Number) -> io::Result<BlockDevice> {
        let (major, minor) = number;
        let link = self.0.join(format!("dev/block/{major}:{minor}"));
        let device = match std::fs::canonicalize(link) {
            Ok(device) => device,
            // No /sys, or a node whose driver is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(BlockDevice::Unknown { major, minor });
            }
            Err(error) => return Err(error),
        };
        if !device.join("partition").try_exists()? {
            return Ok(BlockDevice::Disk { major, minor });
        }
        // A partition is a directory in that of its disk.
        let text = std::fs::read_to_string(device.join("../dev"))?;
        let (major, minor) = number_of(&text).ok_or(io::ErrorKind::InvalidData)?;
        Ok(BlockDevice::Disk { major, minor })
    }

    /// What a file system without a device of its own is on.
    ///
    /// Others than btrfs do not say it for sure: the source of a FUSE mount is any text, and
    /// that of bcachefs or ZFS need not name all disks.
    fn behind(&self, mounted: &Mounted) -> io::Result<BlockDevice> {
        if mounted.kind == b"btrfs"
            && let Some(number) = self.only_device_of_btrfs(mounted)?
        {
            return self.disk(number);
        }
        let filesystem = String::from_utf8_lossy(&mounted.kind).into_owned();
        Ok(BlockDevice::None { filesystem })
    }

    /// The device of a btrfs that has one alone; the source names just one of several.
    ///
    /// Each btrfs lists its devices under `fs/btrfs/UUID/devices` in sysfs.
    fn only_device_of_btrfs(&self, mounted: &Mounted) -> io::Result<Option<Number>> {
        // A mapped disk has a link for a name, `/dev/mapper/root`, that leads to `/dev/dm-0`.
        let Ok(node) = std::fs::canonicalize(OsStr::from_bytes(&mounted.source)) else {
            return Ok(None);
        };
        let Some(name) = node.file_name() else { return Ok(None) };
        let Ok(filesystems) = std::fs::read_dir(self.0.join("fs/btrfs")) else { return Ok(None) };
        for filesystem in filesystems {
            let devices = filesystem?.path().join("devices");
            // `features` stands beside the file systems, and has none.
            if !devices.join(name).exists() {
                continue;
            }
            if std::fs::read_dir(&devices)?.count() != 1 {
                return Ok(None);
            }
            let text = std::fs::read_to_string(devices.join(name).join("dev"))?;
            return Ok(number_of(&text));
        }
        Ok(None)
    }
}

/// The mount that a file was opened on, by the number in its `fdinfo` (proc_pid_fdinfo(5)).
fn mounted(file: &File) -> io::Result<Mounted> {
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let number = about.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    let table = mounts::table()?;
    let mounted = number.and_then(|number| mounts::by_number(&table, number));
    mounted.ok_or_else(|| io::Error::other("/proc/self/mountinfo does not show its mount"))
}

fn lies(metadata: &Metadata) -> Lies {
    let of_node = metadata.file_type().is_block_device();
    let number = if of_node { metadata.rdev() } else { metadata.dev() };
    match (libc::major(number), libc::minor(number)) {
        (0, _) => Lies::Nowhere,
        number => Lies::On(number),
    }
}

/// `8:1`, with a newline.
fn number_of(text: &str) -> Option<Number> {
    let (major, minor) = text.trim_end().split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::diagnostic::{Located, Origin};
    use crate::profile::{Base, IoLimit, PathText};
    use BlockDevice::{Disk, Missing, Unknown, Unreachable};

    /// A sysfs with a disk `8:0` of two partitions, a mapped disk `253:0`, and two btrfs: one on
    /// the mapped disk alone, one on both partitions.
    fn sysfs() -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let at = |path: &str| sys.path().join(path);
        let disk = "devices/pci0/block/sda";
        for (directory, number) in [
            (disk, "8:0"),
            (&format!("{disk}/sda1"), "8:1"),
            (&format!("{disk}/sda2"), "259:17"),
            ("devices/virtual/block/dm-0", "253:0"),
        ] {
            std::fs::create_dir_all(at(directory)).unwrap();
            std::fs::write(at(directory).join("dev"), format!("{number}\n")).unwrap();
            std::fs::create_dir_all(at("dev/block")).unwrap();
            symlink(at(directory), at(&format!("dev/block/{number}"))).unwrap();
        }
        std::fs::write(at(&format!("{disk}/sda1/partition")), "1\n").unwrap();
        std::fs::write(at(&format!("{disk}/sda2/partition")), "2\n").unwrap();
        for (filesystem, name, target) in [
            ("one", "dm-0", "devices/virtual/block/dm-0"),
            ("two", "sda1", "devices/pci0/block/sda/sda1"),
            ("two", "sda2", "devices/pci0/block/sda/sda2"),
        ] {
            let devices = at(&format!("fs/btrfs/{filesystem}/devices"));
            std::fs::create_dir_all(&devices).unwrap();
            symlink(at(target), devices.join(name)).unwrap();
        }
        std::fs::create_dir(at("fs/btrfs/features")).unwrap();
        // What a mount names as its source.
        std::fs::create_dir(at("node")).unwrap();
        for name in ["dm-0", "sda1", "sdb"] {
            std::fs::write(at("node").join(name), "").unwrap();
        }
        symlink("dm-0", at("node/root")).unwrap();
        sys
    }

    fn none(filesystem: &str) -> BlockDevice {
        BlockDevice::None { filesystem: filesystem.into() }
    }

    #[test]
    fn a_partition_leads_to_its_disk() {
        let sys = sysfs();
        let disk = |number| Sysfs(sys.path()).disk(number).unwrap();
        for number in [(8, 0), (8, 1), (259, 17)] {
            assert_eq!(disk(number), Disk { major: 8, minor: 0 }, "{number:?}");
        }
        assert_eq!(disk((253, 0)), Disk { major: 253, minor: 0 });
        assert_eq!(disk((8, 16)), Unknown { major: 8, minor: 16 });
    }

    #[test]
    fn a_disk_that_does_not_say_its_number_is_an_error() {
        let sys = sysfs();
        let dev = sys.path().join("devices/pci0/block/sda/dev");
        std::fs::write(&dev, "none\n").unwrap();
        let error = Sysfs(sys.path()).disk((8, 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        std::fs::remove_file(dev).unwrap();
        assert!(Sysfs(sys.path()).disk((8, 1)).is_err());
    }

    #[test]
    fn btrfs_is_on_a_disk_if_that_is_its_only_one() {
        let sys = sysfs();
        let behind = |kind: &str, source: &str| {
            let source = sys.path().join("node").join(source).into_os_string();
            let mounted = Mounted { kind: kind.into(), source: source.into_encoded_bytes() };
            Sysfs(sys.path()).behind(&mounted).unwrap()
        };
        assert_eq!(behind("btrfs", "root"), Disk { major: 253, minor: 0 });
        assert_eq!(behind("btrfs", "dm-0"), Disk { major: 253, minor: 0 });
        for source in ["sda1", "sdb", "nowhere"] {
            assert_eq!(behind("btrfs", source), none("btrfs"), "{source}");
        }
        assert_eq!(behind("fuse.sshfs", "dm-0"), none("fuse.sshfs"));
        assert_eq!(behind("overlay", "overlay"), none("overlay"));
    }

    #[test]
    fn every_path_of_this_machine_gets_an_answer() {
        let device = |path: &str| Sysfs(Path::new("/sys")).device_at(Path::new(path)).unwrap();
        assert_eq!(device("/nowhere/at/all"), Missing);
        assert_eq!(device("/proc/self/stat/below"), Missing);
        assert_eq!(device("/proc/self/status"), none("proc"));
        let directory = tempfile::tempdir().unwrap();
        let turn = directory.path().join("loop");
        symlink("loop", &turn).unwrap();
        assert_eq!(device(turn.to_str().unwrap()), Unreachable(libc::ELOOP));
        // A character device lies on /dev.
        assert!(matches!(device("/dev/null"), BlockDevice::None { .. }));
    }

    /// The root of this machine, by its directory and by its device, if it is on one.
    #[test]
    fn a_directory_and_its_device_have_the_same_disk() {
        let root = mounted(&File::open("/").unwrap()).unwrap();
        let source = String::from_utf8(root.source).unwrap();
        let sys = Sysfs(Path::new("/sys"));
        let by_path = sys.device_at(Path::new("/")).unwrap();
        let node = std::fs::metadata(&source).is_ok_and(|node| node.file_type().is_block_device());
        match by_path {
            Disk { .. } if node => {
                assert_eq!(sys.device_at(Path::new(&source)).unwrap(), by_path);
            }
            Disk { .. } => {}
            other => assert!(!node || other == none("btrfs"), "{source}: {other:?}"),
        }
    }

    #[test]
    fn the_entries_of_a_profile_are_found_by_their_paths() {
        let mut profile = Profile::default();
        assert_eq!(crate::host::survey(&profile, None).unwrap().block_devices, BTreeMap::new());
        for path in ["$NOT_SET_ANYWHERE/x", "/proc/../proc/self", "/nowhere"] {
            let path = PathText { text: path.into(), base: Base::WorkingDirectory };
            let limit = IoLimit { path, read: None, write: None, read_ops: None, write_ops: None };
            profile.limits.io.push(Located::new(limit, Origin::BuiltIn));
        }
        let path = |text| AbsolutePath::new(text).unwrap();
        assert_eq!(
            crate::host::survey(&profile, None).unwrap().block_devices,
            BTreeMap::from([(path("/proc/self"), none("proc")), (path("/nowhere"), Missing)])
        );
    }
}
