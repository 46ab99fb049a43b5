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
        Trouble::Own(diagnostic) => match &diagnostic.because {
            Some(because) => format!("{}: {because}", diagnostic.title),
            None => diagnostic.title.clone(),
        },
    }
}

fn broken_words(server: &str, broken: &Broken) -> String {
    match broken {
        Broken::NoSuchHost(why) => format!("the name of the registry has no address: {why}"),
        Broken::Refused => {
            format!("nothing listens at `{server}`: connection refused [ECONNREFUSED]")
        }
        Broken::UnknownAuthority => format!(
            "the certificate of `{server}` is not to be trusted: no authority that is trusted here \
             has signed it"
        ),
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
        Trouble::Nonsense { .. } => match subject {
            Subject::Manifest => Some(format!("is `{host}` the address of a registry?")),
            Subject::Blob => Some("whoever runs the registry has to correct it".to_owned()),
        },
        Trouble::Redirect { .. } | Trouble::Own(_) => None,
    }
}

fn broken_help(broken: &Broken, host: &str) -> Option<String> {
    match broken {
        Broken::NoSuchHost(_) => {
            Some(format!("look for a typing error in `{host}`, and for a network"))
        }
        Broken::Refused => {
            Some(format!("is the registry running, and is `{host}` where it listens?"))
        }
        Broken::UnknownAuthority => Some(format!(
            "put the certificate of its authority into `/etc/containers/certs.d/{host}/ca.crt`, or \
             do without protection on the way by `jail image pull --insecure`"
        )),
        Broken::Certificate(_) => Some(
            "whoever runs the registry has to correct it; `jail image pull --insecure` does without \
             protection on the way"
                .to_owned(),
        ),
        Broken::Tls(_) => Some(
            "if it speaks plain HTTP, do without protection on the way by `jail image pull --insecure`"
                .to_owned(),
        ),
        Broken::Proxy(_) => Some(
            "look at `$HTTPS_PROXY`, `$HTTP_PROXY`, `$ALL_PROXY`, or name the host in `$NO_PROXY`"
                .to_owned(),
        ),
        Broken::Timeout(_) | Broken::Lost(_) => Some("try again later".to_owned()),
        Broken::Protocol(_) => Some(format!("is `{host}` the address of a registry?")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::address::{Address, Scheme, Server};
    use super::*;
    use crate::diagnostic::{Palette, render};

    fn server() -> Server {
        Server::parse(Scheme::Https, "r.example").unwrap()
    }

    fn status(number: u16) -> Box<Status> {
        Box::new(Status { server: server(), number, code: None, message: None, wait: None })
    }

    /// What is said of `r.example/a:1` behind the first words.
    #[track_caller]
    fn says(trouble: Trouble, subject: Subject, message: &str) {
        let failed = Failed { trouble, mirrors: Vec::new() };
        let said = render(&explain("r.example/a:1", "r.example", failed, subject), Palette::Plain);
        assert_eq!(said, format!("jail: error: {message}"));
    }

    #[test]
    fn an_answer_that_is_no_success_is_explained() {
        let said = |number, subject, message: &str| {
            says(Trouble::Status(status(number)), subject, message);
        };
        said(
            404,
            Subject::Manifest,
            "there is no image `r.example/a:1`\n\
             because: `https://r.example` knows no such thing [HTTP 404]\n\
             help: look for a typing error in the name, the tag or the digest\n",
        );
        said(
            404,
            Subject::Blob,
            "cannot pull `r.example/a:1`\n\
             because: `https://r.example` knows no such thing [HTTP 404]\n\
             help: the image is incomplete there; push it again\n",
        );
        said(
            429,
            Subject::Blob,
            "cannot pull `r.example/a:1`\n\
             because: `https://r.example` has been asked too often [HTTP 429]\n\
             help: wait, or log in with `podman login r.example` or `docker login r.example` to be \
             allowed more\n",
        );
        said(
            503,
            Subject::Manifest,
            "cannot pull `r.example/a:1`\n\
             because: `https://r.example` has a problem of its own [HTTP 503]\n\
             help: try again later\n",
        );
        said(
            405,
            Subject::Manifest,
            "cannot pull `r.example/a:1`\n\
             because: `https://r.example` does not answer this request [HTTP 405]\n",
        );
        let known = "there is no file with credentials".to_owned();
        says(
            Trouble::Unauthorized { status: status(401), known },
            Subject::Manifest,
            "`r.example/a:1` may not be pulled\n\
             because: `https://r.example` refuses access [HTTP 401]; there is no file with credentials\n\
             help: look for a typing error in the name; if the image is private, log in with \
             `podman login r.example` or `docker login r.example`\n",
        );
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_explained_by_what_was_asked_for() {
        let nonsense = || Trouble::Nonsense { server: server(), why: "it is a page".to_owned() };
        let title = "cannot pull `r.example/a:1`\n\
                     because: `https://r.example` makes no sense: it is a page\n";
        let help = "help: is `r.example` the address of a registry?\n";
        says(nonsense(), Subject::Manifest, &format!("{title}{help}"));
        let help = "help: whoever runs the registry has to correct it\n";
        says(nonsense(), Subject::Blob, &format!("{title}{help}"));
    }

    #[test]
    fn what_mirrors_said_is_told_behind_what_the_registry_said() {
        let mirror = Server::parse(Scheme::Https, "mirror.example").unwrap();
        let busy = Status { server: mirror, wait: Some(Duration::from_secs(90)), ..*status(429) };
        let from = Address::parse("https://r.example/v2/").unwrap();
        let failed = Failed {
            trouble: Trouble::Redirect { from, why: "it leads to no address".to_owned() },
            mirrors: vec![Trouble::Status(Box::new(busy))],
        };
        let told = explain("r.example/a:1", "r.example", failed, Subject::Manifest);
        assert_eq!(
            render(&told, Palette::Plain),
            "jail: error: cannot pull `r.example/a:1`\n\
             because: `https://r.example` redirects, and it leads to no address; before that, \
             `https://mirror.example` has been asked too often [HTTP 429]; it wants to be asked \
             again in 90 seconds\n"
        );
    }

    /// In the middle of a layer, where a new connection needs credentials.
    #[test]
    fn a_file_or_a_helper_that_fails_is_told_in_one_line() {
        let failed = Diagnostic::error("`x` gives no credentials for `r.example`");
        let failed = failed.because("it says: locked").help("unlock it");
        let said = words(&Trouble::own(failed));
        assert_eq!(said, "`x` gives no credentials for `r.example`: it says: locked");
        assert_eq!(words(&Trouble::own(Diagnostic::error("odd"))), "odd");
    }

    #[test]
    fn a_connection_that_breaks_is_explained() {
        let why = || "odd".to_owned();
        let by_force = "`jail image pull --insecure`";
        for (broken, words) in [
            (
                Broken::NoSuchHost(why()),
                "the name of the registry has no address: odd\n\
                 help: look for a typing error in `r.example`, and for a network"
                    .to_owned(),
            ),
            (
                Broken::Refused,
                "nothing listens at `https://r.example`: connection refused [ECONNREFUSED]\n\
                 help: is the registry running, and is `r.example` where it listens?"
                    .to_owned(),
            ),
            (
                Broken::UnknownAuthority,
                format!(
                    "the certificate of `https://r.example` is not to be trusted: no authority that \
                     is trusted here has signed it\n\
                     help: put the certificate of its authority into \
                     `/etc/containers/certs.d/r.example/ca.crt`, or do without protection on the way \
                     by {by_force}"
                ),
            ),
            // To trust an authority would change nothing.
            (
                Broken::Certificate("it has expired".to_owned()),
                format!(
                    "the certificate of `https://r.example` is not to be trusted: it has expired\n\
                     help: whoever runs the registry has to correct it; {by_force} does without \
                     protection on the way"
                ),
            ),
            (
                Broken::Tls(why()),
                "`https://r.example` does not speak TLS, or another one: odd\n\
                 help: if it speaks plain HTTP, do without protection on the way by \
                 `jail image pull --insecure`"
                    .to_owned(),
            ),
            (
                Broken::Timeout("nothing came for too long"),
                "`https://r.example`: nothing came for too long\nhelp: try again later".to_owned(),
            ),
            (
                Broken::Lost(why()),
                "the connection to `https://r.example` broke: odd\nhelp: try again later"
                    .to_owned(),
            ),
            (
                Broken::Proxy(why()),
                "the proxy does not lead to `https://r.example`: odd\n\
                 help: look at `$HTTPS_PROXY`, `$HTTP_PROXY`, `$ALL_PROXY`, or name the host in \
                 `$NO_PROXY`"
                    .to_owned(),
            ),
            (
                Broken::Protocol(why()),
                "`https://r.example` answers with something else than HTTP: odd\n\
                 help: is `r.example` the address of a registry?"
                    .to_owned(),
            ),
        ] {
            let message = format!("cannot pull `r.example/a:1`\nbecause: {words}\n");
            says(Trouble::Silent { server: server(), broken }, Subject::Blob, &message);
        }
    }
}
