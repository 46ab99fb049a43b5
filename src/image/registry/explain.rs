//! What went wrong, for someone who wanted an image.

use crate::diagnostic::Diagnostic;

use super::blob::Failed;
use super::trouble::{Broken, Status, Trouble};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Manifest,
    Blob,
}

/// The message for an image that could not be got; `host` as the user names the registry.
pub fn explain(image: &str, host: &str, failed: Failed, subject: Subject) -> Diagnostic {
    let Failed { trouble, mirrors } = failed;
    let trouble = match trouble {
        Trouble::Own(diagnostic) => return *diagnostic,
        other => other,
    };
    let title = match (&trouble, subject) {
        (Trouble::Status(status), Subject::Manifest) if status.number == 404 => {
            format!("there is no image `{image}`")
        }
        (Trouble::Unauthorized { .. }, _) => format!("`{image}` may not be pulled"),
        _ => format!("cannot pull `{image}`"),
    };
    let mut because = words(&trouble);
    for mirror in &mirrors {
        because.push_str(&format!("; before that, {}", words(mirror)));
    }
    let diagnostic = Diagnostic::error(title).because(because);
    match help(&trouble, host, subject) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The cause in one line.
pub fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Silent { server, broken } => broken_words(&server.to_string(), broken),
        Trouble::Status(status) => status_words(status),
        Trouble::Redirect { from, why } => {
            format!("`{}` redirects, and {why}", from.server)
        }
        Trouble::Nonsense { server, why } => format!("`{server}` makes no sense: {why}"),
        Trouble::Unauthorized { status, known, .. } => {
            format!("{}; {known}", status_words(status))
        }
        Trouble::Own(diagnostic) => diagnostic.title.clone(),
    }
}

fn broken_words(server: &str, broken: &Broken) -> String {
    match broken {
        Broken::NoSuchHost(why) => format!("the name of the registry has no address: {why}"),
        Broken::Refused => {
            format!("nothing listens at `{server}`: connection refused [ECONNREFUSED]")
        }
        Broken::Certificate(why) => {
            format!("the certificate of `{server}` is not to be trusted: {why}")
        }
        Broken::Tls(why) => format!("`{server}` does not speak TLS, or another one: {why}"),
        Broken::Timeout(why) => format!("`{server}`: {why}"),
        Broken::Lost(why) => format!("the connection to `{server}` broke: {why}"),
        Broken::Proxy(why) => format!("the proxy does not lead to `{server}`: {why}"),
        Broken::Protocol(why) => format!("`{server}` answers with something else than HTTP: {why}"),
    }
}

fn status_words(status: &Status) -> String {
    let Status { server, number, code, message, wait } = status;
    let mut words = match number {
        401 | 403 => format!("`{server}` refuses access"),
        404 => format!("`{server}` knows no such thing"),
        429 => format!("`{server}` has been asked too often"),
        500.. => format!("`{server}` has a problem of its own"),
        _ => format!("`{server}` does not answer this request"),
    };
    if let Some(message) = message {
        words.push_str(&format!(": {message}"));
    }
    match code {
        Some(code) => words.push_str(&format!(" [{code}, HTTP {number}]")),
        None => words.push_str(&format!(" [HTTP {number}]")),
    }
    if let Some(wait) = wait {
        words.push_str(&format!("; it wants to be asked again in {} seconds", wait.as_secs()));
    }
    words
}

fn help(trouble: &Trouble, host: &str, subject: Subject) -> Option<String> {
    let log_in = format!("`podman login {host}` or `docker login {host}`");
    match trouble {
        Trouble::Unauthorized { .. } => Some(format!(
            "look for a typing error in the name; if the image is private, log in with {log_in}"
        )),
        Trouble::Status(status) => match (status.number, subject) {
            (404, Subject::Manifest) => {
                Some("look for a typing error in the name, the tag or the digest".to_owned())
            }
            (404, Subject::Blob) => Some("the image is incomplete there; push it again".to_owned()),
            (429, _) => Some(format!("wait, or log in with {log_in} to be allowed more")),
            (500.., _) => Some("try again later".to_owned()),
            _ => None,
        },
        Trouble::Silent { broken, .. } => broken_help(broken, host),
        Trouble::Nonsense { .. } => Some(format!("is `{host}` the address of a registry?")),
        Trouble::Redirect { .. } | Trouble::Own(_) => None,
    }
}

fn broken_help(broken: &Broken, host: &str) -> Option<String> {
    match broken {
        Broken::NoSuchHost(_) => {
            Some(format!("look for a typing error in `{host}`, and for a network"))
        }
        Broken::Refused => Some(format!("is the registry running, and is `{host}` its port?")),
        Broken::Certificate(_) => Some(format!(
            "put the certificate of its authority into `/etc/containers/certs.d/{host}/ca.crt`, \
             or do without protection on the way by `--insecure`"
        )),
        Broken::Tls(_) => Some(
            "if it speaks plain HTTP, do without protection on the way by `--insecure`".to_owned(),
        ),
        Broken::Proxy(_) => Some(
            "look at `$HTTPS_PROXY`, `$HTTP_PROXY`, `$ALL_PROXY`, or name the host in `$NO_PROXY`"
                .to_owned(),
        ),
        Broken::Timeout(_) | Broken::Lost(_) => Some("try again later".to_owned()),
        Broken::Protocol(_) => Some(format!("is `{host}` the address of a registry?")),
    }
}
