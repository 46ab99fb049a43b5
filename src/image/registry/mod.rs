//! Images in a registry, read only (OCI distribution specification 1.1, Docker's registry API 2).
//!
//! ```text
//! Name ─endpoint::find→ Endpoints ─fetch→ responses ─registry→ documents, blobs
//!      registries.conf   mirrors first     redirects, tokens, patience
//! ```
//!
//! What an attacker tries, and what stands against it:
//!
//! | attack | answer |
//! |---|---|
//! | a redirect takes the credentials elsewhere (CVE-2020-15157) | [`fetch`]: `Authorization` only to the scheme, host and port that it was made for |
//! | `urls` in a manifest lead anywhere | nothing here reads them |
//! | a redirect from https to http, or to a service on this machine | [`address`]: refused |
//! | endless redirects | at most five |
//! | the challenge names a token server of the attacker's | [`token`]: passwords by https, or to the same host where plain HTTP is allowed |
//! | a challenge that two parsers read in two ways | [`challenge`]: one strict parser; what is odd is refused |
//! | line breaks in a token, a name or an address | refused before a request is built |
//! | digests and names as paths: `../`, `?`, `%2f` | [`endpoint`]: their own alphabets, checked once more |
//! | someone on the way answers | TLS with the system's authorities; plain HTTP only to loopback, or with `insecure` |
//! | a name that means loopback resolves to another machine | [`transport`]: `localhost` is never looked up |
//! | an answer without end: document, header, token, error | bounds on all: 4 MiB, 64 KiB, 1 MiB, 64 KiB |
//! | an answer that never comes, or a byte a minute | time limits for connection, header, silence, and whole documents; [`pace`]: a blob has to get on |
//! | a blob that breaks off again and again after one byte | [`blob`]: attempts without progress are counted |
//! | a resumed blob that is another one, or longer | [`blob`]: `Content-Range` must fit; lengths must; the digest is the puller's |
//! | another document than the digest asked for | `Docker-Content-Digest` compared here, the hash by the puller |
//! | a helper for credentials named `../../x` | [`credentials`]: only a name; it is ended if it says nothing; output bounded |
//! | control characters in messages of the registry | cut here, made visible where they are printed |

mod address;
mod blob;
mod certificates;
mod challenge;
mod client;
mod credentials;
mod endpoint;
mod explain;
mod fetch;
mod mirrors;
mod options;
mod pace;
mod proxy;
mod token;
mod transport;
mod trouble;

pub use client::Registry;
pub use options::{Options, Patience, Surroundings};
pub use proxy::names_host;
