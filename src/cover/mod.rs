//! Statement coverage for `gosub test -cover` and for fuzzing.
//!
//! * `blocks` finds the basic blocks of checked packages and puts a counting statement at the
//!   head of each · this file keeps the blocks with their counters and writes the profile.
//!
//! Only test programs that ask for it have counters: other programs have no instruction for
//! them. Counters lie outside the guest's memory, so the race detector does not see them.

mod blocks;

pub use blocks::{instrument, words};

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a counter tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Whether the block ran.
    Set,
    /// How often; increments may be lost when goroutines run at the same instant.
    Count,
    /// How often.
    Atomic,
}

impl Mode {
    /// The mode that `-covermode` names.
    pub fn parse(name: &str) -> Option<Mode> {
        match name {
            "set" => Some(Mode::Set),
            "count" => Some(Mode::Count),
            "atomic" => Some(Mode::Atomic),
            _ => None,
        }
    }
    pub fn name(self) -> &'static str {
        match self {
            Mode::Set => "set",
            Mode::Count => "count",
            Mode::Atomic => "atomic",
        }
    }
}

/// A run of statements that are executed together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Block {
    /// Index of the file's name.
    pub file: u32,
    /// Line and column (in bytes, from 1) of the start and of the end.
    pub from: (u32, u32),
    pub to: (u32, u32),
    pub stmts: u32,
}

/// The blocks of the packages that are measured.
#[derive(Debug)]
pub struct Table {
    mode: Mode,
    /// Files as profiles name them.
    files: Vec<String>,
    blocks: Vec<Block>,
    counters: Vec<AtomicU32>,
    /// Texts and numbers in the code, which fuzzing tries.
    words: Vec<String>,
}

static TABLE: OnceLock<Table> = OnceLock::new();

/// The process's table, if anything is measured.
pub fn table() -> Option<&'static Table> {
    TABLE.get()
}

/// The counter of block `n`.
pub fn counter(n: u32) -> Option<&'static AtomicU32> {
    table()?.counters.get(n as usize)
}

impl Table {
    pub fn new(mode: Mode, files: Vec<String>, blocks: Vec<Block>) -> Table {
        let counters = blocks.iter().map(|_| AtomicU32::new(0)).collect();
        Table {
            mode,
            files,
            blocks,
            counters,
            words: Vec::new(),
        }
    }

    pub fn with_words(self, words: Vec<String>) -> Table {
        Table { words, ..self }
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Makes this the process's table; the first one stays.
    pub fn publish(self) {
        let _ = TABLE.set(self);
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn counters(&self) -> &[AtomicU32] {
        &self.counters
    }

    /// How many statements have run, and how many there are.
    pub fn statements(&self) -> (u64, u64) {
        let mut sum = (0, 0);
        for (b, c) in self.blocks.iter().zip(&self.counters) {
            let n = u64::from(b.stmts);
            sum.1 += n;
            if c.load(Ordering::Relaxed) > 0 {
                sum.0 += n;
            }
        }
        sum
    }

    /// Writes the lines of Go's coverage profile, without the first one.
    pub fn profile(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut order: Vec<usize> = (0..self.blocks.len()).collect();
        order.sort_by_key(|&i| (&self.files[self.blocks[i].file as usize], self.blocks[i]));
        for i in order {
            let b = &self.blocks[i];
            writeln!(
                out,
                "{}:{}.{},{}.{} {} {}",
                self.files[b.file as usize],
                b.from.0,
                b.from.1,
                b.to.0,
                b.to.1,
                b.stmts,
                self.counters[i].load(Ordering::Relaxed)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_sorted_and_sums_count_statements() {
        let block = |file, line, stmts| Block {
            file,
            from: (line, 2),
            to: (line, 9),
            stmts,
        };
        let blocks = vec![
            block(1, 3, 2),
            block(0, 30, 1),
            block(0, 4, 5),
            block(0, 5, 0),
        ];
        let t = Table::new(Mode::Count, vec!["p/a.go".into(), "p/b.go".into()], blocks);
        t.counters()[0].store(7, Ordering::Relaxed);
        t.counters()[3].store(1, Ordering::Relaxed);
        assert_eq!(t.statements(), (2, 8));
        let mut out = Vec::new();
        t.profile(&mut out).expect("a vector");
        assert_eq!(
            String::from_utf8(out).expect("UTF-8"),
            "p/a.go:4.2,4.9 5 0\np/a.go:5.2,5.9 0 1\np/a.go:30.2,30.9 1 0\np/b.go:3.2,3.9 2 7\n"
        );
    }
}
