//! `jail profile list`.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, visible};
use crate::profile::{self, Home, Listed};

use super::super::image::{print_json, table};
use super::super::voice::{Volume, answer, say};
use super::arguments::ListArguments;

/// Executes `jail profile list`.
pub fn list(arguments: &ListArguments) -> Result<u8, Vec<Diagnostic>> {
    if arguments.names {
        // One with a line break in it would be two.
        let names = profile::names().into_iter().filter(|name| visible(name) == *name);
        let lines: String = names.map(|name| name + "\n").collect();
        answer(lines.as_bytes())?;
        return Ok(0);
    }
    let (listed, troubles) = profile::list();
    say(&troubles, Volume::Everything);
    if arguments.json {
        return print_json(&listed.iter().map(object).collect::<Vec<_>>());
    }
    let mut rows = vec![["NAME", "FROM", "DESCRIPTION"].map(str::to_owned)];
    rows.extend(listed.iter().map(row));
    answer(table(&rows).as_bytes())?;
    Ok(0)
}

fn row(listed: &Listed) -> [String; 3] {
    let hidden = if listed.hidden { ", hidden by the one above" } else { "" };
    let words = match told(listed) {
        Ok(description) => description,
        Err(error) => format!("broken: {error}"),
    };
    [visible(&listed.name), format!("{}{hidden}", visible(from(listed))), visible(&words)]
}

fn object(listed: &Listed) -> Value {
    let file = match &listed.home {
        Home::User(path, _) | Home::System(path, _) => Some(path.to_string_lossy()),
        Home::BuiltIn => None,
    };
    let home = match listed.home {
        Home::User(..) => "user",
        Home::System(..) => "system",
        Home::BuiltIn => "built-in",
    };
    let told = told(listed);
    json!({
        "name": listed.name,
        "from": home,
        "file": file,
        "hidden": listed.hidden,
        "description": told.as_ref().ok(),
        "error": told.as_ref().err(),
    })
}

fn from(listed: &Listed) -> &str {
    match &listed.home {
        Home::User(_, shown) | Home::System(_, shown) => shown,
        Home::BuiltIn => "built in",
    }
}

/// The description, or the first error with its place.
fn told(listed: &Listed) -> Result<String, String> {
    match &listed.profile {
        Ok(profile) => {
            let description = profile.description.as_ref();
            Ok(description.map(|text| text.value.clone()).unwrap_or_default())
        }
        Err(errors) => {
            let Some(first) = errors.first() else { return Err(String::new()) };
            let place = first.origin.as_ref().map(|origin| format!(" ({origin})"));
            Err(format!("{}{}", first.title, place.unwrap_or_default()))
        }
    }
}
