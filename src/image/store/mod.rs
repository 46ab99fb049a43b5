//! What has been pulled: documents by digest, layers unpacked once, and names for them.
//!
//! ```text
//! $XDG_DATA_HOME/jail/                 0700, of the caller alone
//!   version                            "1"
//!   lock                               flock: shared by whoever adds, alone by whoever takes away
//!   references/KEY.json                a name and a platform, and the manifest they lead to
//!   images/sha256/HEX.json             by manifest: what a run needs; flock: shared by those who use it
//!   blobs/sha256/HEX                   indexes, manifests and configs, as they came
//!   layers/sha256/HEX/                 by diff_id
//!     tree/                            in overlay form
//!     links                            owners of links and fifos
//!     layer.json                       what was unpacked, and a summary of the tree
//!   owned/KEY/sha256/HEX/              by id map and diff_id: copies with owners
//!     tree/                            the same, its files given to whom the image says
//!     layer.json                       the id map, and a summary
//!   partial/                           packed layers whose download broke off
//!   locks/                             flock: one file for each layer that is being made
//!   copies/ID/tree/                    of an image, for a run without an overlay; flock on ID: while it lives
//!   tmp/                               what is not finished
//! ```
//!
//! What stands in `references`, `images`, `blobs`, `layers` and `owned` is complete and was verified: it is made
//! in `tmp`, written to the disk, and renamed. So whatever ends a process, at whatever moment, the
//! store is valid; what is left in `tmp` the next one that writes removes.
//!
//! Packed layers are not kept: once unpacked and verified they would only take room. `verify`
//! therefore holds documents against their digests, and trees against the summary that was made of them
//! right after their digest and diff_id were right.
//!
//! Locks are of flock(2), and so die with their process. Whoever adds holds `lock` shared, so that
//! nothing that was found present is taken away before it is used; whoever takes away holds it alone.
//! A run holds its image only, and is no hindrance to anyone.
//!
//! - [`place`]: where it is, and the names in it; [`record`]: what is known about an image.
//! - [`find`](mod@find): from a name to an image, on the way of every start.
//! - [`lock`]: who may do what; [`write`](mod@write): how things appear; [`own`]: how copies with owners do.
//! - [`copies`]: images as plain trees, each for one run.
//! - [`summary`]: a tree in one line; [`usage`], [`prune`], [`verify`]: the whole store.

mod copies;
mod find;
mod lock;
mod own;
mod place;
mod prune;
mod record;
mod remove;
mod summary;
mod usage;
mod verify;
mod write;

pub use copies::{Copies, PrivateCopy};
pub use find::Listed;
pub use lock::{Held, Maker, Writer};
pub use own::owned_tree;
pub use place::Store;
pub use prune::Freed;
pub use record::{Known, LayerRecord};
pub use summary::{Summary, summarize};
pub use usage::Usage;
pub use verify::{Damage, Verified};
pub use write::Unfinished;
