//! Why a command is not executed.

use snapbox::str;

use crate::support::Jail;

use super::says;

#[test]
fn a_command_that_nobody_has() {
    let jail = Jail::new();
    says(
        &jail,
        &jail.run(["no-such-command"]),
        127,
        str![[r#"
jail: error: command `no-such-command` not found in the sandbox
because: the host does not have it in the directories of PATH either

"#]],
    );
}

#[test]
fn a_command_that_is_not_visible() {
    let jail = Jail::new();
    let tool = jail.home().join("bin/tool");
    let jail = jail.home_file("bin/tool", "#!/bin/sh\n");
    says(
        &jail,
        &jail.run([tool.as_os_str()]),
        127,
        str![[r#"
jail: error: command `[HOME]/bin/tool` not found in the sandbox
because: `[HOME]/bin/tool` is a script for `/bin/sh`; one of the two is not visible inside
help: grant both: --read [HOME]/bin/tool --read /bin/sh

"#]],
    );
}

/// Who wrote the script chose the name: it is not for a shell to carry out.
#[test]
fn a_script_with_a_command_for_its_interpreter() {
    let jail = Jail::new().script("script", "#!/opt/$(reboot)\n");
    jail.run(["./script"]).exits(127).says("--read '/opt/$(reboot)'\n");
}

/// Nor is it to carry out the name of a directory.
#[test]
fn programs_in_a_directory_with_a_command_for_its_name() {
    let odd = Jail::new().home_file("a\"b\\c/x", "");
    let expected = format!("`read = [\"{}/a\\\"b\\\\c\"]` below", odd.home().display());
    odd.run([odd.home().join("a\"b\\c/x")]).exits(127).says(&expected);
    let jail = Jail::new().home_file("$(reboot)/x", "").script("$(reboot)/x", "#!/missing\n");
    let elsewhere = jail.home().join("$(reboot)");
    jail.run([elsewhere.join("x")]).exits(127).says(&format!("--read '{}',", elsewhere.display()));
    jail.run(["./$(reboot)/x"]).exits(127).says("--read './$(reboot)/x' --read /missing\n");
    let program = jail.project().join("$(reboot)/touch");
    std::fs::copy("/usr/bin/touch", &program).expect("there is one");
    let jail = jail.args(["--profile", "base", "--workdir", "/", "--root", "empty", "--read", "."]);
    let lists = format!("`readelf -dl '{}'` lists it\n", program.display());
    jail.run([program.as_os_str()]).exits(127).says(&lists);
}

/// The kernel says the same where a program is missing and where its loader is.
#[test]
fn a_program_whose_loader_is_not_visible() {
    let jail = Jail::new().args(["--profile", "base", "--workdir", "/"]);
    let jail = jail.args(["--root", "empty", "--read", "/usr/bin"]);
    says(
        &jail,
        &jail.run(["touch", "ran"]),
        127,
        str![[r#"
jail: error: command `touch` not found in the sandbox
because: `/usr/bin/touch` is there, but not the dynamic loader that it names
help: grant what it is made of: `readelf -dl /usr/bin/touch` lists it

"#]],
    );
}

#[test]
fn a_script_whose_interpreter_is_not_visible() {
    let jail = Jail::new();
    let shebang = format!("#!{}/bin/interpreter\n", jail.home().display());
    let jail = jail.home_file("bin/interpreter", "").script("script", &shebang);
    says(
        &jail,
        &jail.run(["./script"]),
        127,
        str![[r#"
jail: error: command `./script` not found in the sandbox
because: `./script` is a script for `[HOME]/bin/interpreter`; one of the two is not visible inside
help: grant both: --read ./script --read [HOME]/bin/interpreter

"#]],
    );
}

#[test]
fn a_file_that_cannot_be_executed() {
    let jail = Jail::new().file("text", "text").script("binary", "\0\0\0");
    says(
        &jail,
        &jail.run(["./text"]),
        126,
        str![[r#"
jail: error: cannot execute `./text`
because: permission denied [EACCES]
help: it must be a file with the x bit (`chmod +x`), and on no noexec mount

"#]],
    );
    says(
        &jail,
        &jail.run(["./binary"]),
        126,
        str![[r#"
jail: error: cannot execute `./binary`
because: exec format error [ENOEXEC]
help: a script needs a first line such as #!/bin/sh

"#]],
    );
}
