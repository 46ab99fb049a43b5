//! The ranges of /etc/subuid and /etc/subgid (subuid(5)).

/// The ranges of a user, by name or number: first id and count, in the order of the file,
/// `name:first:count`.
pub fn ranges(text: &str, name: &str, uid: u32) -> Vec<(u32, u32)> {
    let uid = uid.to_string();
    let ranges = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let first: u32 = fields.next()?.parse().ok()?;
        let count: u32 = fields.next()?.trim_end().parse().ok()?;
        let fits = count > 0 && first > 0 && first.checked_add(count).is_some();
        ((owner == name || owner == uid) && fits).then_some((first, count))
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_found_by_name_and_number() {
        let text = "root:1:9\ndev:100000:10\n1001:200000:65536\nother:300000:99999\n";
        assert_eq!(ranges(text, "dev", 1001), [(100_000, 10), (200_000, 65_536)]);
        assert_eq!(ranges(text, "nobody", 65_534), []);
    }

    #[test]
    fn ranges_that_make_no_sense_are_passed_over() {
        let text = "dev:x:1\ndev:100000:0\ndev:4294967295:2\ndev:0:5\ndev\n";
        assert_eq!(ranges(text, "dev", 1001), []);
    }
}
