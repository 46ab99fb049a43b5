//! "Did you mean".
/// The candidate nearest to `word`, if one is near enough to be a slip of the hand.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .max_by(|a, b| strsim::jaro_winkler(word, a).total_cmp(&strsim::jaro_winkler(word, b)))
        .filter(|c| strsim::jaro_winkler(word, c) > 0.8)
}
