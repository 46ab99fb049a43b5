//! What was refused is told with the program that tried it.

use nix::sys::signal::Signal;

use super::world::{curl, world};
use crate::require;
use crate::support::Feature;

#[test]
fn the_program_that_was_refused_is_named() {
    require!(Feature::Userns);
    let jail = world(&["good.example:80"]);
    let three = "for n in 1 2 3; do curl -sS -4 http://evil.example/; done";
    jail.run(["sh", "-c", three])
        .exits(6)
        .says("note: refused evil.example (curl, 3 times): not in `[network] allow`");
    // Of a socket of each kind.
    let script = "import socket\n\
        for family, place in [(socket.AF_INET, '203.0.113.8'), (socket.AF_INET6, '2600::8'),\n\
        \x20                     (socket.AF_INET6, '::ffff:203.0.113.9')]:\n\
        \x20   one = socket.socket(family)\n\
        \x20   one.connect((place, 80))\n\
        \x20   try: one.recv(1)\n\
        \x20   except ConnectionResetError: print('reset')\n\
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        one.sendto(bytes.fromhex('000701000001000000000000') + b'\\4evil\\0\\0\\1\\0\\1', ('198.18.0.1', 53))\n\
        print(one.recv(100)[3] & 15)\n";
    jail.run(["python3", "-c", script])
        .outputs("reset\nreset\nreset\n3\n")
        .says("refused 203.0.113.8:80 (python3, once)")
        .says("refused [2600::8]:80 (python3, once)")
        .says("refused 203.0.113.9:80 (python3, once)")
        .says("refused evil (python3, once)");
}

/// Its name is a sentence of its own, and the terminal's commands.
#[test]
fn what_a_program_calls_itself_is_no_more_than_a_name() {
    require!(Feature::Userns);
    let script = "import socket\n\
        def ask(name, own):\n\
        \x20   open('/proc/self/comm', 'wb').write(own)\n\
        \x20   try: socket.getaddrinfo(name, 80)\n\
        \x20   except socket.gaierror: print('refused')\n\
        ask('one.evil', b'a, 3 times): ok')\n\
        ask('two.evil', b'\\x1b[2J\\nb`\"\\xff')\n\
        ask('three.evil', b'\\xc2\\x9b' * 7)\n";
    let finished = world(&["good.example:80"]).run(["python3", "-c", script]);
    finished
        .outputs("refused\nrefused\nrefused\n")
        .says("refused one.evil (a? 3 times?: ok, once): not in")
        .says("refused two.evil (??2J?b???, once): not in")
        .says("refused three.evil (??????????????, once): not in");
}

/// Then it is told without a name, and soon: nobody looks at all of it.
#[test]
fn a_program_among_very_many_descriptors_has_no_name() {
    require!(Feature::Userns);
    let script = "import os, resource, socket, subprocess\n\
        few = resource.getrlimit(resource.RLIMIT_NOFILE)[0]\n\
        holders = [subprocess.Popen(['python3', '-c', f'''import os\n\
        for _ in range({few} - 20): os.open('/dev/null', 0)\n\
        print('open', flush=True)\n\
        input()'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(12000 // few + 1)]\n\
        for one in holders: one.stdout.readline()\n\
        subprocess.run(['curl', '-sS', 'http://evil.example/'])\n";
    let jail = world(&["good.example:80"]);
    jail.run(["python3", "-c", script]).says("refused evil.example (once): not in");
}

/// Whoever waits for it waits for ever.
#[test]
fn a_stopped_supervisor_does_not_hold_the_network_up() {
    require!(Feature::Userns);
    let jail = crate::support::Jail::new().args(["--network", "allow", "--allow", "a.example:80"]);
    let get = curl(&["http://evil.example/"]).join(" ").replace(" --cacert world/server.crt", "");
    let script = format!("echo ready; read line; {get}; echo ended $?");
    let mut running = jail.start(["sh", "-c", &script]);
    running.wait_for("ready");
    running.signal(Signal::SIGSTOP);
    running.say("");
    running.wait_for("ended 6");
    running.signal(Signal::SIGCONT);
    running.finish().succeeds().says("refused evil.example (once): not in");
}
