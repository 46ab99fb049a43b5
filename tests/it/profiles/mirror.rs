//! Packages of each language, on a server of this machine.

use std::os::unix::fs::symlink;

use crate::support::{Jail, Running, jail_binary};

/// A machine on which `jail` is installed, and a server of packages that it reaches.
pub struct World {
    pub jail: Jail,
    pub port: String,
    _server: Running,
}

impl World {
    pub fn new() -> Self {
        let jail = Jail::new().home_file("mirror/mirror.py", include_str!("mirror.py"));
        let programs = jail.elsewhere();
        symlink(jail_binary(), programs.join("jail")).expect("a link can be made");
        let start = "cd ~/mirror && exec python3 -u mirror.py";
        let mut server = jail.start_line(["sh", "-c", start].map(Into::into).to_vec());
        let port = server.wait_for("serves").split_whitespace().last().expect("a port").to_owned();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
        Self { jail: jail.env("PATH", path), port, _server: server }
    }

    /// Where the server is.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A file of a project below ~/origin; `ADDRESS` is that of the server.
    pub fn file(mut self, path: &str, text: &str) -> Self {
        let text = text.replace("ADDRESS", &self.address());
        self.jail = self.jail.home_file(&format!("origin/{path}"), text);
        self
    }
}
