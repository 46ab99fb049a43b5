//! Names and passwords that docker and podman have kept (containers-auth.json(5)).
//!
//! They are looked for when a registry asks for them, and not before.

mod files;
mod helper;
mod keys;

pub use files::find;

/// What proves who asks. Deliberately without `Debug`: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    Password {
        user: String,
        password: String,
    },
    /// A refresh token, for the server of tokens alone.
    Identity(String),
}

/// The result of a search.
#[derive(Clone)]
pub struct Search {
    /// With where they are from, for messages.
    pub found: Option<(Credentials, String)>,
    /// Files that exist and were read.
    pub read: Vec<String>,
}
