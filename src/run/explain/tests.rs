//! Words for what no test can bring about by itself.

use crate::diagnostic::{Palette, render};

use super::*;

fn told(refused: &Refused) -> String {
    render(&refused.diagnostic, Palette::Plain)
}

fn step(action: Action) -> Step {
    Step { action, origin: Origin::BuiltIn }
}

/// A plan of one step, which failed so.
fn failed(action: Action, call: Call, errno: Errno) -> Refused {
    let plan = Plan { steps: vec![step(action)], notes: Vec::new(), degraded: Vec::new() };
    explain(Failure { step: 0, fault: Fault { call, errno } }, &plan)
}

fn exec(program: &str) -> Action {
    Action::Exec { argv: vec![program.into()], search: Vec::new() }
}

#[test]
fn a_command_with_too_many_words() {
    let refused = failed(exec("/bin/true"), Call::Execve, Errno::E2BIG);
    assert_eq!(refused.status, 126);
    assert_eq!(
        told(&refused),
        "jail: error: cannot execute `/bin/true`\n\
         because: its arguments and environment are too long together [E2BIG]\n\
         help: pass fewer variables, or put the arguments into a file\n"
    );
}

#[test]
fn a_step_that_is_not_in_the_plan() {
    let plan = Plan { steps: Vec::new(), notes: Vec::new(), degraded: Vec::new() };
    let fault = Fault { call: Call::Mount, errno: Errno::EPERM };
    let refused = explain(Failure { step: 7, fault }, &plan);
    assert_eq!(told(&refused), "jail: error: an unknown step failed\n");
    assert_eq!(refused.status, 125);
}

#[test]
fn a_kernel_without_namespaces() {
    assert_eq!(
        render(&explain_clone(Errno::EINVAL), Palette::Plain),
        "jail: error: cannot create the sandbox's namespaces\n\
         because: this kernel lacks one of the namespaces [EINVAL]\n\
         help: jail needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS and CGROUPS\n\
         help: `jail doctor`, with the same options, tries all that they need and says how to get \
         it here\n\
         help: to run without namespaces: --degrade namespaces, in a profile \
         degrade = [\"namespaces\"]\n"
    );
}

#[test]
fn ids_that_newuidmap_refuses() {
    let said = explain_mapping(OsStr::new("/usr/bin/newuidmap"), "range is not allowed\n");
    let said = render(&said, Palette::Plain);
    assert!(
        said.starts_with("jail: error: `/usr/bin/newuidmap` could not map the ids\n"),
        "{said}"
    );
    let help = "help: check your lines in /etc/subuid and /etc/subgid, or use --ids single\n";
    assert!(said.contains("range is not allowed") && said.ends_with(help), "{said}");
}
