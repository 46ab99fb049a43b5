//! Which cgroup a process is in.

use std::fs;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::answer::{Refusal, Who};

/// Checks that this process and `member` are in a cgroup named `unit`, and returns it,
/// relative to the root of cgroup v2.
///
/// systemd reports success when it has moved one of several processes: the other may have died.
/// Only the kernel knows where they are.
pub fn common_cgroup(unit: &str, member: Pid) -> Result<String, Refusal> {
    let keeper = cgroup_of("self")?;
    // A path that climbs is outside of what our cgroup namespace shows (cgroup_namespaces(7)).
    if keeper.rsplit('/').next() != Some(unit) || keeper.split('/').any(|part| part == "..") {
        return Err(Refusal::Elsewhere { who: Who::Keeper, cgroup: keeper });
    }
    let cgroup = cgroup_of(&member.to_string())?;
    if cgroup != keeper {
        return Err(Refusal::Elsewhere { who: Who::Member, cgroup });
    }
    Ok(keeper.trim_start_matches('/').to_string())
}

fn cgroup_of(process: &str) -> Result<String, Refusal> {
    let call = format!("read /proc/{process}/cgroup");
    let failed = |errno: Errno| Refusal::Kernel { call: call.clone(), errno: errno as i32 };
    let bytes = fs::read(format!("/proc/{process}/cgroup"))
        .map_err(|error| failed(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(Errno::EILSEQ))?;
    unified(&text).map(str::to_string).ok_or_else(|| failed(Errno::ENODATA))
}

/// The path of hierarchy 0, which is cgroup v2 (cgroups(7), "/proc/pid/cgroup").
fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpid;

    use super::*;

    #[test]
    fn the_line_of_version_2_counts() {
        assert_eq!(unified("0::/a/b.scope\n"), Some("/a/b.scope"));
        assert_eq!(unified("12:memory:/x\n1:name=systemd:/y\n0::/z\n"), Some("/z"));
        assert_eq!(unified("12:memory:/x\n10::/y\n"), None);
    }

    #[test]
    fn a_process_outside_of_the_scope_is_seen() {
        let refusal = common_cgroup("jail-nowhere.scope", getpid()).unwrap_err();
        assert!(matches!(refusal, Refusal::Elsewhere { who: Who::Keeper, .. }), "{refusal:?}");
    }
}
