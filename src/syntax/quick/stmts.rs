//! Statements.

use super::Quick;
use crate::syntax::ast::*;
use crate::syntax::build_stmt::{Head, Simple};
use crate::syntax::token::T;

impl Quick<'_, '_> {
    pub(super) fn block(&mut self) -> Option<Block> {
        let (l, _) = self.token(T::LBrace)?;
        let (v, _) = self.stmts()?;
        self.want(T::RBrace)?;
        let r = self.hi();
        Some(self.b.block(l, v, r))
    }
    /// Statements up to the end of a block or clause, and where they end: an empty one ends
    /// where the next token begins.
    pub(super) fn stmts(&mut self) -> Option<(Vec<StmtId>, u32)> {
        let mut v = Vec::new();
        loop {
            let mut end = self.lo();
            if let Some(s) = self.stmt_opt()? {
                v.push(s);
                end = self.hi();
            }
            if !self.eat(T::Semi) {
                return Some((v, end));
            }
        }
    }
    pub(super) fn stmt_opt(&mut self) -> Option<Option<StmtId>> {
        match self.kind() {
            T::Semi | T::RBrace | T::Case | T::Default => Some(None),
            _ => self.stmt().map(Some),
        }
    }
    pub(super) fn stmt(&mut self) -> Option<StmtId> {
        let l = self.lo();
        Some(match self.kind() {
            T::Const | T::Var | T::Type => {
                let d = self.decl()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Decl(d), l, r)
            }
            T::LBrace => {
                let k = self.block()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Block(k), l, r)
            }
            T::If => self.if_stmt()?,
            T::For => self.for_stmt()?,
            T::Switch => self.switch()?,
            T::Select => self.select()?,
            go @ (T::Go | T::Defer) => {
                self.i += 1;
                let x = self.or(true)?;
                let r = self.hi();
                self.b.go_defer(l, go == T::Go, x, r)
            }
            T::Return => {
                self.i += 1;
                let v = match self.kind() {
                    T::Semi | T::RBrace => Vec::new(),
                    _ => self.vals(true)?,
                };
                let r = self.hi();
                self.b.ret(v, l, r)
            }
            T::Break => self.branch(BranchKind::Break)?,
            T::Continue => self.branch(BranchKind::Continue)?,
            T::Goto => self.branch(BranchKind::Goto)?,
            T::Fallthrough => self.branch(BranchKind::Fallthrough)?,
            T::Ident if self.ahead(1) == T::Colon => {
                let (l, m) = self.token(T::Ident)?;
                self.i += 1;
                let end = self.lo();
                let s = self.stmt_opt()?;
                let r = if s.is_some() { self.hi() } else { end };
                self.b.labeled(l, m, s, r)
            }
            _ => {
                let s = self.simple(true)?;
                self.b.plain_simple(s)
            }
        })
    }
    pub(super) fn branch(&mut self, kind: BranchKind) -> Option<StmtId> {
        let l = self.lo();
        self.i += 1;
        let label = match self.kind() {
            T::Ident => Some(self.name()?),
            _ => None,
        };
        let r = self.hi();
        Some(self.b.branch(kind, label, l, r))
    }
    pub(super) fn simple(&mut self, lit: bool) -> Option<Simple> {
        let v = self.ors(lit)?;
        self.simple_rest(v, lit)
    }
    pub(super) fn simple_rest(&mut self, v: Vec<ExprId>, lit: bool) -> Option<Simple> {
        let o = self.lo();
        let kind = self.kind();
        let op = match kind {
            T::AssignOp(p) => Some(p),
            T::Assign | T::Define | T::Arrow | T::Inc | T::Dec => None,
            _ => return Some(self.b.simple_exprs(v)),
        };
        self.i += 1;
        Some(match kind {
            T::Arrow => {
                let y = self.or(lit)?;
                self.b.send(v, o, y)
            }
            T::Inc | T::Dec => {
                let r = self.hi();
                self.b.incdec(v, kind == T::Inc, o, r)
            }
            T::Define => {
                let w = self.vals(lit)?;
                self.b.define(v, o, w)
            }
            _ => {
                let w = self.vals(lit)?;
                self.b.assign(v, o, op, w)
            }
        })
    }
    pub(super) fn head(&mut self) -> Option<Head> {
        let part = |q: &mut Self| match q.kind() {
            T::Semi | T::LBrace => Some(None),
            _ => q.simple(false).map(Some),
        };
        let first = part(self)?;
        if self.kind() != T::Semi {
            return Some(Head {
                init: None,
                cond: first,
                semi: None,
            });
        }
        let semi = self.token(T::Semi);
        Some(Head {
            init: first,
            cond: part(self)?,
            semi,
        })
    }
    pub(super) fn if_stmt(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::If)?;
        let h = self.head()?;
        let k = self.block()?;
        let mut els = None;
        if self.eat(T::Else) {
            let l = self.lo();
            els = Some(if self.kind() == T::If {
                self.if_stmt()?
            } else {
                let k = self.block()?;
                let r = self.hi();
                self.b.stmt(StmtKind::Block(k), l, r)
            });
        }
        let r = self.hi();
        Some(self.b.if_stmt(l, h, k, els, r))
    }
    pub(super) fn for_stmt(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::For)?;
        let first = match self.kind() {
            T::LBrace | T::Semi => None,
            T::Range => return self.range(l, Vec::new(), None),
            _ => {
                let v = self.ors(false)?;
                let o = self.lo();
                let kind = self.kind();
                if matches!(kind, T::Assign | T::Define) && self.ahead(1) == T::Range {
                    self.i += 1;
                    return self.range(l, v, Some((o, kind == T::Define)));
                }
                Some(self.simple_rest(v, false)?)
            }
        };
        if !self.eat(T::Semi) {
            let k = self.block()?;
            let r = self.hi();
            return Some(self.b.for_cond(l, first, k, r));
        }
        let cond = match self.kind() {
            T::Semi => None,
            _ => Some(self.simple(false)?),
        };
        let semi = self.token(T::Semi)?;
        let post = match self.kind() {
            T::LBrace => None,
            _ => Some(self.simple(false)?),
        };
        let k = self.block()?;
        let r = self.hi();
        Some(self.b.for_three(l, first, cond, semi, post, k, r))
    }
    pub(super) fn range(
        &mut self,
        l: u32,
        v: Vec<ExprId>,
        op: Option<(u32, bool)>,
    ) -> Option<StmtId> {
        let (p, _) = self.token(T::Range)?;
        let x = self.or(false)?;
        let k = self.block()?;
        let r = self.hi();
        Some(self.b.range(l, v, op, p, x, k, r))
    }
    pub(super) fn switch(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::Switch)?;
        let h = self.head()?;
        let (s, _) = self.token(T::LBrace)?;
        let mut cases = Vec::new();
        while !self.eat(T::RBrace) {
            let l = self.lo();
            let default = self.eat(T::Default);
            let mut v = Vec::new();
            if !default {
                self.want(T::Case)?;
                v.push(self.xt()?);
                while self.eat(T::Comma) {
                    v.push(self.xt()?);
                }
            }
            let (c, _) = self.token(T::Colon)?;
            let (body, r) = self.stmts()?;
            cases.push(self.b.case(l, v, default, c, body, r));
        }
        let r = self.hi();
        Some(self.b.switch(l, h, s, cases, r))
    }
    pub(super) fn select(&mut self) -> Option<StmtId> {
        let (l, _) = self.token(T::Select)?;
        let (s, _) = self.token(T::LBrace)?;
        let mut cases = Vec::new();
        while !self.eat(T::RBrace) {
            let l = self.lo();
            let m = if self.eat(T::Default) {
                None
            } else {
                self.want(T::Case)?;
                Some(self.simple(true)?)
            };
            let (c, _) = self.token(T::Colon)?;
            let (body, r) = self.stmts()?;
            cases.push(self.b.comm(l, m, c, body, r));
        }
        let r = self.hi();
        Some(self.b.select(l, s, cases, r))
    }
}
