//! Lays out columns: cells that end with a tab get the width of the widest cell of the same
//! column in neighbouring lines.
//!
//! Input is what [`super::printer`] writes. A column is a run of consecutive lines that
//! have a cell there; `\x0c` ends all columns, and so does a line without cells. Leading
//! empty cells are tabs, other padding is blanks. A column of empty cells that end with
//! `\x0b` vanishes. Blanks at line ends are removed.

const TAB: usize = 8;
const ESCAPE: u8 = 0xff;

#[derive(Clone, Copy)]
struct Cell {
    lo: usize,
    hi: usize,
    width: usize,
    /// Ended by a real tab: the column stays even if all its cells are empty.
    hard: bool,
}

#[derive(Default)]
struct Aligner<'a> {
    input: &'a [u8],
    cells: Vec<Cell>,
    /// Ends of the buffered lines in `cells`.
    lines: Vec<usize>,
    widths: Vec<usize>,
    out: Vec<u8>,
}

/// The finished text.
pub fn align(input: &[u8]) -> Vec<u8> {
    let mut a = Aligner {
        input,
        out: Vec::with_capacity(input.len() + input.len() / 8),
        ..Aligner::default()
    };
    let (mut from, mut width) = (0, 0);
    let mut escaped = false;
    for (i, &b) in input.iter().enumerate() {
        if b == ESCAPE {
            escaped = !escaped;
            continue;
        }
        if escaped || !matches!(b, b'\t' | b'\x0b' | b'\n' | b'\x0c') {
            // Characters, not bytes.
            width += usize::from(b & 0xc0 != 0x80);
            continue;
        }
        a.cells.push(Cell {
            lo: from,
            hi: i,
            width,
            hard: b == b'\t',
        });
        (from, width) = (i + 1, 0);
        if matches!(b, b'\n' | b'\x0c') {
            let start = a.lines.last().copied().unwrap_or(0);
            let alone = a.cells.len() - start == 1;
            a.lines.push(a.cells.len());
            if b == b'\x0c' || alone {
                a.flush();
            }
        }
    }
    if from < input.len() {
        a.cells.push(Cell {
            lo: from,
            hi: input.len(),
            width,
            hard: false,
        });
        a.lines.push(a.cells.len());
    }
    a.flush();
    a.out
}

impl Aligner<'_> {
    fn flush(&mut self) {
        self.columns(0, self.lines.len());
        self.cells.clear();
        self.lines.clear();
    }
    fn line(&self, i: usize) -> std::ops::Range<usize> {
        let start = i.checked_sub(1).map_or(0, |p| self.lines[p]);
        start..self.lines[i]
    }
    /// Whether line `i` has a cell, ended by a tab, in this column.
    fn has(&self, i: usize, column: usize) -> bool {
        column + 1 < self.line(i).len()
    }
    /// Writes lines `from..to`, whose cells left of the next column have known widths.
    fn columns(&mut self, from: usize, to: usize) {
        let column = self.widths.len();
        let (mut from, mut i) = (from, from);
        while i < to {
            if !self.has(i, column) {
                i += 1;
                continue;
            }
            self.write(from, i);
            from = i;
            let (mut width, mut soft) = (0, true);
            while i < to && self.has(i, column) {
                let c = self.cells[self.line(i).start + column];
                width = width.max(c.width + 1);
                soft &= c.width == 0 && !c.hard;
                i += 1;
            }
            self.widths.push(if soft { 0 } else { width });
            self.columns(from, i);
            self.widths.pop();
            from = i;
        }
        self.write(from, to);
    }
    fn write(&mut self, from: usize, to: usize) {
        for i in from..to {
            let mut tabs = true;
            for (j, k) in self.line(i).enumerate() {
                let c = self.cells[k];
                let width = self.widths.get(j).copied();
                if c.lo == c.hi {
                    if let Some(w) = width {
                        self.pad(c.width, w, tabs);
                    }
                } else {
                    tabs = false;
                    self.text(c.lo, c.hi);
                    if let Some(w) = width {
                        self.pad(c.width, w, false);
                    }
                }
            }
            self.trim();
            self.out.push(b'\n');
        }
    }
    fn pad(&mut self, text: usize, cell: usize, tabs: bool) {
        let (byte, n) = if tabs {
            (b'\t', (cell.next_multiple_of(TAB) - text).div_ceil(TAB))
        } else {
            (b' ', cell.saturating_sub(text))
        };
        self.out.extend(std::iter::repeat_n(byte, n));
    }
    fn text(&mut self, lo: usize, hi: usize) {
        let text = &self.input[lo..hi];
        if memchr::memchr(ESCAPE, text).is_none() {
            self.out.extend_from_slice(text);
            return;
        }
        self.out
            .extend(text.iter().filter(|&&b| b != ESCAPE).copied());
    }
    /// Removes blanks at the end of the line, but not those of a literal.
    fn trim(&mut self) {
        while matches!(self.out.last(), Some(b' ' | b'\t')) {
            self.out.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::align;

    fn aligned(s: &str) -> String {
        String::from_utf8(align(s.as_bytes())).expect("text")
    }

    #[test]
    fn cells_share_a_width() {
        assert_eq!(
            aligned("a\x0bint\nlong\x0bstring\n"),
            "a    int\nlong string\n"
        );
    }
    #[test]
    fn a_break_ends_the_columns() {
        assert_eq!(aligned("a\x0bint\x0clong\x0bT\n"), "a int\nlong T\n");
    }
    #[test]
    fn empty_soft_columns_vanish() {
        assert_eq!(aligned("a\x0b\x0b= 1\nbb\x0b\x0b= 2\n"), "a  = 1\nbb = 2\n");
    }
    #[test]
    fn leading_cells_are_tabs() {
        assert_eq!(aligned("\t\tx\n"), "\t\tx\n");
    }
}
