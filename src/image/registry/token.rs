//! Proofs of who asks: passwords, and tokens that are used until they expire.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::address::{Address, Scheme, Server, refusal};
use super::challenge::{self, Challenge};
use super::credentials::{Credentials, Search, find};
use super::endpoint::Endpoint;
use super::fetch::{read_bounded, status_of};
use super::transport::{Answer, Transport};
use super::trouble::{Status, Trouble};

/// What has been agreed with the registry of one endpoint; goes to its server alone.
#[derive(Default)]
pub struct Session {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    challenge: Option<Challenge>,
    search: Option<Search>,
    proof: Option<Proof>,
}

#[derive(Clone)]
struct Proof {
    /// Nobody else is shown it: not even the same host by plain HTTP.
    server: Server,
    /// The whole value of `Authorization`.
    header: String,
    until: Option<Instant>,
}

/// The value of `Authorization` for the endpoint's own server, if it wants one. A token that is
/// about to expire is replaced.
pub fn proof(
    endpoint: &Endpoint,
    server: &Server,
    transport: &Transport,
) -> Result<Option<String>, Trouble> {
    let mut state = lock(&endpoint.session);
    let own = state.proof.as_ref().filter(|proof| proof.server == *server);
    let Some(proof) = own else { return Ok(None) };
    if proof.until.is_none_or(|until| Instant::now() < until) {
        return Ok(Some(proof.header.clone()));
    }
    let Some(challenge) = state.challenge.clone() else { return Ok(None) };
    let proof = prove(&challenge, endpoint, server, transport, &mut state)?;
    Ok(proof.map(|proof| state.proof.insert(proof).header.clone()))
}

/// Another proof after the registry has refused `used`; `None` if there is none to give.
pub fn renew(
    endpoint: &Endpoint,
    server: &Server,
    transport: &Transport,
    used: Option<&str>,
    answer: &Answer,
) -> Result<Option<String>, Trouble> {
    let mut state = lock(&endpoint.session);
    if let Some(proof) = &state.proof
        && proof.server == *server
        && used != Some(&proof.header)
    {
        // Another thread was faster.
        return Ok(Some(proof.header.clone()));
    }
    let challenge = choose(server, answer)?;
    state.challenge.clone_from(&challenge);
    state.proof = None;
    let Some(challenge) = challenge else { return Ok(None) };
    let proof = prove(&challenge, endpoint, server, transport, &mut state)?;
    Ok(proof.map(|proof| state.proof.insert(proof).header.clone()))
}

/// The refusal of a registry to which there is nothing more to say, with what was tried.
pub fn unauthorized(endpoint: &Endpoint, status: Box<Status>) -> Trouble {
    let known = known(lock(&endpoint.session).search.as_ref());
    Trouble::Unauthorized { status, known }
}

fn known(search: Option<&Search>) -> String {
    match search {
        Some(Search { found: Some((_, file)), .. }) => {
            format!("the credentials of `{file}` do not suffice")
        }
        Some(Search { found: None, read }) if !read.is_empty() => {
            format!("there are no credentials for it in `{}`", read.join("`, `"))
        }
        Some(_) => "there is no file with credentials".to_owned(),
        None => "it asks for no credentials that could be given".to_owned(),
    }
}

fn lock(session: &Session) -> MutexGuard<'_, State> {
    // Each change is one assignment: a panic leaves nothing half done.
    session.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tokens before passwords.
fn choose(server: &Server, answer: &Answer) -> Result<Option<Challenge>, Trouble> {
    let mut all = Vec::new();
    for header in answer.headers().get_all("WWW-Authenticate") {
        let parsed = header.to_str().ok().and_then(challenge::parse);
        all.extend(parsed.ok_or_else(|| Trouble::Nonsense {
            server: server.clone(),
            why: "its `WWW-Authenticate` is malformed".to_owned(),
        })?);
    }
    let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
    Ok(all.iter().find(is_bearer).or(all.first()).cloned())
}

fn prove(
    challenge: &Challenge,
    endpoint: &Endpoint,
    server: &Server,
    transport: &Transport,
    state: &mut State,
) -> Result<Option<Proof>, Trouble> {
    let bound = |(header, until)| Proof { server: server.clone(), header, until };
    if state.search.is_none() {
        let here = &transport.options().surroundings;
        let search = find(&endpoint.host, &endpoint.repository, here).map_err(Trouble::own)?;
        state.search = Some(search);
    }
    let found = state.search.as_ref().and_then(|search| search.found.as_ref());
    let credentials = found.map(|(credentials, _)| credentials);
    match challenge {
        Challenge::Basic => Ok(credentials.and_then(basic).map(|header| bound((header, None)))),
        Challenge::Bearer { realm, service, scope } => {
            let realm = check_realm(realm, server, endpoint)?;
            let own = || format!("repository:{}:pull", endpoint.repository);
            let mut fields = vec![("scope", scope.clone().unwrap_or_else(own))];
            fields.extend(service.clone().map(|service| ("service", service)));
            // The server of tokens is another one than the registry: a registry that is reached
            // by plain HTTP must not have passwords sent elsewhere in plain.
            let is_fit = realm.server.scheme == Scheme::Https || realm.server.host == server.host;
            let credentials = credentials.filter(|_| is_fit);
            let token = request_token(&realm, fields, credentials, endpoint, transport);
            // A server of tokens that refuses is a registry that refuses.
            token.map(|token| Some(bound(token))).map_err(|trouble| match trouble {
                Trouble::Status(status) if matches!(status.number, 400 | 401 | 403) => {
                    let known = known(state.search.as_ref());
                    Trouble::Unauthorized { status, known }
                }
                other => other,
            })
        }
    }
}

fn basic(credentials: &Credentials) -> Option<String> {
    match credentials {
        Credentials::Password { user, password } => {
            Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
        }
        Credentials::Identity(_) => None,
    }
}

fn check_realm(text: &str, server: &Server, endpoint: &Endpoint) -> Result<Address, Trouble> {
    let refused = |why: &str| Trouble::Nonsense {
        server: server.clone(),
        why: format!("it wants a token from `{text}`, and {why}"),
    };
    let realm = Address::parse(text).ok_or_else(|| refused("this is no address"))?;
    match refusal(server, &realm.server, endpoint.is_insecure()) {
        Some(why) => Err(refused(why)),
        None => Ok(realm),
    }
}

/// As in the distribution project's "Token Authentication Specification" and "Oauth2 Token Authentication".
fn request_token(
    realm: &Address,
    mut fields: Vec<(&str, String)>,
    credentials: Option<&Credentials>,
    endpoint: &Endpoint,
    transport: &Transport,
) -> Result<Token, Trouble> {
    let answer = if let Some(Credentials::Identity(token)) = credentials {
        fields.push(("grant_type", "refresh_token".to_owned()));
        fields.push(("client_id", "jail".to_owned()));
        fields.push(("refresh_token", token.clone()));
        transport.post(realm, &form(&fields), endpoint.trust)?
    } else {
        let separator = if realm.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{separator}{}", realm.path, form(&fields));
        let address = Address { server: realm.server.clone(), path };
        let header = credentials.and_then(basic);
        let headers: Vec<_> =
            header.iter().map(|header| ("Authorization", header.as_str())).collect();
        transport.get(&address, &headers, endpoint.trust)?
    };
    if answer.status().as_u16() != 200 {
        return Err(Trouble::Status(status_of(&realm.server, answer, transport)));
    }
    read_token(&realm.server, answer, transport)
}

fn read_token(server: &Server, answer: Answer, transport: &Transport) -> Result<Token, Trouble> {
    let nonsense = |why: &str| Trouble::Nonsense { server: server.clone(), why: why.to_owned() };
    let text = read_bounded(server, answer, MOST_ANSWER, transport)?;
    // The words of the parser may quote the token.
    let token: Given =
        serde_json::from_slice(&text).map_err(|_| nonsense("its token is malformed"))?;
    let text =
        [token.token, token.access_token].into_iter().flatten().find(|text| !text.is_empty());
    let text = text.ok_or_else(|| nonsense("it gives no token"))?;
    if text.len() > MOST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(nonsense("its token is malformed"));
    }
    let seconds = token.expires_in.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE);
    let life = Duration::from_secs(seconds.saturating_sub(SLACK).max(1));
    Ok((format!("Bearer {text}"), Some(Instant::now() + life)))
}

/// The value of `Authorization`, and until when.
type Token = (String, Option<Instant>);

#[derive(Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

const MOST_ANSWER: u64 = 1024 * 1024;
const MOST_TOKEN: usize = 32 * 1024;
/// Seconds, where the server does not say ("Token Authentication Specification").
const USUAL_LIFE: u64 = 60;
const LONGEST_LIFE: u64 = 24 * 60 * 60;
/// Seconds before the end in which a token is not used any more.
const SLACK: u64 = 5;

/// `name=value&…` with all else than letters, digits and a few signs as `%XX`.
fn form(fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_hold_any_text() {
        let fields = [("scope", "repository:a/b:pull".to_owned()), ("x", "a&b=c é\n".to_owned())];
        assert_eq!(form(&fields), "scope=repository%3Aa%2Fb%3Apull&x=a%26b%3Dc%20%C3%A9%0A");
    }
}
