//! `jail doctor`: from flags to what this machine allows of them.

use std::ffi::OsString;

use clap::Args;

use crate::diagnostic::{Diagnostic, Located, Origin, Palette};
use crate::doctor::{self, Question};
use crate::host::{self, Host};
use crate::image::Rootfs;
use crate::plan::{self, Plan};
use crate::profile::{Profile, Protection};

use super::flags::SandboxFlags;
use super::rootfs::{self, Found, Purpose};
use super::run::{self, Loaded};
use super::voice::{Volume, answer, say};

/// Exit status when the profile would not run.
const CANNOT_RUN: u8 = 1;

/// Try what this machine allows, and say what to do about the rest
///
/// Takes the options of `jail run`, and tries everything that they need, each by itself, in processes
/// that are thrown away: namespaces, mounts, the system call filter, limits, the network. In the end
/// all of it is done together, up to the command. What cannot be had is named, with what forbids it
/// and with the commands that change it on this distribution, or for the container that jail is in.
/// No image is fetched, and no file is written.
#[derive(Args, Debug)]
#[command(args_override_self = true, override_usage = "jail doctor [OPTIONS]", after_help = EXAMPLES, after_long_help = LONG)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub sandbox: SandboxFlags,

    /// List what these options do not need as well
    #[arg(long, help_heading = "Output", conflicts_with = "json")]
    pub all: bool,

    /// Print the findings as JSON; docs/doctor.md has every key
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Executes `jail doctor`; returns the exit status.
pub fn doctor(arguments: &DoctorArguments) -> Result<u8, Vec<Diagnostic>> {
    // Of no program: none is executed.
    let command: [OsString; 1] = ["command".into()];
    let Loaded { profile, names, notes } = run::profile(&arguments.sandbox, &command)?;
    say(&notes, Volume::Everything);
    let found = rootfs::find(&profile, Purpose::Plan);
    let rootfs = found.as_ref().ok().and_then(Option::as_ref).map(|found| &found.rootfs);
    let host = host::survey(&profile, rootfs);
    let drawn = match &found {
        Ok(found) => draw(&profile, found.as_ref(), &host, &command),
        Err(missing) => Err(vec![missing.clone()]),
    };
    let layer = |rootfs: &Rootfs| rootfs.image.layers.last().cloned();
    let layer = rootfs.and_then(layer);
    let findings = doctor::examine(&Question {
        profile: &profile,
        names: &names,
        image: found.as_ref().map(|_| layer.as_deref()),
        host: host.as_ref().ok(),
        drawn,
        without_namespaces: &|| {
            without_namespaces(&profile, found.as_ref().ok()?.as_ref(), &command)
        },
    });
    let text = match arguments.json {
        true => doctor::to_json(&findings),
        false => doctor::to_text(&findings, arguments.all, Palette::for_stdout()),
    };
    answer(text.as_bytes())?;
    Ok(if findings.runs { 0 } else { CANNOT_RUN })
}

/// The plan as `jail run` would draw it, or all that stands against it.
fn draw(
    profile: &Profile,
    found: Option<&Found>,
    host: &Result<Host, Vec<Diagnostic>>,
    command: &[OsString],
) -> Result<Plan, Vec<Diagnostic>> {
    let host = host.as_ref().map_err(Clone::clone)?;
    let plan = plan::draw(profile, found.map(|found| &found.rootfs), host, command)?;
    if let Some(found) = found {
        rootfs::prepare(found, &plan, Purpose::Plan).map_err(|mistake| vec![mistake])?;
    }
    Ok(plan)
}

/// The plan of the same profile if it gave namespaces up. `None`: it does, they are there, or something
/// stands against that too.
fn without_namespaces(
    profile: &Profile,
    found: Option<&Found>,
    command: &[OsString],
) -> Option<Plan> {
    if profile.degrade.iter().any(|it| it.value == Protection::Namespaces) {
        return None;
    }
    let mut profile = profile.clone();
    profile.degrade.push(Located::new(Protection::Namespaces, Origin::BuiltIn));
    let host = host::survey(&profile, found.map(|found| &found.rootfs));
    let plan = draw(&profile, found, &host, command).ok()?;
    plan.degraded.contains(&Protection::Namespaces).then_some(plan)
}

const EXAMPLES: &str = "\
Examples:
  jail doctor
  jail doctor --profile ci.toml --network nat -m 2G";

const LONG: &str = "\
Examples:
  See whether the default profile runs here, and if not, why:
    jail doctor
  The same for a profile with a network and a limit, for another program to read:
    jail doctor --profile ci.toml --network nat -m 2G --json

Exit status:
  0        a command would start with these options
  1        it would not; what to do is printed
  125      jail itself failed, for example because a profile is wrong

Environment variables of jail:
  JAIL_PROFILE    the profiles to use when no --profile is given, with `:` between them
  NO_COLOR        if set and not empty, print without colours";
