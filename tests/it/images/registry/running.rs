//! A real registry (package docker-registry) on loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::images::others::output;
use crate::support::{spawn, wait_until};

/// A registry that ends with the test.
pub struct Running {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already only if it could not begin, which the test tells.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the registry protects itself.
#[derive(Clone, Copy, PartialEq)]
pub enum Guard {
    Nothing,
    Password,
    Tls,
}

impl Running {
    pub fn start(guard: Guard) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let more = match guard {
            Guard::Nothing => String::new(),
            Guard::Password => password(place),
            Guard::Tls => certificates(place),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {0}/store}}}}\n\
             {1}\n",
            place.display(),
            more.replace("ADDRESS", &format!("127.0.0.1:{port}"))
        );
        let config = match guard {
            Guard::Tls => config,
            _ => format!("{config}http: {{addr: 127.0.0.1:{port}}}\n"),
        };
        fs::write(place.join("config.yml"), config).unwrap();
        let [log, access] =
            ["log", "access"].map(|name| fs::File::create(place.join(name)).unwrap());
        let child = spawn(
            Command::new("docker-registry")
                .args(["serve".as_ref(), place.join("config.yml").as_os_str()])
                .stdout(access)
                .stderr(log),
        );
        let running = Self { child, port, directory };
        wait_until("the registry listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        running
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// How often a blob was asked for.
    pub fn requests_for(&self, digest: &str) -> usize {
        let log = fs::read_to_string(self.path("access")).unwrap();
        let wanted = format!("/blobs/{digest} ");
        log.lines().filter(|line| line.contains("\"GET ") && line.contains(&wanted)).count()
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// User `me`, password `s3cret`, by bcrypt.
fn password(place: &Path) -> String {
    let line = "me:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";
    fs::write(place.join("htpasswd"), line).unwrap();
    format!("auth: {{htpasswd: {{realm: test, path: {}/htpasswd}}}}", place.display())
}

/// An authority, and a certificate for loopback that it has signed.
pub fn certificates(place: &Path) -> String {
    let openssl = |words: &str| {
        output(Command::new("openssl").args(words.split(' ')).current_dir(place));
    };
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(&format!("{new} -keyout ca.key -out ca.crt -subj /CN=test-authority"));
    openssl(&format!(
        "{new} -keyout key -out certificate -subj /CN=registry -CA ca.crt -CAkey ca.key \
         -addext basicConstraints=CA:FALSE -addext subjectAltName=IP:127.0.0.1"
    ));
    let place = place.display();
    format!("http: {{addr: ADDRESS, tls: {{certificate: {place}/certificate, key: {place}/key}}}}")
}
