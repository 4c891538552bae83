//! Source files and positions.
//!
//! A [`Span`] is a half-open range of *global* byte offsets: every file added to a
//! [`SourceMap`] owns a disjoint range, so a span alone names file, line and column.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A global byte offset.
pub type Pos = u32;

/// A half-open range of global byte offsets. `Span::NONE` marks synthetic nodes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Span {
    pub lo: Pos,
    pub hi: Pos,
}

impl Span {
    /// No position (synthetic nodes).
    pub const NONE: Span = Span { lo: 0, hi: 0 };
    /// From `lo` to `hi`.
    pub fn new(lo: Pos, hi: Pos) -> Span {
        Span { lo, hi }
    }
    /// An empty span at `pos`.
    pub fn at(pos: Pos) -> Span {
        Span { lo: pos, hi: pos }
    }
    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }
}

/// One source file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as diagnostics print it.
    pub name: String,
    /// Where it was read from (equal to `name` for files on disk).
    pub path: PathBuf,
    pub text: Cow<'static, str>,
    /// Global offset of the first byte.
    pub base: Pos,
    /// Local offsets at which lines start, found when first asked for.
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// 1-based line and column (in bytes, as Go counts) of a global position.
    pub fn line_col(&self, pos: Pos) -> (u32, u32) {
        let local = pos.saturating_sub(self.base).min(self.text.len() as u32);
        let starts = self.line_starts();
        let line = starts.partition_point(|&s| s <= local);
        (line as u32, local - starts[line - 1] + 1)
    }
    /// Number of lines.
    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }
    /// Local offset at which 0-based `line` starts.
    pub fn line_start(&self, line: usize) -> Option<usize> {
        self.line_starts().get(line).map(|&s| s as usize)
    }
    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
            let starts = ends.map(|i| i as u32 + 1);
            std::iter::once(0).chain(starts).collect()
        })
    }
}

/// All source files of one program.
#[derive(Debug, Default, Clone)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// Index of a file in its [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FileId(pub u32);

impl SourceMap {
    pub fn new() -> SourceMap {
        SourceMap::default()
    }
    /// Adds a file. Fails when all files together exceed 4 GiB.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        path: &Path,
        text: impl Into<Cow<'static, str>>,
    ) -> Result<FileId, String> {
        let text = text.into();
        // Position 0 is reserved for "no position".
        let base = self
            .files
            .last()
            .map_or(1u64, |f| f.base as u64 + f.text.len() as u64 + 1);
        if base + text.len() as u64 + 1 > u32::MAX as u64 {
            return Err("source files exceed 4 GiB".into());
        }
        self.files.push(SourceFile {
            name: name.into(),
            path: path.into(),
            text,
            base: base as u32,
            line_starts: OnceLock::new(),
        });
        Ok(FileId(self.files.len() as u32 - 1))
    }
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(i, f)| (FileId(i as u32), f))
    }
    /// The file that owns `pos`, if any.
    pub fn file_of(&self, pos: Pos) -> Option<(FileId, &SourceFile)> {
        if pos == 0 {
            return None;
        }
        let i = self
            .files
            .partition_point(|f| f.base <= pos)
            .checked_sub(1)?;
        Some((FileId(i as u32), &self.files[i]))
    }
    /// File name, line and column of `pos`, if it has one.
    pub fn locate(&self, pos: Pos) -> Option<(&str, u32, u32)> {
        let (_, f) = self.file_of(pos)?;
        let (l, c) = f.line_col(pos);
        Some((&f.name, l, c))
    }
    /// The text a span covers.
    pub fn text(&self, span: Span) -> &str {
        match self.file_of(span.lo) {
            Some((_, f)) => {
                let lo = (span.lo - f.base) as usize;
                let hi = ((span.hi.max(span.lo) - f.base) as usize).min(f.text.len());
                f.text.get(lo..hi).unwrap_or("")
            }
            None => "",
        }
    }
}
