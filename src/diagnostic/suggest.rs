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
    fn the_nearest_wins_and_then_the_first() {
        assert_eq!(did_you_mean("cat", ["bat", "cat", "hat"]), Some("cat"));
        assert_eq!(did_you_mean("cat", ["hat", "bat"]), Some("hat"));
    }
}
