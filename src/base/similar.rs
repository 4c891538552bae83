//! "Did you mean": names that look like a misspelt one.

/// Number of single-character changes (swaps of neighbours count as one) between two words.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let change = row[j] + usize::from(a[i] != b[j]);
            let mut best = change.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            next[j + 1] = best;
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

/// The candidate most like `word`, if one is like it at all.
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let n = word.chars().count();
    let limit = match n {
        0..=1 => return None,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    candidates
        .filter(|c| *c != word && c.len().abs_diff(word.len()) <= limit + 2)
        .map(|c| {
            let same = c.eq_ignore_ascii_case(word);
            (if same { 0 } else { distance(word, c) }, c)
        })
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("Pritnln", "Println"), 1);
        assert_eq!(distance("", "ab"), 2);
    }
    #[test]
    fn only_what_is_alike() {
        let names = ["Println", "Printf", "Sprint"];
        assert_eq!(closest("Prinln", names.into_iter()), Some("Println"));
        assert_eq!(closest("printf", names.into_iter()), Some("Printf"));
        assert_eq!(closest("Open", names.into_iter()), None);
        assert_eq!(closest("x", ["y"].into_iter()), None);
    }
}
