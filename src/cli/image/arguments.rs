//! The command line of `jail image`, as typed.

use std::ffi::OsString;

use clap::{Args, Subcommand, ValueHint};

/// Pull, look at and remove images
///
/// Images are kept in $XDG_DATA_HOME/jail, or ~/.local/share/jail: each layer is unpacked once and
/// shared by all images that have it. Nothing is used before its digest is verified.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail image pull debian:12", after_long_help = LONG, arg_required_else_help = false)]
pub struct ImageArguments {
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// What `jail image` can do.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ImageCommand {
    Pull(PullArguments),
    Import(ImportArguments),
    List(ListArguments),
    Inspect(InspectArguments),
    Unpack(UnpackArguments),
    Remove(RemoveArguments),
    Prune(PruneArguments),
    Df(DfArguments),
    Verify(VerifyArguments),
}

/// Bring an image into the store, and print its digest
///
/// What is there already is not fetched again. A download that breaks off is kept, and the next
/// pull goes on from there.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail image pull debian:12\n  jail image pull --platform linux/arm64 registry.example:5000/team/app:1.4\n  jail image pull --json debian:12 | jq -r .digest"
)]
pub struct PullArguments {
    /// The image: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], or oci:, oci-archive:, docker-archive:, dir:, tar: and a path
    #[arg(value_name = "IMAGE")]
    pub image: OsString,

    /// Print JSON: the image, and what was done for each layer
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub get: GetFlags,

    #[command(flatten)]
    pub network: NetworkFlags,
}

/// Bring an image from a file or directory into the store
///
/// What stands before the path says what is there: oci:DIRECTORY[:TAG] and oci-archive:FILE[:TAG] for an
/// OCI layout, docker-archive:FILE[:NAME] for what `docker save` writes, dir:DIRECTORY for
/// what skopeo writes, tar:FILE for a plain root file system.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail image import docker-archive:saved.tar team/app:1.4\n  jail image import tar:rootfs.tar.gz rescue"
)]
pub struct ImportArguments {
    /// Where the image is: KIND:PATH
    #[arg(value_name = "SOURCE", value_hint = ValueHint::FilePath)]
    pub source: OsString,

    /// The name that it gets; without one, it is named by its place
    #[arg(value_name = "NAME")]
    pub name: Option<OsString>,

    /// Print JSON: the image, and what was done for each layer
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub get: GetFlags,
}

/// Print the images in the store
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  jail image list\n  jail image list --json | jq -r .[].name")]
pub struct ListArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Print the names alone, as short as they can be typed, one in each line
    #[arg(long, conflicts_with = "json")]
    pub names: bool,
}

/// Print what an image says about itself
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail image inspect debian:12\n  jail image inspect --json debian:12 | jq -r .env[]"
)]
pub struct InspectArguments {
    /// An image in the store
    #[arg(value_name = "IMAGE")]
    pub image: OsString,

    /// The one for this platform: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<OsString>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Copy an image's files into a directory
///
/// All layers together make one plain tree. An image in a registry is pulled into the store first;
/// one in a file or directory is not put there. Devices and owners need root: devices are left out, the files are yours,
/// and who owns them in the image is noted in the attribute user.rootlesscontainers.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail image unpack debian:12 ./rootfs\n  jail image unpack tar:rootfs.tar.gz ./rootfs"
)]
pub struct UnpackArguments {
    /// The image: a name as for `jail image pull`
    #[arg(value_name = "IMAGE")]
    pub image: OsString,

    /// A directory that is empty or does not exist
    #[arg(value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub directory: OsString,

    /// Print JSON: the image, and what was done for each layer
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub get: GetFlags,

    #[command(flatten)]
    pub network: NetworkFlags,
}

/// Remove names from the store
///
/// What no other name leads to stays until `jail image prune`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail image remove debian:12 && jail image prune")]
pub struct RemoveArguments {
    /// Images in the store
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<OsString>,

    /// Only those for this platform: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<OsString>,

    /// Print JSON: what was removed
    #[arg(long)]
    pub json: bool,
}

/// Remove what no name leads to and nobody uses
///
/// Layers, documents, downloads that broke off, and private copies that killed runs left. What a jail
/// is running on stays.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  jail image prune\n  jail image prune --json | jq .bytes")]
pub struct PruneArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Print how much room the store takes
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  jail image df\n  jail image df --json | jq .unused_bytes")]
pub struct DfArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Check that the store is as it was when it was verified
///
/// Documents are held against their digests. Packed layers are not kept, so trees are held against
/// a summary of names, modes, sizes, times and link targets that was made when their
/// digest was right. The exit status is 1 if anything is damaged.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  jail image verify\n  jail image verify --repair")]
pub struct VerifyArguments {
    /// Images in the store; without any, all that is there
    #[arg(value_name = "IMAGE")]
    pub images: Vec<OsString>,

    /// The ones for this platform: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM", requires = "images")]
    pub platform: Option<OsString>,

    /// Remove what is damaged, and the names that lead to it, so that it can be pulled again
    #[arg(long, conflicts_with = "images")]
    pub repair: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How an image is brought into the store.
#[derive(Args, Debug)]
pub struct GetFlags {
    /// Which image of several: OS/ARCHITECTURE[/VARIANT]; without, that of this machine
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<OsString>,

    /// Print errors only, and no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// Refuse an image whose layers are larger than this without compression [default: 16G]
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<OsString>,

    /// Refuse an image with more files than this [default: 1000000]
    #[arg(long, value_name = "NUMBER")]
    pub max_files: Option<OsString>,

    /// Refuse a layer over 100M that grows more than so many times when it is decompressed [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    pub max_ratio: Option<OsString>,
}

/// How registries are asked.
#[derive(Args, Debug)]
pub struct NetworkFlags {
    /// Take plain HTTP, and certificates that cannot be verified
    ///
    /// Whoever is between you and the registry can then give you another image, and read
    /// your password.
    #[arg(long)]
    pub insecure: bool,
}

const LONG: &str = "\
Examples:
  Get an image and run a command on it:
    jail image pull debian:12
    jail run --image debian:12 cat /etc/os-release
  Take what `docker save` wrote:
    jail image import docker-archive:saved.tar team/app:1.4
  Get the files, to look at or to change:
    jail image unpack debian:12 ./rootfs
  Make room:
    jail image remove debian:12 && jail image prune";
