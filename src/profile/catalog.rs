//! Which profiles have names.

use std::path::PathBuf;

use super::Profile;
use super::built_in::BUILT_IN;
use super::find::{self, Places, built_in, names_in, shown};
use super::load::load_found;
use crate::diagnostic::{Diagnostic, cause};

/// A profile that has a name.
#[derive(Debug)]
pub struct Listed {
    pub name: String,
    pub home: Home,
    /// Whether another one of its name is found before it.
    pub hidden: bool,
    /// With all that it extends, or what is wrong with any of it.
    pub profile: Result<Profile, Vec<Diagnostic>>,
}

/// Where a profile has its name; a name is looked for in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// The user's own: the file, and how it is shown.
    User(PathBuf, String),
    /// For the whole machine, likewise.
    System(PathBuf, String),
    BuiltIn,
}

/// All profiles by name, and by home where one name has several. A directory that cannot be listed
/// is told, and hides nothing.
pub fn list() -> (Vec<Listed>, Vec<Diagnostic>) {
    list_in(&Places::of_this_machine())
}

/// Each name once, without a look at any profile.
pub fn names() -> Vec<String> {
    find::names(&Places::of_this_machine())
}

fn list_in(places: &Places) -> (Vec<Listed>, Vec<Diagnostic>) {
    let (mut named, mut troubles) = (Vec::new(), Vec::new());
    let directories =
        [places.user.as_ref().map(|user| (user, true)), Some((&places.system, false))];
    for (directory, user) in directories.into_iter().flatten() {
        let names = names_in(directory).unwrap_or_else(|error| {
            let title = format!("cannot list the profiles in `{}`", shown(places, directory));
            troubles.push(Diagnostic::warning(title).because(cause(&error)));
            Vec::new()
        });
        for name in names {
            let path = directory.join(format!("{name}.toml"));
            let words = shown(places, &path);
            named.push((
                name,
                if user { Home::User(path, words) } else { Home::System(path, words) },
            ));
        }
    }
    named.extend(BUILT_IN.iter().map(|(name, _)| ((*name).to_owned(), Home::BuiltIn)));
    named.sort();
    let mut listed: Vec<Listed> = Vec::with_capacity(named.len());
    for (name, home) in named {
        let hidden = listed.last().is_some_and(|before| before.name == name);
        let found = match &home {
            Home::User(path, _) | Home::System(path, _) => find::read(places, path),
            Home::BuiltIn => built_in(name.as_ref())
                .ok_or_else(|| Diagnostic::error(format!("there is no profile `{name}`"))),
        };
        let profile = found.map_err(|bad| vec![bad]).and_then(|found| load_found(places, found));
        listed.push(Listed { name, home, hidden, profile });
    }
    (listed, troubles)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn profiles_are_listed_by_name_with_what_hides_them() {
        let directory = tempfile::tempdir().unwrap();
        let user = directory.path().join("user");
        let system = directory.path().join("etc");
        fs::create_dir_all(&user).unwrap();
        fs::create_dir_all(&system).unwrap();
        fs::write(user.join("dev.toml"), "description = 'mine'\nextends = ['dev']").unwrap();
        fs::write(system.join("dev.toml"), "description = 'ours'").unwrap();
        fs::write(system.join("odd.toml"), "oddity = 1").unwrap();
        fs::write(system.join("note.txt"), "").unwrap();
        let home = directory.path().to_owned();
        let places = Places { user: Some(user), system, home: Some(home) };
        let (listed, troubles) = list_in(&places);
        assert_eq!(troubles, []);
        let of = |name: &str| -> Vec<(String, bool)> {
            let named = listed.iter().filter(|listed| listed.name == name);
            named
                .map(|listed| {
                    let words = match &listed.profile {
                        Ok(profile) => profile.description.as_ref().unwrap().value.clone(),
                        Err(errors) => errors[0].title.clone(),
                    };
                    (words, listed.hidden)
                })
                .collect()
        };
        let dev = of("dev");
        assert_eq!(dev[..2], [("mine".to_owned(), false), ("ours".to_owned(), true)]);
        assert!(dev[2].0.starts_with("Build") && dev[2].1, "{dev:?}");
        assert_eq!(of("odd"), [("unknown key `oddity`".to_owned(), false)]);
        assert_eq!(listed.len(), BUILT_IN.len() + 3);
        let names: Vec<_> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn a_directory_that_cannot_be_listed_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places {
            user: None,
            // Not a directory, but a link that leads to itself.
            system: directory.path().join("loop"),
            home: None,
        };
        std::os::unix::fs::symlink("loop", &places.system).unwrap();
        let (listed, troubles) = list_in(&places);
        assert_eq!(listed.len(), BUILT_IN.len());
        assert!(troubles[0].title.starts_with("cannot list the profiles in `"), "{troubles:?}");
    }
}
