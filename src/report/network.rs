//! What the network refused, in words.

use crate::diagnostic::{Diagnostic, Origin};
use crate::forward::Account;
use crate::plan::{Action, Plan};

/// So many are told one by one; the report has more.
const MOST: usize = 20;

/// One note for each refusal, and how to let it through.
pub fn network(plan: &Plan, account: &Account) -> Vec<Diagnostic> {
    let place = plan.steps.iter().rev().find_map(|step| match step.action {
        Action::Allow(_) | Action::Forward { .. } => Some(&step.origin),
        _ => None,
    });
    let told = account.refused.iter().take(MOST).map(|counted| {
        let line = counted.line();
        Diagnostic::note(match (counted.refused.entry(), place) {
            (Some(entry), Some(place)) => {
                let known = counted.refused.port.is_some();
                format!("{line}; {}", remedy(&entry, known, place))
            }
            (Some(_), None) | (None, _) => line,
        })
    });
    let mut notes: Vec<Diagnostic> = told.collect();
    let untold = account.refused.len().saturating_sub(MOST) as u64 + account.further;
    if untold > 0 {
        notes.push(Diagnostic::note(format!("{untold} more were refused by the network")));
    }
    if account.uncounted {
        let title =
            "connections came faster than refused ones are counted: these numbers may be too low";
        notes.push(Diagnostic::note(title));
    }
    if account.died {
        let title = "the process that served the network ended before the command did";
        notes.push(Diagnostic::warning(title).because("from then on nothing could be reached"));
    }
    notes
}

/// A name that was only asked for has no port yet: the entry means those of the web.
fn remedy(entry: &str, port_is_known: bool, place: &Origin) -> String {
    // A name may begin like an option.
    let flag = if entry.starts_with('-') { "--allow=" } else { "--allow " };
    let (add, of) = match (place.built_in_profile(), place) {
        (Some(profile), _) => (
            format!("{flag}{entry}, or \"{entry}\""),
            format!(" in a profile of your own that extends `{profile}`"),
        ),
        (None, Origin::File { .. }) => (format!("\"{entry}\""), format!(" in {place}")),
        (None, Origin::BuiltIn | Origin::Flag(_) | Origin::Variable(_)) => {
            (format!("{flag}{entry}"), String::new())
        }
    };
    match port_is_known {
        true => format!("add {add}{of}"),
        false => format!("add {add}{of}, or `{entry}:PORT` for others than 443 and 80"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_added_is_taken_as_it_is_told() {
        let flag = Origin::Flag("--allow".into());
        assert_eq!(remedy("a.example:443", true, &flag), "add --allow a.example:443");
        assert_eq!(remedy("-a.example:443", true, &flag), "add --allow=-a.example:443");
    }
}
