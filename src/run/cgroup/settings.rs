//! Limits, written and read back.
//!
//! A limit counts as set when the kernel says so: what was written may have been rounded,
//! ignored, or taken by a file system that only looks like one of cgroups.

use nix::errno::Errno;

use crate::diagnostic::errno_cause;
use crate::script::Setting;

use super::directory::Directory;

/// Why a limit does not hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Unset {
    Failed {
        call: &'static str,
        errno: Errno,
    },
    /// It was written, and this was read.
    Differs {
        found: String,
    },
}

impl Unset {
    /// The cause, in words.
    pub fn cause(&self, setting: &Setting) -> String {
        let Setting { file, text, .. } = setting;
        match self {
            Self::Failed { call, errno } => format!("{call} {file}: {}", errno_cause(*errno)),
            Self::Differs { found } => {
                format!("`{text}` was written to {file}, and it holds `{}`", found.trim())
            }
        }
    }

    /// What to do, where that is known.
    pub fn help(&self, setting: &Setting) -> Option<&'static str> {
        match (setting.file, self) {
            ("cpuset.cpus", _) => {
                Some("name processors that this machine has and you may use: nproc, taskset -p $$")
            }
            ("io.max", Self::Failed { errno: Errno::ENODEV, .. }) => {
                Some("limits of io are for whole disks, not for partitions: see lsblk")
            }
            ("memory.swap.max", Self::Failed { errno: Errno::ENOENT, .. }) => Some(
                "the kernel does not count swap: remove swapaccount=0 from its command line, or switch swap off",
            ),
            _ => None,
        }
    }
}

/// Sets everything, or says what could not be set.
pub fn apply<'a>(cgroup: &Directory, settings: &'a [Setting]) -> Result<(), (&'a Setting, Unset)> {
    for setting in settings {
        set(cgroup, setting).map_err(|unset| (setting, unset))?;
    }
    Ok(())
}

fn set(cgroup: &Directory, setting: &Setting) -> Result<(), Unset> {
    let failed = |call| move |errno| Unset::Failed { call, errno };
    match cgroup.write(setting.file, &setting.text) {
        // A kernel without swap has nothing to limit.
        Err(Errno::ENOENT) if setting.file == "memory.swap.max" && !has_swap() => return Ok(()),
        result => result.map_err(failed("write"))?,
    }
    let found = cgroup.read(setting.file).map_err(failed("read"))?;
    if !holds(setting, &found) {
        return Err(Unset::Differs { found });
    }
    if setting.file == "cpuset.cpus" {
        // Where none of those asked for can be used, the kernel takes those of the parent.
        let found = cgroup.read("cpuset.cpus.effective").map_err(failed("read"))?;
        if !is_within(&found, &setting.text) {
            return Err(Unset::Differs { found });
        }
    }
    Ok(())
}

/// Whether what was read is the limit that was written.
fn holds(setting: &Setting, found: &str) -> bool {
    let (text, found) = (setting.text.as_str(), found.trim());
    match setting.file {
        // Counted in whole pages, rounded down.
        "memory.max" | "memory.swap.max" => {
            let numbers = text.parse::<u64>().ok().zip(found.parse::<u64>().ok());
            numbers.is_some_and(|(asked, found)| found <= asked && asked - found < LARGEST_PAGE)
        }
        "io.max" => {
            let (device, asked) = text.split_once(' ').unwrap_or((text, ""));
            let line = found.lines().find_map(|line| line.strip_prefix(device)?.strip_prefix(' '));
            line.is_some_and(|line| {
                asked.split(' ').all(|word| line.split(' ').any(|found| found == word))
            })
        }
        _ => text == found,
    }
}

/// Pages of some architectures have 64 KiB.
const LARGEST_PAGE: u64 = 64 << 10;

/// Whether some, and no more, of the processors in `most` are in `list`; both as `0-3,5`.
fn is_within(list: &str, most: &str) -> bool {
    let ranges = |text: &str| -> Option<Vec<(u32, u32)>> {
        text.trim()
            .split(',')
            .map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                Some((first.parse().ok()?, last.parse().ok()?))
            })
            .collect()
    };
    let Some((list, most)) = ranges(list).zip(ranges(most)) else { return false };
    list.iter().all(|(first, last)| {
        most.iter().any(|(lowest, highest)| lowest <= first && last <= highest)
    })
}

/// Is any swap switched on? The file has a heading.
fn has_swap() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(file: &'static str, text: &str, found: &str) -> bool {
        holds(&Setting { step: 0, file, text: text.into() }, found)
    }

    #[test]
    fn a_limit_holds_when_the_kernel_says_so() {
        assert!(kept("memory.max", "1000000", "999424\n"));
        assert!(!kept("memory.max", "1000000", "max\n"));
        assert!(!kept("memory.max", "1000000", "1003520\n"));
        assert!(!kept("memory.max", "1000000", "4096\n"));
        assert!(kept("memory.swap.max", "0", "0\n"));
        assert!(kept("cpu.max", "150000 100000", "150000 100000\n"));
        assert!(!kept("cpu.max", "150000 100000", "max 100000\n"));
        assert!(kept("pids.max", "65", "65\n"));
        let asked = "8:0 rbps=1 wbps=max riops=max wiops=max";
        assert!(kept("io.max", asked, "7:0 rbps=2\n8:0 rbps=1 wbps=max riops=max wiops=max\n"));
        assert!(!kept("io.max", asked, "8:0 rbps=max wbps=max riops=max wiops=max\n"));
        assert!(!kept("io.max", asked, "18:0 rbps=1 wbps=max riops=max wiops=max\n"));
        assert!(!kept("io.max", asked, ""));
    }

    #[test]
    fn processors_that_were_not_asked_for_are_seen() {
        for (list, most, within) in [
            ("0-1\n", "0-3", true),
            ("2\n", "0-3,8", true),
            ("0-3\n", "1-3", false),
            ("\n", "1-3", false),
            ("0-1,8", "0-3,8", true),
            ("4", "0-3,8", false),
        ] {
            assert_eq!(is_within(list, most), within, "{list:?} in {most:?}");
        }
    }
}
