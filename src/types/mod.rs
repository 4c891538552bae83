//! The type checker: from the tree to types, constants, resolved names and Go's errors.

pub mod assign;
pub mod binary;
pub mod builtin;
pub mod call;
pub mod check;
#[cfg(test)]
mod check_tests;
pub mod constant;
pub mod convert;
pub mod cycles;
pub mod decl;
pub mod display;
pub mod expr;
pub mod funcs;
mod hints;
mod identity;
pub mod index;
pub mod infer;
pub mod info;
pub mod init_order;
pub mod instance;
pub mod labels;
pub mod literal;
pub mod lookup;
pub mod operand;
pub mod predicates;
pub mod range;
pub mod real;
pub mod resolve;
pub mod ret;
pub mod scope;
pub mod selector;
pub mod sizes;
pub mod stmt;
pub mod subst;
pub mod switch;
pub mod ty;
pub mod typeset;
pub mod typexpr;
pub mod unify;
pub mod universe;
pub mod untyped;
pub mod validtype;
pub mod world;

#[cfg(test)]
mod testing;
