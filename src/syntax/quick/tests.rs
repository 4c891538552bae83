//! The library read both ways.

use super::*;
use crate::base::span::SourceMap;
use crate::stdlib::reach;
use crate::syntax::lex;
use crate::syntax::parse::{ParseOptions, item_end, parse_pieces, parse_text};
use std::path::Path;

/// Both parsers make the same tree of every declaration of the library, node by node.
#[test]
fn the_library_reads_as_by_the_grammar() {
    for stem in reach::stems() {
        for (name, text) in reach::sources(stem) {
            let mut sources = SourceMap::new();
            let id = sources.add(name, Path::new(name), text.to_string());
            let id = id.expect("not too long");
            let (mut by_grammar, mut quick) = (Ast::default(), Ast::default());
            let opts = ParseOptions::default();
            let found = parse_text(&mut by_grammar, &sources, id, &opts).0;
            assert!(found.is_empty(), "{name}: {found:?}");
            let whole = 0..text.len();
            let found = parse_pieces(&mut quick, &sources, id, std::slice::from_ref(&whole));
            assert!(found.is_empty(), "{name}: {found:?}");
            let (a, b) = (format!("{by_grammar:#?}"), format!("{quick:#?}"));
            let mut lines = a.lines().zip(b.lines()).enumerate();
            if let Some((n, (x, y))) = lines.find(|(_, (x, y))| x != y) {
                panic!("{name}: line {n} of the tree: {x} became {y}");
            }
            assert_eq!(a.len(), b.len(), "{name}");
        }
    }
}

/// Hardly anything is left to the grammar.
#[test]
fn most_of_the_library_is_read_here() {
    let (mut all, mut left) = (0, Vec::new());
    for (name, text) in reach::stems().flat_map(reach::sources) {
        let lexed = lex::lex(text, 1);
        let mut ast = Ast::default();
        let mut b = Builder::new(&mut ast, text, 1, &lexed);
        let mut i = 0;
        while i < lexed.toks.len() {
            let j = item_end(&lexed.toks, i);
            b.begin();
            all += 1;
            if item(&mut b, &lexed.toks[i..j]).is_none() {
                let line = text[lexed.toks[i].lo as usize - 1..].lines().next();
                left.push(format!("{name}: {}", line.unwrap_or_default()));
            }
            i = j;
        }
    }
    assert!(left.len() * 50 < all, "{} of {all}: {left:#?}", left.len());
}
