//! A tar of a root file system: an image of one layer without a config.

use std::path::Path;

use serde_json::json;

use crate::diagnostic::{Diagnostic, cause, pasted};
use crate::image::document::Platform;
use crate::image::unpack::{Limits, measure};

use super::files::open_file;
use super::made::{Layer, Made};
use super::part::Packing;

/// Reads the tar once, for its digests. It is taken to be for this machine.
pub(super) fn open(name: String, path: &Path, limits: &Limits) -> Result<Made, Diagnostic> {
    let part = open_file(path)?;
    let refuse = |why| Diagnostic::error(format!("cannot read `{}`", path.display())).because(why);
    let compression = match part.packing().map_err(|error| refuse(cause(&error)))? {
        Packing::Known(compression) => compression,
        Packing::Other(program) => {
            let help = format!("decompress it first: {program} -dc {} > rootfs.tar", pasted(path));
            return Err(refuse(format!("it is compressed by {program}")).help(help));
        }
    };
    let measured = measure(&mut part.clone(), compression, limits);
    let measured = measured.map_err(|bad| refuse(bad.to_string()))?;
    let Platform { os, architecture, .. } = Platform::host();
    let config = json!({
        "os": os,
        "architecture": architecture,
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": [measured.diff_id.to_string()] },
    });
    let layer = Layer { digest: measured.digest, compression, part };
    Ok(Made::new(name, config.to_string().into_bytes(), vec![layer]))
}
