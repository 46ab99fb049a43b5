//! What no profile lets through, planted for real and looked for from inside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::{all_names, flags};
use crate::support::{Feature, Jail, missing, probe_binary};

/// Files of a home. Each holds its own name after the word that is looked for.
const FILES: [&str; 48] = [
    // Keys
    ".ssh/id_ed25519",
    ".ssh/config",
    ".ssh/known_hosts",
    ".gnupg/private-keys-v1.d/key.key",
    ".local/share/keyrings/login.keyring",
    ".password-store/mail.gpg",
    // Clouds and clusters
    ".aws/credentials",
    ".aws/config",
    ".config/gcloud/credentials.db",
    ".config/gcloud/application_default_credentials.json",
    ".azure/msal_token_cache.json",
    ".kube/config",
    ".docker/config.json",
    ".config/containers/auth.json",
    ".terraform.d/credentials.tfrc.json",
    ".vault-token",
    // Version control and the web
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".config/gh/hosts.yml",
    ".config/glab-cli/config.yml",
    // Settings of tools, in which tokens are
    ".cargo/credentials.toml",
    ".cargo/config.toml",
    ".npmrc",
    ".npm/_logs/debug-0.log",
    ".yarnrc",
    ".yarnrc.yml",
    ".config/pnpm/rc",
    ".pypirc",
    ".pip/pip.conf",
    ".config/pip/pip.conf",
    ".config/uv/uv.toml",
    ".local/share/uv/credentials/credentials.toml",
    ".config/pypoetry/auth.toml",
    ".condarc",
    ".config/go/env",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".gradle/init.d/login.gradle",
    ".config/ccache/ccache.conf",
    // Browsers, and what was typed
    ".mozilla/firefox/p.default/logins.json",
    ".config/google-chrome/Default/Cookies",
    ".config/chromium/Default/Cookies",
    ".bash_history",
    ".zsh_history",
    ".bashrc",
    // Other projects
    "other-project/src/main.rs",
];

/// Variables of the caller.
const VARIABLES: [&str; 17] = [
    "SSH_AUTH_SOCK",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_HOST",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    // In it make puts the variables of its own command line, to hand them on.
    "MAKEFLAGS",
    "NPM_TOKEN",
    "NODE_AUTH_TOKEN",
    "CARGO_REGISTRY_TOKEN",
    "PIP_INDEX_URL",
    "GOPROXY",
    "MAVEN_OPTS",
    "OPENAI_API_KEY",
];

/// Sockets below the directory of the session, and the agent of ssh beside it.
const SOCKETS: [&str; 5] =
    ["run/bus", "run/docker.sock", "run/gnupg/S.gpg-agent", "run/podman/podman.sock", "agent.1"];

/// Where a daemon of root listens; connecting to it is as good as root.
const OF_DOCKER: &str = "/run/docker.sock";

/// The directories that the profiles grant, so that what is beside the secrets is really there.
const GRANTED: [&str; 20] = [
    ".cargo/bin/tool",
    ".cargo/registry/CACHEDIR.TAG",
    ".rustup/settings.toml",
    ".nvm/nvm.sh",
    ".npm/_cacache/index",
    ".cache/yarn/x",
    ".cache/pip/x",
    ".cache/uv/x",
    ".cache/ccache/x",
    ".cache/go-build/x",
    ".local/bin/tool",
    ".local/lib/x",
    ".local/share/uv/python/x",
    ".local/share/pnpm/x",
    ".pyenv/version",
    "go/bin/tool",
    "go/pkg/mod/x",
    ".m2/repository/x",
    ".gradle/caches/x",
    ".gitconfig",
];

/// A home with all of it, and who listens.
struct World {
    jail: Jail,
    sockets: Vec<PathBuf>,
    _listeners: Vec<UnixListener>,
}

impl World {
    fn new() -> Self {
        let mut jail = Jail::new();
        for file in FILES {
            jail = jail.home_file(file, format!("s3cr3t {file}\n"));
        }
        for file in GRANTED {
            jail = jail.home_file(file, "");
        }
        for variable in VARIABLES {
            jail = jail.env(variable, format!("s3cr3t {variable}"));
        }
        let elsewhere = jail.elsewhere();
        let sockets: Vec<PathBuf> = SOCKETS.iter().map(|socket| elsewhere.join(socket)).collect();
        let listeners = sockets.iter().map(|socket| listen(&jail, socket)).collect();
        let run = elsewhere.join("run");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).expect("a mode can be set");
        let jail = jail.env("XDG_RUNTIME_DIR", run);
        Self { jail, sockets, _listeners: listeners }
    }
}

fn listen(jail: &Jail, socket: &Path) -> UnixListener {
    let directory = socket.parent().expect("a socket is in a directory");
    if !directory.exists() {
        fs::create_dir(directory).expect("a directory can be made");
        jail.user().own(directory);
    }
    let listener = UnixListener::bind(socket).expect("a socket can be bound");
    fs::set_permissions(socket, fs::Permissions::from_mode(0o666)).expect("a mode can be set");
    listener
}

/// Somebody listens where docker does: docker itself, or this test where it may.
struct Docker {
    planted: Option<UnixListener>,
}

impl Docker {
    fn new() -> Self {
        let planted = UnixListener::bind(OF_DOCKER).ok();
        if planted.is_some() {
            let open = fs::Permissions::from_mode(0o666);
            fs::set_permissions(OF_DOCKER, open).expect("a mode can be set");
        } else if !Path::new(OF_DOCKER).exists() {
            missing(&Feature::Root, module_path!(), line!());
        }
        Self { planted }
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if self.planted.take().is_some() {
            fs::remove_file(OF_DOCKER).expect("it was ours");
        }
    }
}

/// Of each profile, with all that a developer's home has.
#[test]
fn no_profile_lets_a_secret_through() {
    let docker = Docker::new();
    let mut leaks = String::new();
    for name in all_names() {
        let world = World::new();
        let mut sockets = world.sockets.clone();
        if docker.planted.is_some() {
            sockets.extend([OF_DOCKER, "/var/run/docker.sock"].map(PathBuf::from));
        }
        let search = search(&sockets);
        // Outside all of it is found, or the list would prove nothing.
        let found = world.jail.run_outside(&search).stdout_text();
        let expected = FILES.len() + VARIABLES.len() + sockets.len();
        assert_eq!(found.lines().count(), expected, "{found}");
        let jail = world.jail.args(flags(&name)).args(["--read".into(), probe_directory()]);
        let found = jail.run(&search);
        for secret in found.succeeds().stdout_text().lines() {
            leaks += &format!("{name}: {secret}\n");
        }
    }
    assert!(leaks.is_empty(), "these are reached:\n{leaks}");
}

/// The list notices what is granted: the whole home, and variables by their names.
#[test]
fn the_search_finds_what_is_granted() {
    let world = World::new();
    let search = search(&world.sockets);
    let granted = [probe_directory(), world.jail.home(), world.jail.elsewhere()];
    let mut jail = world.jail.args(["--profile", "default"]);
    for directory in granted {
        jail = jail.args(["--read".into(), directory]);
    }
    for variable in VARIABLES {
        jail = jail.args(["--env", variable]);
    }
    let found = jail.run(search).stdout_text();
    assert_eq!(found.lines().count(), FILES.len() + VARIABLES.len() + SOCKETS.len(), "{found}");
}

fn probe_directory() -> PathBuf {
    probe_binary().parent().expect("the probe is in a directory").to_owned()
}

/// Prints what it finds of all this, one line each.
fn search(sockets: &[PathBuf]) -> [String; 3] {
    let probe = probe_binary().display();
    let mut script = String::from("cd\n");
    for file in FILES {
        script += &format!("cat {file} 2>/dev/null\n");
    }
    for socket in sockets.iter().map(|socket| socket.display()) {
        script += &format!("{probe} connect-unix {socket} >/dev/null && echo s3cr3t {socket}\n");
    }
    script += "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | sed -n 's/.*=s3cr3t/s3cr3t/p' \
               | sort -u\ntrue\n";
    ["sh".to_owned(), "-c".to_owned(), script]
}
