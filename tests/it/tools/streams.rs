//! Pipes, redirections and binary data, as if there were no jail in between.

use std::fs;

use crate::require;
use crate::support::{Feature, Finished, Jail};

use super::with_jail_in_shell;

/// Every byte value, in ten megabytes.
fn binary() -> Vec<u8> {
    (0..10_000_000_u32).map(|index| (index ^ (index >> 8)) as u8).collect()
}

/// Runs a line of shell outside, in which `$JAIL` is the program.
fn sh(jail: &Jail, line: &str) -> Finished {
    jail.run_outside(["sh", "-c", line])
}

#[test]
fn binary_data_passes_through_a_pipe_unchanged() {
    let bytes = binary();
    let finished = Jail::new().stdin(bytes.clone()).run(["cat"]);
    finished.succeeds().is_silent();
    assert!(finished.stdout == bytes, "{} bytes came out", finished.stdout.len());
}

#[test]
fn binary_data_passes_between_files_that_are_not_granted() {
    let jail = with_jail_in_shell();
    let (from, to) = (jail.elsewhere().join("from"), jail.elsewhere().join("to"));
    let bytes = binary();
    let jail = jail.file(&from, &bytes).env("FROM", &from).env("TO", &to);
    sh(&jail, "\"$JAIL\" run cat < \"$FROM\" > \"$TO\"").succeeds().is_silent();
    assert!(fs::read(to).expect("it was written") == bytes);
}

#[test]
fn one_run_pipes_into_another() {
    let jail = with_jail_in_shell().file("text", "through two jails\n");
    let finished = sh(&jail, "\"$JAIL\" run cat text | \"$JAIL\" run tr a-z A-Z");
    finished.succeeds().outputs("THROUGH TWO JAILS\n").is_silent();
}

#[test]
fn a_reader_that_goes_away_ends_the_writer() {
    let jail = with_jail_in_shell();
    let line = "{ \"$JAIL\" run yes; echo $? >&2; } | head -n 2";
    sh(&jail, line).succeeds().outputs("y\ny\n").says("141");
}

/// The command closes its end of the pipe and lives on; jail must not hold the other copy.
#[test]
fn a_pipe_ends_when_the_command_closes_it() {
    let jail = with_jail_in_shell();
    let line = "mkfifo go; \"$JAIL\" run sh -c 'echo done; exec >&-; read word <go' \
                | { cat; echo word >go; }";
    sh(&jail, line).succeeds().outputs("done\n").is_silent();
}

#[test]
fn a_preserved_pipe_ends_when_the_command_closes_it() {
    let jail = with_jail_in_shell();
    let line = "mkfifo go; { \"$JAIL\" run --preserve-fd 3 sh -c \
                'echo done >&3; exec 3>&-; read word <go' 3>&1 >/dev/null; } \
                | { cat; echo word >go; }";
    sh(&jail, line).succeeds().outputs("done\n").is_silent();
}

#[test]
fn output_and_errors_stay_apart() {
    let finished = Jail::new().run(["sh", "-c", "echo out; echo err >&2; exit 4"]);
    finished.exits(4).outputs("out\n");
    assert_eq!(finished.stderr, b"err\n");
}

#[test]
fn names_of_standard_streams_work_for_pipes() {
    // The pipes of the shell belong to its user; those of this process may be root's, which
    // then could not be opened again outside either.
    let inside = "cat /dev/stdin > /dev/stdout; echo err > /dev/stderr; cat /dev/fd/0";
    let line = format!("echo in | \"$JAIL\" run sh -c '{inside}' 2>&1 | cat");
    sh(&with_jail_in_shell(), &line).succeeds().outputs("in\nerr\n").is_silent();
}

#[test]
fn names_of_standard_streams_work_for_files_that_are_not_granted() {
    let jail = with_jail_in_shell();
    let place = jail.elsewhere();
    let jail = jail.file(place.join("in"), "in\n").file(place.join("out"), "").env("PLACE", &place);
    jail.run_outside(["chmod", "777", &place.to_string_lossy()]).succeeds();
    let inside = "cat /dev/stdin > /dev/stdout; echo err > /dev/stderr; cat /proc/self/fd/0";
    let line = format!(
        "\"$JAIL\" run sh -c '{inside}' < \"$PLACE/in\" >> \"$PLACE/out\" 2> \"$PLACE/err\""
    );
    sh(&jail, &line).succeeds().is_silent();
    let read = |name: &str| fs::read_to_string(place.join(name)).expect("it was written");
    assert_eq!((read("out"), read("err")), ("in\nin\n".into(), "err\n".into()));
}

#[test]
fn a_file_that_is_only_read_from_cannot_be_written_by_its_name() {
    let jail = with_jail_in_shell();
    let input = jail.elsewhere().join("input");
    let jail = jail.file(&input, "precious").env("INPUT", &input);
    let write = "sh -c 'echo spoiled > /dev/stdin' < \"$INPUT\"";
    sh(&jail, &format!("\"$JAIL\" run {write}")).exits(2).says("cannot create");
    assert_eq!(fs::read_to_string(&input).expect("it is there"), "precious");
    sh(&jail, write).succeeds();
    assert_eq!(fs::read_to_string(&input).expect("it is there"), "spoiled\n");
}

#[test]
fn other_descriptors_have_names_too() {
    let jail = Jail::new().file("in", "from three\n");
    jail.run(["sh", "-c", "exec 3< in; cat /dev/fd/3"]).succeeds().outputs("from three\n");
    let substituted = "cat <(echo one) <(echo two); echo three > >(cat); wait";
    jail.run(["bash", "-c", substituted]).succeeds().outputs("one\ntwo\nthree\n");
}

#[test]
fn closed_streams_do_no_harm() {
    require!(Feature::Path("/proc/self/fd"));
    let jail = with_jail_in_shell();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"] {
        sh(&jail, &format!("\"$JAIL\" run sh -c 'exit 7' {closed}")).exits(7);
        // Nothing of jail's own has come to stand in their place.
        let list = "for fd in 0 1 2; do readlink /proc/self/fd/$fd; done > list; true";
        sh(&jail, &format!("\"$JAIL\" run sh -c '{list}' {closed}")).succeeds();
        let list = fs::read_to_string(jail.project().join("list")).expect("it was written");
        assert!(!list.contains("socket:") && !list.contains("anon_inode:"), "{closed}: {list}");
    }
}
