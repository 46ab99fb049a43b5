//! `untrusted`: code that nobody has read does its work, and nothing of it stays.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail, Pty};

const CONFIGURE: &str = "#!/bin/sh\nset -e\nprintf 'int main(void) { return 0; }' > conftest.c\n\
    ${CC:-cc} -o conftest conftest.c && ./conftest && rm conftest*\n\
    echo '#define HAVE_CC 1' > config.h\necho 'all:; cc -o main main.c && ./main' > Makefile\n";

fn stranger() -> Jail {
    project("untrusted")
        .script("configure", CONFIGURE)
        .file(
            "main.c",
            "#include <stdio.h>\n#include \"config.h\"\nint main(void) { puts(\"built\"); }\n",
        )
        .file(".env", "s3cr3t\n")
}

#[test]
fn configure_and_make_work_and_leave_nothing() {
    require!(Feature::Program("make"));
    let jail = stranger();
    sh(&jail, "./configure && make").output_has("built\n");
    sh(&jail, "rm -rf configure main.c && ls").outputs("");
    outside(&jail, "find . | sort").outputs(".\n./.env\n./configure\n./main.c\n");
}

/// What `strict` cannot: programs that write beside themselves.
#[test]
fn strict_is_another_profile() {
    let jail = project("strict").script("configure", CONFIGURE);
    jail.run(["./configure"]).fails().says("Read-only file system");
}

#[test]
fn what_is_wanted_of_it_is_granted() {
    let jail = stranger().directory("out").args(["--write", "./out"]);
    sh(&jail, "echo result > out/result && echo thrown > thrown").succeeds();
    outside(&jail, "cat out/result; ls").outputs("result\nconfigure\nmain.c\nout\n");
}

#[test]
fn interpreters_and_virtual_machines_work_within_the_limits() {
    require!(Feature::Program("node"));
    require!(Feature::Program("python3"));
    require!(Feature::Program("java"));
    let pool = "import multiprocessing\nif __name__ == '__main__':\n \
                print(sum(multiprocessing.Pool(2).map(abs, [-40, 2])))\n";
    let java =
        "class Kata { public static void main(String[] a) { System.out.println(6 * 7); } }\n";
    let jail = project("untrusted").file("kata.py", pool).file("Kata.java", java);
    jail.run(["python3", "kata.py"]).succeeds().outputs("42\n");
    jail.run(["node", "-p", "6 * 7"]).succeeds().outputs("42\n");
    jail.run(["java", "Kata.java"]).succeeds().outputs("42\n");
}

#[test]
fn it_is_limited_without_a_cgroup() {
    let jail = stranger();
    sh(&jail, "ulimit -n").outputs("1024\n");
    let memory = "x = bytearray(5 << 30)";
    jail.run(["python3", "-c", memory]).fails().says("MemoryError");
    jail.run(["sh", "-c", "ulimit -n 2048"]).fails();
    let fork = "import os, time\ntry:\n while True:\n  if not os.fork(): time.sleep(100)\n\
                except BlockingIOError: print('enough')\n";
    jail.run(["python3", "-c", fork]).succeeds().outputs("enough\n");
    jail.args(["--time", "1"]).run(["sleep", "1000"]).exits(124);
}

/// Who has less keeps that, and the code runs.
#[test]
fn lower_limits_of_its_user_stay() {
    let lower = "ulimit -n 512 && ulimit -d 3000000 && ulimit -f 1000 && exec nice -n 15 \"$@\"";
    let jail = stranger().through(["bash", "-c", lower, "bash"]);
    jail.run(["bash", "-c", "ulimit -n; ulimit -d; ulimit -f"])
        .succeeds()
        .outputs("512\n3000000\n1000\n");
}

#[test]
fn it_reads_no_secret_and_reaches_nobody() {
    let jail = stranger();
    jail.outside("read .env").succeeds();
    jail.probe("read .env").refused("EACCES");
    jail.probe("socket 2 1 0").refused("EAFNOSUPPORT");
    jail.probe("socket 10 2 0").refused("EAFNOSUPPORT");
    jail.outside("socket 2 1 0").succeeds();
}

/// It could ask for a password there, as if it were the shell.
#[test]
fn it_has_no_terminal() {
    let jail = stranger();
    let line = jail.run_line(["sh", "-c", "(: <>/dev/tty) && echo op'en' || echo abs'ent'"]);
    let mut pty = Pty::start(&jail, line);
    pty.wait_for("absent");
    pty.finish();
    let line = vec!["sh".into(), "-c".into(), "(: <>/dev/tty) && echo op'en'".into()];
    let mut pty = Pty::start(&jail, line);
    pty.wait_for("open");
    pty.finish();
}
