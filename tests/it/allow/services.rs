//! Real servers, each with its own client, which knows of no proxy: git over ssh, PostgreSQL, a registry.

use std::path::Path;

use super::world::{curl, prepare, serving, world};
use crate::require;
use crate::support::{Feature, Finished, Jail, program};

const SSHD: &str = "\
ListenAddress 203.0.113.7:22
ListenAddress 203.0.113.8:22
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
";

/// A repository of one commit on good.example and on other.example, over ssh.
fn with_ssh(jail: Jail) -> Jail {
    let place = jail.project().join("world").display().to_string();
    let settings = format!("{SSHD}HostKey {place}/host-key\nAuthorizedKeysFile {place}/key.pub\n");
    let jail = jail.file("world/sshd_config", settings);
    for key in ["key", "host-key"] {
        prepare(&jail, ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
    }
    let host_key = std::fs::read_to_string(jail.project().join("world/host-key.pub"));
    let host_key = host_key.expect("it was made");
    let jail = jail.file("world/known_hosts", format!("good.example,other.example {host_key}"));
    let make = "git init -q work && cd work && git -c user.name=a -c user.email=a@b commit -q \
        --allow-empty -m first && git clone -q --bare . ../work.git";
    prepare(&jail, ["sh", "-c", make]);
    let config = format!("{place}/sshd_config");
    serving(jail, 22, [&path("sshd"), "-D", "-e", "-f", &config])
}

/// sshd wants to be started by its whole path, and that of PostgreSQL is not in PATH.
fn path(name: &str) -> String {
    program(name).expect("it was asked for").display().to_string()
}

fn clone(jail: &Jail, host: &str) -> [String; 6] {
    let ssh = "core.sshCommand=ssh -F none -i world/key -o UserKnownHostsFile=world/known_hosts";
    let repository = jail.project().join("world/work.git");
    let url = format!("ssh://{}@{host}{}", jail.user().name, repository.display());
    ["git", "-c", ssh, "clone", "-q", &url].map(str::to_owned)
}

#[test]
fn git_over_ssh_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("ssh"));
    require!(Feature::Program("sshd"));
    let jail = with_ssh(world(&["good.example:22"]));
    jail.run(clone(&jail, "good.example")).succeeds();
    jail.run(["git", "-C", "work", "log", "--format=%s"]).outputs("first\n");
    std::fs::remove_dir_all(jail.project().join("work")).expect("it is there");
    jail.run(clone(&jail, "other.example")).exits(128).says("refused other.example (ssh, once)");
    assert!(!jail.project().join("work").exists());
    jail.run_outside(clone(&jail, "other.example")).succeeds();
}

/// A database of which everybody may ask who comes by TLS.
fn with_database(jail: Jail) -> Jail {
    let [initdb, server] = ["initdb", "postgres"].map(path);
    let make =
        ["-D", "data", "-U", "app", "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8"];
    prepare(&jail, [initdb.as_str()].iter().chain(&make));
    let place = jail.project().join("world");
    let (data, place) = (place.join("data").display().to_string(), place.display());
    let settings = format!(
        "listen_addresses = '203.0.113.7,203.0.113.8'\nunix_socket_directories = ''\nfsync = off\n\
         ssl = on\nssl_cert_file = '{place}/server.crt'\nssl_key_file = '{place}/server.key'\n"
    );
    let jail = jail.file(Path::new(&data).join("postgresql.auto.conf"), settings);
    let jail = jail.file(Path::new(&data).join("pg_hba.conf"), "hostssl all app all trust\n");
    serving(jail, 5432, [&server, "-D", &data])
}

fn ask(host: &str) -> [String; 4] {
    let database = format!(
        "host={host} user=app dbname=postgres sslmode=verify-ca sslrootcert=world/server.crt"
    );
    let question = "select 'reached ' || host(inet_server_addr()), count(*) from pg_class where relname = 'pg_class'";
    ["psql", "-Atc", question, &database].map(str::to_owned)
}

/// A database has a port a little before it has answers.
fn when_it_answers(ask: impl Fn() -> Finished) -> Finished {
    let mut asked = ask();
    for _ in 0..30 {
        if !String::from_utf8_lossy(&asked.stderr).contains("FATAL:  the database system is") {
            break;
        }
        asked = ask();
    }
    asked
}

#[test]
fn psql_needs_no_proxy() {
    require!(Feature::Userns);
    require!(Feature::Program("psql"));
    require!(Feature::Program("postgres"));
    let jail = with_database(world(&["good.example:5432"]));
    let inside = when_it_answers(|| jail.run(ask("good.example")));
    inside.succeeds().outputs("reached 203.0.113.7|1\n");
    jail.run(ask("other.example")).exits(2).says("refused other.example (psql, once)");
    let outside = when_it_answers(|| jail.run_outside(ask("other.example")));
    outside.succeeds().outputs("reached 203.0.113.8|1\n");
}

const REGISTRY: &str = "\
version: 0.1
storage:
  filesystem:
    rootdirectory: PLACE/images
http:
  addr: :5000
  tls:
    certificate: PLACE/server.crt
    key: PLACE/server.key
";

/// A registry with an image of one layer.
fn with_registry(jail: Jail) -> Jail {
    let place = jail.project().join("world").display().to_string();
    let jail = jail.file("world/registry.yml", REGISTRY.replace("PLACE", &place));
    let certificate = std::fs::read(jail.project().join("world/server.crt")).expect("it was made");
    let jail = jail.file("trusted/ca.crt", certificate).file("world/greeting", "hello\n");
    prepare(&jail, ["umoci", "init", "--layout", "layout"]);
    prepare(&jail, ["umoci", "new", "--image", "layout:1"]);
    prepare(&jail, "umoci insert --rootless --image layout:1 greeting /greeting".split(' '));
    let settings = format!("{place}/registry.yml");
    let jail = serving(jail, 5000, ["docker-registry", "serve", &settings]);
    jail.run_outside(copy("oci:world/layout:1", "docker://good.example:5000/team/app:1"))
        .succeeds();
    jail
}

/// Anonymously: outside, credentials of root may be in a file that only root may read.
fn copy(from: &str, to: &str) -> Vec<String> {
    let side = if from.starts_with("docker:") { "src" } else { "dest" };
    let line = format!(
        "skopeo --insecure-policy copy -q --{side}-cert-dir=trusted --{side}-no-creds {from} {to}"
    );
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn skopeo_needs_no_proxy() {
    require!(Feature::Userns);
    for program in ["skopeo", "umoci", "docker-registry"] {
        require!(Feature::Program(program));
    }
    let jail = with_registry(world(&["good.example:5000"]));
    jail.run(copy("docker://good.example:5000/team/app:1", "oci:copy:1")).succeeds();
    jail.run_outside(["umoci", "unpack", "--rootless", "--image", "copy:1", "unpacked"]).succeeds();
    jail.run(["cat", "unpacked/rootfs/greeting"]).outputs("hello\n");
    let other = copy("docker://evil.example:5000/team/app:1", "oci:other:1");
    jail.run(&other).fails().says("refused evil.example (");
    let tags = "https://evil.example:5000/v2/team/app/tags/list";
    jail.run_outside(curl(&[tags])).succeeds().output_has("team/app");
}
