//! Interned identifiers: a [`Name`] is a small number that stands for a string for the
//! whole life of the process.

use rustc_hash::FxHashMap as HashMap;
use std::fmt;
use std::sync::{LazyLock, RwLock};

/// An interned string. Equal names are equal strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(u32);

struct Table {
    map: HashMap<&'static str, u32>,
    names: Vec<&'static str>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(|| {
    RwLock::new(Table {
        map: [("", 0), ("_", 1)].into_iter().collect(),
        names: vec!["", "_"],
    })
});

impl Name {
    /// The empty name.
    pub const EMPTY: Name = Name(0);
    /// The blank identifier `_`.
    pub const BLANK: Name = Name(1);

    /// Interns `s`.
    pub fn new(s: &str) -> Name {
        if let Some(&i) = TABLE.read().expect("intern table").map.get(s) {
            return Name(i);
        }
        let mut t = TABLE.write().expect("intern table");
        if let Some(&i) = t.map.get(s) {
            return Name(i);
        }
        let i = t.names.len() as u32;
        let s: &'static str = Box::leak(s.into());
        t.names.push(s);
        t.map.insert(s, i);
        Name(i)
    }
    pub fn as_str(self) -> &'static str {
        TABLE.read().expect("intern table").names[self.0 as usize]
    }
    pub fn is_blank(self) -> bool {
        self == Name::BLANK
    }
    /// Whether the name starts with an upper-case letter.
    pub fn is_exported(self) -> bool {
        self.as_str().chars().next().is_some_and(char::is_uppercase)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
