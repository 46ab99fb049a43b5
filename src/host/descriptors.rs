//! What the descriptors refer to that the command will inherit.

use std::collections::BTreeMap;

use nix::libc;

use crate::profile::Profile;
use crate::sys::{self, Inherited};

use super::walk::kind_of_mode;
use super::{Descriptor, FileKind};

/// Looks at standard input, output and error, and at the descriptors to preserve. One that is
/// closed is left out: what that means depends on which it is.
pub fn survey(profile: &Profile) -> BTreeMap<i32, Descriptor> {
    let preserved = profile.process.preserve_fds.iter().map(|fd| fd.value);
    let all = (0..=2).chain(preserved);
    all.filter_map(|fd| Some((fd, describe(sys::inherited(fd).ok()?)))).collect()
}

fn describe(inherited: Inherited) -> Descriptor {
    let kind = if inherited.pipe { FileKind::Anonymous } else { kind_of_mode(inherited.mode) };
    // A descriptor opened with O_PATH says O_RDONLY here, but can do neither.
    let usable = inherited.flags & libc::O_PATH == 0;
    let mode = inherited.flags & libc::O_ACCMODE;
    Descriptor {
        kind,
        readable: usable && mode != libc::O_WRONLY,
        writable: usable && mode != libc::O_RDONLY,
        terminal: inherited.terminal,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::diagnostic::{Located, Origin};

    fn survey_one(fd: i32) -> Option<Descriptor> {
        let mut profile = Profile::default();
        profile.process.preserve_fds.push(Located::new(fd, Origin::BuiltIn));
        survey(&profile).remove(&fd)
    }

    #[test]
    fn kinds_and_modes_are_seen() {
        let (reader, writer) = std::io::pipe().unwrap();
        let pipe = survey_one(reader.as_raw_fd()).unwrap();
        assert_eq!((pipe.kind, pipe.readable, pipe.writable), (FileKind::Anonymous, true, false));
        assert!(survey_one(writer.as_raw_fd()).unwrap().writable);

        let file = tempfile::tempfile().unwrap();
        let file = survey_one(file.as_raw_fd()).unwrap();
        assert_eq!((file.kind, file.readable, file.writable), (FileKind::File, true, true));

        let directory = std::fs::File::open("/").unwrap();
        assert_eq!(survey_one(directory.as_raw_fd()).unwrap().kind, FileKind::Directory);
        assert_eq!(survey_one(9999), None);
    }
}
