//! Debuggers on children of their own, which the profile `dev` allows.

use crate::require;
use crate::support::{Feature, Jail};

use super::developer;

const PROGRAM: &str = "int twice(int number) { return number + number; }\n\
                       int main(void) { return twice(21) != 42; }\n";

#[test]
fn gdb_stops_a_program_at_a_breakpoint() {
    require!(Feature::Program("gdb"));
    require!(Feature::Program("gcc"));
    let jail = developer().file("twice.c", PROGRAM);
    jail.run(["gcc", "-g", "-o", "twice", "twice.c"]).succeeds();
    let gdb = ["gdb", "-q", "-batch", "-ex", "break twice", "-ex", "run"];
    let then = ["-ex", "print number * 100", "-ex", "continue", "./twice"];
    let debugged = jail.run(gdb.into_iter().chain(then));
    debugged.succeeds().output_has("$1 = 2100").output_has("exited normally");
}

#[test]
fn strace_sees_the_calls_of_a_child() {
    require!(Feature::Program("strace"));
    let traced = developer().run(["strace", "-f", "sh", "-c", "true; exit 3"]);
    traced.exits(3).says("execve(").says("exited with 3");
}

#[test]
fn tracing_is_refused_where_the_profile_does_not_grant_it() {
    require!(Feature::Program("strace"));
    Jail::new().run_outside(["strace", "true"]).succeeds();
    let refused = Jail::new().run(["strace", "true"]);
    refused.exits(1).says("Operation not permitted");
}
