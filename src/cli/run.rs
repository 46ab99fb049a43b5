//! `jail run` and `jail plan`: from flags to a plan, and on.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use crate::diagnostic::{Diagnostic, Located, Origin, cause};
use crate::host;
use crate::image;
use crate::plan::{self, Plan};
use crate::profile::project::{self, Chosen};
use crate::profile::{self, Profile, Root};
use crate::report::{Asked, Ending, Phase, Target};
use crate::run::{self, Tell};
use crate::units::AbsolutePath;

use super::account;
use super::arguments::{PlanArguments, RunArguments};
use super::flags::SandboxFlags;
use super::layer::layer;
use super::rootfs::{self, Found, Purpose};
use super::shell;
use super::variables;
use super::voice::{Volume, answer, complain, say};

/// Executes `jail run`; returns the exit status.
pub fn run(arguments: &RunArguments) -> Result<u8, Vec<Diagnostic>> {
    // First of all: the number of a descriptor is to mean one of the caller's.
    let target = account::target(arguments.report.as_deref())?;
    let asked = Asked::now(&arguments.payload.argv);
    let purpose = Purpose::Run { quiet: arguments.quiet };
    let drawn = draw(&arguments.sandbox, asked.argv, target.as_ref(), purpose);
    let (plan, ending) = match drawn {
        Ok(Drawn { plan, in_use, profiles }) => {
            // The process ends with the run: taking apart what was made for it would cost time,
            // and memory, as what init shares with us is copied when it is written to.
            let plan = ManuallyDrop::new(plan);
            let ending = on_its_root(arguments, &plan, in_use.as_ref(), &profiles);
            (Some(plan), ending)
        }
        Err((phase, mistakes)) => (None, Ending::failed(phase, mistakes)),
    };
    Ok(account::tell(arguments, target, &asked, plan.as_deref(), &ending))
}

/// Executes `jail plan`.
pub fn plan(arguments: &PlanArguments) -> Result<u8, Vec<Diagnostic>> {
    let drawn = draw(&arguments.sandbox, &arguments.payload.argv, None, Purpose::Plan);
    let Drawn { plan, .. } = drawn.map_err(|(_, mistakes)| mistakes)?;
    say(&variables::slips(), Volume::unless(arguments.quiet));
    say(&plan.notes, Volume::unless(arguments.quiet));
    let words = if arguments.json { plan::to_json(&plan) } else { plan::to_text(&plan) };
    answer(words.as_bytes())?;
    Ok(0)
}

/// Says what there is to say first: a copy of the image, where the plan has one, takes its time.
fn on_its_root(
    arguments: &RunArguments,
    plan: &Plan,
    in_use: Option<&Found>,
    profiles: &[OsString],
) -> Ending {
    say(&variables::slips(), Volume::unless(arguments.quiet));
    say(&plan.notes, Volume::unless(arguments.quiet));
    let copy = match in_use.map(|found| found.copy_for(plan)).transpose() {
        Ok(copy) => copy.flatten(),
        Err(mistake) => return Ending::failed(Phase::Start, vec![mistake]),
    };
    let mut ending = perform(arguments, plan, profiles);
    ending.messages.extend(copy.and_then(|copy| copy.remove().err()));
    ending
}

fn perform(arguments: &RunArguments, plan: &Plan, profiles: &[OsString]) -> Ending {
    if arguments.verbose {
        complain(&plan::to_text(plan));
    }
    let tell = if arguments.verbose { Tell::AtOnce } else { Tell::AtTheEnd };
    match run::perform(plan, profiles, tell) {
        Ok(outcome) => Ending::ran(plan, outcome),
        Err(refused) => Ending::refused(refused),
    }
}

/// In which phase there is no plan, and why.
type Stopped = (Phase, Vec<Diagnostic>);

struct Drawn {
    plan: Plan,
    /// The image: nobody may change it during the run.
    in_use: Option<Found>,
    /// The profiles, as `--profile` would name them.
    profiles: Vec<OsString>,
}

fn draw(
    flags: &SandboxFlags,
    argv: &[OsString],
    report: Option<&Target>,
    purpose: Purpose,
) -> Result<Drawn, Stopped> {
    let Loaded { profile, names: profiles, notes } = profile(flags, argv).map_err(|mistakes| {
        let phase = if argv.is_empty() { Phase::Arguments } else { Phase::Profile };
        (phase, mistakes)
    })?;
    if let Some(mistake) = report.and_then(|report| report.kept(&profile)) {
        return Err((Phase::Profile, vec![mistake]));
    }
    let impossible = |mistakes| (Phase::Plan, mistakes);
    let found = rootfs::find(&profile, purpose).map_err(|mistake| impossible(vec![mistake]))?;
    let rootfs = found.as_ref().map(|found| &found.rootfs);
    let host = host::survey(&profile, rootfs).map_err(impossible)?;
    let plan = if argv.is_empty() && !names_a_command(&profile) {
        shell::draw(&profile, rootfs, &host)
    } else {
        plan::draw(&profile, rootfs, &host, argv)
    };
    let mut plan = plan.map_err(impossible)?;
    if let Some(found) = &found {
        let prepared = rootfs::prepare(found, &plan, purpose);
        prepared.map_err(|mistake| impossible(vec![mistake]))?;
    }
    if let Purpose::Run { .. } = purpose {
        // Not where the rule for it was left out, as `.` is in a home.
        let unmade = host.unmade_stores.iter().filter(|store| plan::could_show(&plan, store));
        let made = unmade.into_iter().try_for_each(make_store);
        made.map_err(|mistake| impossible(vec![mistake]))?;
    }
    plan.notes.splice(0..0, notes);
    Ok(Drawn { plan, in_use: found, profiles })
}

/// One of our own directories: where there is nothing to mask, the command could make it, and what it
/// likes in it.
fn make_store(store: &AbsolutePath) -> Result<(), Diagnostic> {
    image::directory::make(store.as_path(), 0o700).map_err(|error| {
        Diagnostic::error(format!("cannot make `{store}`, to keep the command from making it"))
            .because(cause(&error))
            .help("make it yourself, or grant less than the directory that it is in")
    })
}

/// A profile, the names of those that it was made of, and what there is to say about it.
pub(super) struct Loaded {
    pub profile: Profile,
    pub names: Vec<OsString>,
    pub notes: Vec<Diagnostic>,
}

/// The profiles with the flags on top, or all that is wrong with any of them.
pub(super) fn profile(flags: &SandboxFlags, argv: &[OsString]) -> Result<Loaded, Vec<Diagnostic>> {
    let loaded = load(variables::profiles(&flags.profile));
    let layer = layer(flags);
    match (loaded, layer) {
        (Ok(loaded), Ok(layer)) => {
            let profile = over(loaded.profile, layer);
            let has_command = !argv.is_empty() || names_a_command(&profile) || shell::is_wanted();
            if has_command { Ok(Loaded { profile, ..loaded }) } else { Err(vec![no_command()]) }
        }
        (loaded, layer) => {
            let mut mistakes = loaded.err().unwrap_or_default();
            mistakes.extend(layer.err().unwrap_or_default());
            let image = flags.filesystem.image.is_some() || flags.filesystem.root.is_some();
            if argv.is_empty() && !image && !shell::is_wanted() {
                mistakes.push(no_command());
            }
            Err(mistakes)
        }
    }
}

/// Loads what was named, or else the profile of the project.
fn load(named: Vec<Located<OsString>>) -> Result<Loaded, Vec<Diagnostic>> {
    if named.is_empty() {
        let here = std::env::current_dir().ok().and_then(AbsolutePath::new);
        // Where the working directory is not known, the survey says so.
        if let Some(here) = here {
            let Chosen { profile, name, notes } = project::choose(&here)?;
            return Ok(Loaded { profile, names: vec![name], notes });
        }
    }
    let default = || vec![Located::new("default".into(), Origin::BuiltIn)];
    let named = if named.is_empty() { default() } else { named };
    let profile = profile::load(&named)?;
    let names = named.into_iter().map(|name| name.value).collect();
    Ok(Loaded { profile, names, notes: Vec::new() })
}

/// `--env NAME` means the caller's value, also where a profile sets another.
fn over(mut profile: Profile, flags: Profile) -> Profile {
    for passed in &flags.env.pass {
        profile.env.set.remove(&passed.value);
    }
    profile.merge(flags)
}

/// Whether there may be a command though none was given: that of an image.
fn names_a_command(profile: &Profile) -> bool {
    let root = profile.filesystem.root.as_ref().map(|root| &root.value);
    matches!(root, Some(Root::Image(_))) || profile.process.entrypoint.is_some()
}

fn no_command() -> Diagnostic {
    Diagnostic::error("no command given")
        .because("a shell is only opened for somebody at a terminal")
        .help("write it after the options, as in `jail run make test`")
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::{Located, Origin};

    use super::*;

    #[test]
    fn keeping_a_variable_is_stronger_than_a_profile_that_sets_it() {
        let origin = Origin::Flag("--env".to_owned());
        let mut profile = Profile::default();
        profile.env.set.insert("CI".into(), Located::new("1".into(), Origin::BuiltIn));
        profile.env.set.insert("A".into(), Located::new("1".into(), Origin::BuiltIn));
        let mut flags = Profile::default();
        flags.env.pass.push(Located::new("CI".into(), origin));

        let merged = over(profile, flags);

        assert_eq!(merged.env.set.keys().collect::<Vec<_>>(), ["A"]);
        assert_eq!(merged.env.pass.len(), 1);
    }

    #[test]
    fn mistakes_of_profiles_flags_and_command_come_together() {
        let mut flags = SandboxFlags { profile: vec!["missing".into()], ..SandboxFlags::default() };
        flags.process.umask = Some("9".into());
        let titles: Vec<String> = profile(&flags, &[])
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|mistake| mistake.title)
            .collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        assert_eq!(titles[1..], ["`9` is not a umask", "no command given"]);
    }
}
