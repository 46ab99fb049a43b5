//! The command line of `jail profile`, as typed.

use std::ffi::OsString;

use clap::{Args, Subcommand, ValueHint};

/// List, show, compare and begin profiles
///
/// A profile is a TOML file that says what a command may touch; jail-profile(5) has every key. Where a
/// command takes a profile, a word with a `/` in it or `.toml` at its end is a path, any other one a name.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail profile list\n  jail profile show dev",
    arg_required_else_help = false
)]
pub struct ProfileArguments {
    #[command(subcommand)]
    pub command: ProfileCommand,
}

/// What `jail profile` can do.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum ProfileCommand {
    List(ListArguments),
    Show(ShowArguments),
    Diff(DiffArguments),
    Init(InitArguments),
    Schema(SchemaArguments),
}

/// Print all profiles that have names, and where each comes from
///
/// A name is looked for in $XDG_CONFIG_HOME/jail/profiles, then in /etc/jail/profiles, then among the
/// built-in profiles. One that another of its name hides is listed as such, and a broken one with
/// its first error.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail profile list\n  jail profile list --json | jq -r '.[] | select(.error) | .name'"
)]
pub struct ListArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Print only the names, one on each line
    #[arg(long, conflicts_with = "json")]
    pub names: bool,
}

/// Print what a profile comes to, with all that it extends
///
/// Beside each line stands where it comes from. What is printed is a profile itself: loaded again, it grants
/// the same. Of two rules for one path only the one that counts is printed.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  jail profile show dev\n  jail profile show --toml ./ci.toml > whole.toml"
)]
pub struct ShowArguments {
    /// A path to a profile, or the name of one
    #[arg(value_name = "PROFILE", value_hint = ValueHint::FilePath)]
    pub profile: OsString,

    /// Print without the origins
    #[arg(long)]
    pub toml: bool,

    /// Print JSON: each line with its key, value and origin
    #[arg(long, conflicts_with = "toml")]
    pub json: bool,
}

/// Print what one profile grants beyond another, and the reverse
///
/// Both are compared with all that they extend, by what counts in the end. The exit status is 0 if they grant
/// the same, 1 if they differ, and 125 if one cannot be loaded.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail profile diff default ./.jail.toml")]
pub struct DiffArguments {
    /// A path to a profile, or the name of one
    #[arg(value_name = "FIRST", value_hint = ValueHint::FilePath)]
    pub first: OsString,

    /// The one that is compared with it
    #[arg(value_name = "SECOND", value_hint = ValueHint::FilePath)]
    pub second: OsString,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Write a first profile for this project: .jail.toml
///
/// Looks at the project (the nearest parent with a version control directory, or the working directory)
/// for files such as Cargo.toml, package.json or Makefile, and writes a commented profile that builds on the
/// ready-made ones for them. It asks nothing. `jail trust` then has it used.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail profile init && jail trust")]
pub struct InitArguments {
    /// Replace a .jail.toml that is there
    #[arg(long)]
    pub force: bool,
}

/// Print the JSON Schema of profiles, for editors
///
/// Editors that speak Taplo's language server complete and check a profile that begins with
/// `#:schema` and the path of this schema in a file.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  jail profile schema > ~/.config/jail/profile.schema.json")]
pub struct SchemaArguments {}
