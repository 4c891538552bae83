//! Differences between two texts in the unified format.

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// A stretch of equal lines: where it starts in both texts, and its length.
struct Same {
    a: usize,
    b: usize,
    len: usize,
}

/// The unified diff of two texts, empty if they are equal.
pub fn unified(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let a: Vec<&str> = old.split_inclusive('\n').collect();
    let b: Vec<&str> = new.split_inclusive('\n').collect();
    let mut out = format!("diff {old_name} {new_name}\n--- {old_name}\n+++ {new_name}\n");
    let mut same = common(&a, &b);
    same.push(Same {
        a: a.len(),
        b: b.len(),
        len: 0,
    });
    // One hunk: lines with their marks, and the ranges covered.
    let mut hunk: Vec<(char, &str)> = Vec::new();
    let (mut start_a, mut start_b) = (0, 0);
    let (mut at_a, mut at_b) = (0, 0);
    for (i, s) in same.iter().enumerate() {
        if s.a > at_a || s.b > at_b {
            hunk.extend(a[at_a..s.a].iter().map(|l| ('-', *l)));
            hunk.extend(b[at_b..s.b].iter().map(|l| ('+', *l)));
        }
        let ends = same
            .get(i + 1)
            .is_none_or(|next| next.a == s.a + s.len && next.b == s.b + s.len);
        if !hunk.is_empty() && !ends && s.len <= 2 * CONTEXT {
            hunk.extend(a[s.a..s.a + s.len].iter().map(|l| (' ', *l)));
        } else {
            if !hunk.is_empty() {
                let n = s.len.min(CONTEXT);
                hunk.extend(a[s.a..s.a + n].iter().map(|l| (' ', *l)));
                write_hunk(&mut out, &hunk, start_a, start_b);
                hunk.clear();
            }
            // The next change's context starts its hunk.
            let (end_a, end_b) = (s.a + s.len, s.b + s.len);
            let changes = same
                .get(i + 1)
                .is_some_and(|next| next.a > end_a || next.b > end_b);
            if changes {
                let n = s.len.min(CONTEXT);
                (start_a, start_b) = (end_a - n, end_b - n);
                hunk.extend(a[start_a..end_a].iter().map(|l| (' ', *l)));
            }
        }
        (at_a, at_b) = (s.a + s.len, s.b + s.len);
    }
    out
}

fn write_hunk(out: &mut String, hunk: &[(char, &str)], a: usize, b: usize) {
    let n = |skip: char| hunk.iter().filter(|l| l.0 != skip).count();
    let range = |start: usize, n: usize| match n {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{n}", start + 1),
    };
    out.push_str(&format!(
        "@@ -{} +{} @@\n",
        range(a, n('+')),
        range(b, n('-'))
    ));
    for (mark, line) in hunk {
        out.push(*mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Equal stretches in order: lines that occur once in both texts anchor them (as in
/// patience diffs), and stretches grow around the anchors.
fn common(a: &[&str], b: &[&str]) -> Vec<Same> {
    use std::collections::HashMap;
    let mut seen: HashMap<&str, (usize, usize, usize, usize)> = HashMap::new();
    for (i, l) in a.iter().enumerate() {
        let e = seen.entry(l).or_default();
        e.0 += 1;
        e.2 = i;
    }
    for (i, l) in b.iter().enumerate() {
        let e = seen.entry(l).or_default();
        e.1 += 1;
        e.3 = i;
    }
    let mut pairs: Vec<(usize, usize)> = seen
        .values()
        .filter(|e| e.0 == 1 && e.1 == 1)
        .map(|e| (e.2, e.3))
        .collect();
    pairs.sort_unstable();
    let mut out: Vec<Same> = Vec::new();
    let mut take = |from: (usize, usize), done: &mut (usize, usize)| {
        let (mut x, mut y) = from;
        if x < done.0 || y < done.1 {
            return;
        }
        let mut len = 0;
        while x + len < a.len() && y + len < b.len() && a[x + len] == b[y + len] {
            len += 1;
        }
        while x > done.0 && y > done.1 && a[x - 1] == b[y - 1] {
            (x, y) = (x - 1, y - 1);
            len += 1;
        }
        if len > 0 {
            out.push(Same { a: x, b: y, len });
            *done = (x + len, y + len);
        }
    };
    let mut done = (0, 0);
    take((0, 0), &mut done);
    for p in increasing(&pairs) {
        take(p, &mut done);
    }
    // What both texts end with.
    let tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count()
        .min(a.len() - done.0)
        .min(b.len() - done.1);
    if tail > 0 {
        take((a.len() - tail, b.len() - tail), &mut done);
    }
    out
}

/// A longest increasing choice of pairs sorted by their first parts.
fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    for (i, p) in pairs.iter().enumerate() {
        let k = ends.partition_point(|&e| pairs[e].1 < p.1);
        before[i] = k.checked_sub(1).map(|k| ends[k]);
        if k == ends.len() {
            ends.push(i);
        } else {
            ends[k] = i;
        }
    }
    let mut out = Vec::new();
    let mut at = ends.last().copied();
    while let Some(i) = at {
        out.push(pairs[i]);
        at = before[i];
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn hunks_have_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
        let want = "diff a b\n--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(unified("a", old, "b", new), want);
        assert_eq!(unified("a", old, "b", old), "");
    }
    #[test]
    fn distant_changes_are_separate() {
        let old: String = (0..40).map(|i| format!("{i}\n")).collect();
        let new = old.replace("3\n", "x\n").replacen("30\n", "", 1);
        let d = unified("a", &old, "b", &new);
        assert!(d.contains("-3\n+x\n"), "{d}");
        assert!(d.matches("@@ -").count() >= 2, "{d}");
    }
    #[test]
    fn ends_without_line_break() {
        let d = unified("a", "x", "b", "x\n");
        assert!(d.ends_with("-x\n\\ No newline at end of file\n+x\n"), "{d}");
    }
}
