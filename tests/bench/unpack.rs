//! Unpacks layers, and says how long it took: `unpack DIRECTORY LAYERS-AT-ONCE LAYER...`.
//!
//! A layer is `FILE:COMPRESSION:DIFF_ID`; those of one image go to `DIRECTORY/0`, `1` and so on. The
//! digest of a file is its name, as in an OCI layout.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use jail::image::digest::Digest;
use jail::image::document::Compression;
use jail::image::unpack::{Budget, Limits, Packed, Unpacked, unpack};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, at_once, layers @ ..] = arguments.as_slice() else {
        eprintln!("unpack DIRECTORY LAYERS-AT-ONCE FILE:COMPRESSION:DIFF_ID...");
        return ExitCode::from(2);
    };
    let budget = Budget::new(Limits::default());
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    let start = Instant::now();
    thread::scope(|threads| {
        for _ in 0..at_once.parse().expect("a number of layers") {
            threads.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(layer) = layers.get(number) else { break };
                    let into = Path::new(directory).join(number.to_string());
                    match one(layer, &into, &budget) {
                        Ok(unpacked) => eprintln!("{layer}: {unpacked:?}"),
                        Err(words) => {
                            eprintln!("{layer}: {words}");
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    println!("{:.3}", start.elapsed().as_secs_f64());
    ExitCode::from(u8::from(failed.into_inner() > 0))
}

fn one(layer: &str, into: &Path, budget: &Budget) -> Result<Unpacked, String> {
    let (rest, diff_id) = layer.split_once(":sha256:").ok_or("no diff_id")?;
    let (file, compression) = rest.rsplit_once(':').ok_or("no compression")?;
    let diff_id: Digest =
        format!("sha256:{diff_id}").parse().map_err(|error| format!("{error}"))?;
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).ok_or("no name")?;
    let digest: Digest = format!("sha256:{name}").parse().map_err(|error| format!("{error}"))?;
    let compression = match compression {
        "gzip" => Compression::Gzip,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    };
    let blob = File::open(file).map_err(|error| error.to_string())?;
    let size = blob.metadata().map_err(|error| error.to_string())?.len();
    fs::create_dir(into).map_err(|error| error.to_string())?;
    let directory = File::open(into).map_err(|error| error.to_string())?;
    let packed = Packed {
        blob: Box::new(blob),
        compression,
        digest: Some(&digest),
        size: Some(size),
        diff_id: &diff_id,
    };
    unpack(packed, directory.as_fd(), budget).map_err(|bad| bad.to_string())
}
