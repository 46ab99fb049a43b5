//! `WWW-Authenticate`: what a server wants to see (RFC 9110, section 11; RFC 6750).

/// A way to prove oneself that this program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A name and a password in every request.
    Basic,
    /// A token, from a server of tokens.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

/// Everything known in one header; what is unknown is left out. `None` if the header is malformed,
/// or says a thing twice: whoever reads it in another way must not win.
pub fn parse(header: &str) -> Option<Vec<Challenge>> {
    if header.len() > MOST_BYTES {
        return None;
    }
    let mut scanner = Scanner { rest: header };
    let mut challenges = Vec::new();
    let mut current: Option<Raw> = None;
    scanner.skip_commas();
    while !scanner.rest.is_empty() {
        let name = scanner.token()?;
        if scanner.takes('=') {
            current.as_mut()?.add(name, scanner.value()?)?;
            scanner.ends_item()?;
        } else {
            challenges.extend(known(current.take())?);
            current = Some(Raw { scheme: name.to_ascii_lowercase(), parameters: Vec::new() });
            scanner.skip_token68();
        }
        scanner.skip_commas();
    }
    challenges.extend(known(current)?);
    Some(challenges)
}

const MOST_BYTES: usize = 16 * 1024;

struct Raw {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Raw {
    fn add(&mut self, name: &str, value: String) -> Option<()> {
        let name = name.to_ascii_lowercase();
        let is_new = self.parameters.iter().all(|(other, _)| *other != name);
        is_new.then(|| self.parameters.push((name, value)))
    }

    fn get(&self, name: &str) -> Option<String> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    }
}

/// `None` for a challenge that lacks what it needs.
fn known(raw: Option<Raw>) -> Option<Option<Challenge>> {
    let Some(raw) = raw else { return Some(None) };
    Some(match raw.scheme.as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: raw.get("realm")?,
            service: raw.get("service"),
            scope: raw.get("scope"),
        }),
        _ => None,
    })
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn skip_commas(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !is_token(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        // A scheme and its parameters are parted by a blank, a name and its value by `=`.
        let is_parted = rest.is_empty() || rest.starts_with([' ', '\t', ',', '=']);
        self.rest = rest;
        (!token.is_empty() && is_parted).then_some(token)
    }

    /// Is the next thing this character, blanks before it allowed?
    fn takes(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(wanted) {
            Some(after) => {
                self.rest = after;
                self.skip_blanks();
                true
            }
            None => false,
        }
    }

    /// After a parameter there is a comma or nothing.
    fn ends_item(&mut self) -> Option<()> {
        self.skip_blanks();
        (self.rest.is_empty() || self.rest.starts_with(',')).then_some(())
    }

    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(|c: char| !is_token(c)).unwrap_or(self.rest.len());
            let (token, rest) = self.rest.split_at(end);
            self.rest = rest;
            return (!token.is_empty()).then(|| token.to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.push(characters.next().map(|(_, next)| next).filter(is_text)?),
                other if is_text(&other) => value.push(other),
                _ => return None,
            }
        }
        None
    }

    /// The other form after a scheme: `Negotiate YII=`. It is of no use here.
    fn skip_token68(&mut self) {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
        let after = rest.trim_start_matches(is_part).trim_start_matches('=');
        let ends = after.trim_start_matches([' ', '\t']);
        if after.len() < rest.len() && (ends.is_empty() || ends.starts_with(',')) {
            self.rest = ends;
        }
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// Nothing that could end a header or hide in one.
fn is_text(c: &char) -> bool {
    c.is_ascii() && !c.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: &str| text.to_owned();
        Challenge::Bearer { realm: own(realm), service: service.map(own), scope: scope.map(own) }
    }

    #[test]
    fn challenges_of_real_registries_are_read() {
        let scope = Some("repository:library/debian:pull");
        assert_eq!(
            parse(
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                 scope=\"repository:library/debian:pull\""
            ),
            Some(vec![bearer("https://auth.docker.io/token", Some("registry.docker.io"), scope)])
        );
        assert_eq!(parse("Basic realm=\"x y\""), Some(vec![Challenge::Basic]));
        assert_eq!(parse("basic"), Some(vec![Challenge::Basic]));
        assert_eq!(
            parse(
                "Negotiate, Newauth a=b , c = \"d\", , BEARER realm=\"https://a/\", Basic realm=r"
            ),
            Some(vec![bearer("https://a/", None, None), Challenge::Basic])
        );
        assert_eq!(parse("Negotiate YII=, Basic realm=\"a\""), Some(vec![Challenge::Basic]));
        assert_eq!(parse(""), Some(vec![]));
        assert_eq!(
            parse(r#"Bearer realm="a\"b\\c,Basic""#),
            Some(vec![bearer("a\"b\\c,Basic", None, None)])
        );
    }

    #[test]
    fn malformed_challenges_are_refused() {
        for text in [
            "Bearer realm=\"https://a/",
            "Bearer realm=\"a\" service=\"b\"",
            "Bearer realm=\"a\", realm=\"b\"",
            "Bearer realm=\"a\", REALM=\"b\"",
            "Bearer realm=\"a\"b",
            "Bearer realm=\"a\tb\"",
            "Bearer realm=\"a\\",
            "Bearer realm=\"a\u{e9}\"",
            "Bearer service=\"b\"",
            "Bearer",
            "realm=\"a\"",
            "Bearer realm=",
            "\"Bearer\" realm=a",
            "(",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("Basic realm=\"{}\"", "x".repeat(MOST_BYTES))), None);
    }
}
