//! The whole plan, as `jail run` would carry it out.

use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::remedy::Fix;

use super::child::LONG;
use super::primitive::Primitive;
use super::rehearsal::{Stumble, obstacle, rehearse};
use super::types::{Check, State};

/// Whether it can be planned and carried out. `before` is what was found about its parts.
pub fn whole(drawn: &Result<Plan, Vec<Diagnostic>>, before: &[Check]) -> Check {
    let name = Primitive::Profile;
    let lacks = before.iter().any(|check| check.state == State::Missing);
    match drawn {
        Err(said) => {
            let told = |said: &&Diagnostic| {
                let cause = said.because.as_ref().unwrap_or(&said.title);
                !before.iter().any(|check| check.found.contains(cause))
            };
            let untold: Vec<Diagnostic> = said.iter().filter(told).cloned().collect();
            match untold.is_empty() {
                true => Check::missing(name, "what is missing above stands against it"),
                false => Check::refused(name, &untold),
            }
        }
        Ok(plan) => match obstacle(plan) {
            Some(obstacle) if lacks => {
                Check::missing(name, format!("not tried, as {obstacle}; but see above"))
            }
            Some(obstacle) => Check::ok(name, format!("planned; not tried, as {obstacle}")),
            None => match rehearse(plan, LONG) {
                None => Check::ok(name, "all of it was done, up to the command"),
                Some(stumble) if lacks && is_told(&stumble, before) => {
                    Check::missing(name, "what is missing above stands against it")
                }
                Some(stumble) => Check::failed(name, &stumble),
            },
        },
    }
}

/// To do without namespaces, where that is all that is missing: it is proposed only if it was done.
pub fn without_namespaces(draw: &dyn Fn() -> Option<Plan>) -> Option<Fix> {
    let plan = draw().filter(|plan| obstacle(plan).is_none())?;
    rehearse(&plan, LONG).is_none().then(|| {
        Fix::new(
            "or run by Landlock and a filter alone, which was tried and works, but hides nothing: \
             `--degrade namespaces`, in a profile `degrade = [\"namespaces\"]`",
        )
    })
}

/// Whether the same words stand above.
fn is_told(stumble: &Stumble, before: &[Check]) -> bool {
    let because = stumble.because.as_deref().unwrap_or(&stumble.title);
    before.iter().any(|check| check.state == State::Missing && check.found.contains(because))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::rehearsal::tests::copy;

    #[test]
    fn a_plan_that_cannot_be_rehearsed_is_judged_by_its_parts() {
        let fine = whole(&Ok(copy()), &[Check::ok(Primitive::Proc, "")]);
        let found = "planned; not tried, as a private copy of the image would be made for it";
        assert_eq!((fine.state, fine.found.as_str()), (State::Ok, found));
        let lacking = whole(&Ok(copy()), &[Check::missing(Primitive::Proc, "")]);
        let found = "not tried, as a private copy of the image would be made for it; but see above";
        assert_eq!((lacking.state, lacking.found.as_str()), (State::Missing, found));
    }

    #[test]
    fn what_is_told_above_is_not_told_again() {
        let refusal = Diagnostic::error("cannot limit memory").because("no cgroup may be changed");
        let above = Check::missing(Primitive::Memory, "no cgroup may be changed");
        let told = whole(&Err(vec![refusal.clone()]), &[above]).found;
        assert_eq!(told, "what is missing above stands against it");
        let untold = whole(&Err(vec![refusal]), &[]).found;
        assert_eq!(untold, "cannot limit memory: no cgroup may be changed");
    }
}
