//! Under which names credentials for a repository may be kept.

/// The key that docker has always used for its own registry.
pub const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// All of them, the most specific first: `host/namespace/repository`, `host/namespace`, `host`.
pub fn keys(host: &str, repository: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut path = Some(repository).filter(|path| !path.is_empty());
    while let Some(now) = path {
        keys.push(format!("{host}/{now}"));
        path = now.rsplit_once('/').map(|(before, _)| before);
    }
    keys.push(host.to_owned());
    keys
}

/// Does a key of a file mean the same place? Keys of old are whole addresses.
pub fn means(key: &str, wanted: &str) -> bool {
    key == wanted || (host(key) == Some(wanted) && is_old(key))
}

fn is_old(key: &str) -> bool {
    key.starts_with("https://") || key.starts_with("http://") || is_hub(key)
}

fn is_hub(key: &str) -> bool {
    matches!(key, "index.docker.io" | "registry-1.docker.io")
}

/// `https://registry.example:5000/v1/` is `registry.example:5000`.
fn host(key: &str) -> Option<&str> {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let host = rest.split('/').next().filter(|host| !host.is_empty())?;
    Some(if is_hub(host) { "docker.io" } else { host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_key_comes_first() {
        assert_eq!(keys("r:5000", "a/b/c"), ["r:5000/a/b/c", "r:5000/a/b", "r:5000/a", "r:5000"]);
        assert_eq!(keys("r", ""), ["r"]);
    }

    #[test]
    fn keys_of_old_are_addresses() {
        for (key, wanted, same) in [
            ("r.example", "r.example", true),
            ("r.example/a", "r.example/a", true),
            ("r.example/a", "r.example", false),
            ("https://r.example", "r.example", true),
            ("https://r.example:5000/v2/", "r.example:5000", true),
            ("https://r.example:5000/v2/", "r.example", false),
            ("https://r.example.evil/", "r.example", false),
            (DOCKER_HUB, "docker.io", true),
            ("index.docker.io", "docker.io", true),
            ("docker.io", "docker.io", true),
            ("https://", "", false),
        ] {
            assert_eq!(means(key, wanted), same, "{key} {wanted}");
        }
    }
}
