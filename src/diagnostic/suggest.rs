//! "Did you mean".

/// The candidate nearest to `word`, if it is near enough to be a slip of the hand.
///
/// Near enough is one edit (insert, delete, replace, swap two neighbours) for every three
/// characters. Case does not count. Of equally near ones, the first.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    // The distance costs the product of both lengths, and a word may be a whole megabyte.
    if length > LONGEST {
        return None;
    }
    let limit = length.max(3) / 3;
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The same, or the only candidate that has `word` for a part: `net_bind` is one of `NET_BIND_SERVICE`. Parts
/// begin at the start, or behind `-` or `_`.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    did_you_mean(word, candidates.iter().copied()).or_else(|| {
        let part = word.to_lowercase();
        let mut having = candidates.iter().filter(|candidate| has_part(candidate, &part));
        match (having.next(), having.next()) {
            (Some(only), None) if part.len() >= SHORTEST_PART => Some(*only),
            _ => None,
        }
    })
}

fn has_part(candidate: &str, part: &str) -> bool {
    let candidate = candidate.to_lowercase();
    let starts = candidate.match_indices(part).map(|(at, _)| at);
    starts.into_iter().any(|at| at == 0 || candidate[..at].ends_with(['-', '_']))
}

/// Less says too little about what was meant.
const SHORTEST_PART: usize = 3;

/// Nobody mistypes a longer name by hand.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["read", "write", "overlay", "mask", "tmpfs", "root-mode"];

    #[test]
    fn slips_are_found() {
        for (word, meant) in [
            ("wirte", "write"),
            ("raed", "read"),
            ("READ", "read"),
            ("overlays", "overlay"),
            ("root_mode", "root-mode"),
            ("tempfs", "tmpfs"),
            ("mas", "mask"),
        ] {
            assert_eq!(did_you_mean(word, KEYS), Some(meant), "{word}");
        }
    }

    #[test]
    fn other_words_are_not_slips() {
        for word in ["", "x", "execute", "readwrite", "écrire", &"read".repeat(1000)] {
            assert_eq!(did_you_mean(word, KEYS), None, "{word}");
        }
    }

    #[test]
    fn a_part_is_enough_if_one_alone_has_it() {
        let known = ["NET_BIND_SERVICE", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN", "net-admin"];
        for (word, meant) in [
            ("net_bind", Some("NET_BIND_SERVICE")),
            ("BIND", Some("NET_BIND_SERVICE")),
            ("ptrace", Some("SYS_PTRACE")),
            ("NET_ROW", Some("NET_RAW")),
            // Of several, of the middle of a word, and of next to nothing, none.
            ("SYS", None),
            ("admin", None),
            ("trace", None),
            ("RA", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
    }

    #[test]
    fn the_nearest_wins_and_then_the_first() {
        assert_eq!(did_you_mean("cat", ["bat", "cat", "hat"]), Some("cat"));
        assert_eq!(did_you_mean("cat", ["hat", "bat"]), Some("hat"));
    }
}
