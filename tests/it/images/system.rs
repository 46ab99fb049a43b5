//! Work on a real system: what people do in an image, with all protections on, and nothing
//! unexpected is said.

use crate::require;
use crate::support::{Feature, Jail, Pty, real_images};

use super::commands::image;

/// A project whose user has Debian with compilers as the image `dev`.
fn debian() -> Jail {
    let jail = Jail::new().file("work.py", WORK).file("hello.c", HELLO).file("add.c", ADD);
    let reference = format!("oci:{}:dev", real_images().unwrap().join("oci").display());
    image(&jail, &["import", "--quiet", &reference, "dev"]).succeeds();
    jail.args(["--image", "dev", "--network", "none"])
}

/// What a program does that uses the whole library.
const WORK: &str = r#"
import asyncio, http.server, json, multiprocessing, os, socket, sqlite3, subprocess, sys
import tempfile, threading, urllib.request

done = []
threads = [threading.Thread(target=done.append, args=(n,)) for n in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert sorted(done) == list(range(50))

with multiprocessing.Pool(4) as pool:
    assert pool.map(abs, range(-100, 0)) == list(range(100, 0, -1))

piped = subprocess.run(["sort"], input="b\na\n", capture_output=True, text=True, check=True)
assert piped.stdout == "a\nb\n", piped
shell = subprocess.run("exit 7", shell=True, preexec_fn=os.setsid)
assert shell.returncode == 7

async def several():
    programs = [await asyncio.create_subprocess_exec("true") for _ in range(10)]
    assert [await program.wait() for program in programs] == [0] * 10
asyncio.run(several())

with tempfile.TemporaryDirectory() as place:
    database = sqlite3.connect(os.path.join(place, "d"))
    database.execute("pragma journal_mode = wal")
    database.execute("create table t (n)")
    database.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    database.commit()
    assert database.execute("select sum(n) from t").fetchone() == (499500,)

class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path}).encode())
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
answer = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/x").read()
assert json.loads(answer) == {"path": "/x"}
server.shutdown()

try:
    socket.create_connection(("192.0.2.1", 80), 1)
    sys.exit("there is a network")
except OSError:
    pass

with open("made", "w") as file:
    file.write("by python\n")
print("all done")
"#;

const HELLO: &str = r#"
#include <pthread.h>
#include <stdio.h>
int add(int, int);
static void *work(void *number) { *(int *)number = add(40, 2); return number; }
int main(void) {
    pthread_t thread;
    int number = 0;
    if (pthread_create(&thread, NULL, work, &number) || pthread_join(thread, NULL)) return 1;
    return printf("%d\n", number) < 0;
}
"#;

const ADD: &str = "int add(int a, int b) { return a + b; }\n";

/// Shell scripts, and all that they write.
const SCRIPTS: [(&str, &str); 8] = [
    ("python3 work.py && cat made", "all done\nby python\n"),
    (
        "gcc -O2 -g -Wall -Werror -fPIC -shared -o /tmp/libadd.so add.c &&
         gcc -O2 -flto -Wall -Werror -o hello hello.c -L/tmp -ladd -pthread -Wl,-rpath,/tmp &&
         ./hello && gcc -static -o /tmp/still hello.c add.c && /tmp/still",
        "42\n42\n",
    ),
    ("dpkg -l | grep -c '^ii  python3 '; dpkg -S /usr/bin/gcc; dpkg --audit", "1\ngcc: /usr/bin/gcc\n"),
    ("find / -xdev | grep -cx -e /etc/os-release -e /opt/again -e /etc/debian_version", "2\n"),
    ("find / -xdev -type f -exec cat {} + >/dev/null; echo $?", "0\n"),
    ("ls /usr/share/doc/apt; cat /etc/issue/inside; stat -c '%a %h' /opt/linked", "new\nwas a file\n4755 3\n"),
    (
        "mkdir /opt/new && mv /opt/again /opt/new/ && rm -r /usr/share/doc && ln /opt/third /opt/4 &&
         chmod 700 /etc && touch -d @1 /usr/bin/gcc && stat -Lc '%a %Y' /opt/new/again /usr/bin/gcc",
        "4755 1700000000\n755 1\n",
    ),
    (
        "bash -c 'set -o pipefail; seq 1000 | tac | (sleep 0; head -1); cat <(echo a) <(echo b); \
         coproc cat; echo c >&${COPROC[1]}; read x <&${COPROC[0]}; echo $x; trap \"echo t\" USR1; kill -USR1 $$'",
        "1000\na\nb\nc\nt\n",
    ),
];

/// Says when it has started, with all that it starts, and when it goes on.
const WAITER: &str =
    "#!/bin/sh\ntrap 'echo went on' CONT\nsleep 1000 &\necho started\nwhile :; do wait; done\n";

fn works(user: &[&str]) {
    let jail = debian().args(user);
    for (script, expected) in SCRIPTS {
        jail.run(["sh", "-c", script]).succeeds().outputs(expected).is_silent();
    }
}

#[test]
fn debian_works_for_root_of_the_image() {
    require!(Feature::RealImages);
    works(&[]);
}

#[test]
fn debian_works_for_the_caller() {
    require!(Feature::RealImages);
    works(&["--user", "keep"]);
}

#[test]
fn a_shell_of_an_image_has_job_control() {
    require!(Feature::RealImages);
    let mut jail = debian().script("waiter", WAITER).args(["--env", "PS1=ready> "]);
    for user in [&[][..], &["--user", "keep"]] {
        jail = jail.args(user);
        let mut pty = Pty::start(&jail, jail.run_line(["bash", "--norc"]));
        pty.wait_for("ready> ");
        pty.send("./waiter | cat\n");
        pty.wait_for("started");
        pty.send("\x1a");
        pty.wait_for("Stopped");
        pty.wait_for("ready> ");
        pty.send("jobs\n");
        pty.wait_for("Stopped");
        pty.wait_for("ready> ");
        pty.send("fg\n");
        pty.wait_for("went on");
        pty.send("\x03");
        pty.wait_for("ready> ");
        pty.send("echo typed >/dev/tty; stty size; exit 3\n");
        pty.wait_for("\ntyped");
        pty.wait_for("24 80");
        let (status, shown) = pty.finish();
        assert_eq!(status.code(), Some(3), "{shown}");
        for unexpected in ["cannot", "not permitted", "denied", "error", "Inappropriate"] {
            assert!(!shown.contains(unexpected), "{shown}");
        }
    }
}
