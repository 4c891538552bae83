//! Reading statements.

use super::read::{Reader, Res};
use super::tree::*;
use crate::syntax::token::T;

/// Key, value, operator and its place, place of `range`, operand.
type RangeHead = (Option<Expr>, Option<Expr>, T, At, At, Expr);

impl Reader<'_> {
    pub(super) fn block(&mut self) -> Res<Block> {
        let lbrace = self.want(T::LBrace, "{")?;
        let list = self.with_literals(true, Self::stmts)?;
        let rbrace = self.want(T::RBrace, "}")?;
        Ok(Block {
            lbrace,
            list,
            rbrace,
        })
    }
    /// Statements up to a closing brace or the next clause.
    fn stmts(&mut self) -> Res<Vec<Stmt>> {
        let mut list = Vec::new();
        while !matches!(self.kind(), T::RBrace | T::Newline | T::Case | T::Default) {
            list.push(self.stmt()?);
            match self.kind() {
                T::Semi => drop(self.bump()),
                T::RBrace | T::Case | T::Default => {}
                _ => return self.fail("semicolon or newline or }"),
            }
        }
        Ok(list)
    }
    pub(super) fn made(&self, lo: At, kind: StmtKind) -> Stmt {
        Stmt { kind, lo }
    }
    pub(super) fn stmt(&mut self) -> Res<Stmt> {
        self.deeper(Self::stmt_inner)
    }
    fn stmt_inner(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let kind = match self.kind() {
            T::Semi | T::RBrace => {
                return Ok(Stmt {
                    kind: StmtKind::Empty,
                    lo,
                });
            }
            T::Const | T::Var | T::Type => return self.decl_stmt(),
            T::LBrace => StmtKind::Block(self.block()?),
            T::Go => {
                self.bump();
                StmtKind::Go(self.expr()?)
            }
            T::Defer => {
                self.bump();
                StmtKind::Defer(self.expr()?)
            }
            T::Return => {
                self.bump();
                let list = match self.kind() {
                    T::Semi | T::RBrace | T::Newline => Vec::new(),
                    _ => self.exprs()?,
                };
                StmtKind::Return(list)
            }
            word @ (T::Break | T::Continue | T::Goto | T::Fallthrough) => {
                self.bump();
                let label = match self.kind() {
                    T::Ident => Some(self.name()?),
                    _ => None,
                };
                StmtKind::Branch { word, label }
            }
            T::If => return self.if_stmt(),
            T::Switch => self.switch()?,
            T::Select => {
                self.bump();
                StmtKind::Select(self.clauses()?)
            }
            T::For => self.for_stmt()?,
            T::Ident if self.peek(1) == T::Colon => {
                let label = self.name()?;
                let colon = self.bump().lo;
                let stmt = Box::new(self.stmt()?);
                StmtKind::Labeled { label, colon, stmt }
            }
            _ => return self.simple(),
        };
        Ok(self.made(lo, kind))
    }
    fn simple(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let mut lhs = self.exprs()?;
        let op = self.kind();
        let op_at = self.at();
        let kind = match op {
            T::Assign | T::Define | T::AssignOp(_) => {
                self.bump();
                let rhs = self.exprs()?;
                StmtKind::Assign {
                    lhs,
                    op,
                    op_at,
                    rhs,
                }
            }
            _ if lhs.len() > 1 => return self.fail(":= or = or comma"),
            T::Inc | T::Dec => {
                self.bump();
                let x = lhs.remove(0);
                StmtKind::IncDec { x, op, op_at }
            }
            T::Arrow => {
                self.bump();
                let value = self.expr()?;
                StmtKind::Send {
                    chan: lhs.remove(0),
                    arrow: op_at,
                    value,
                }
            }
            _ => StmtKind::Expr(lhs.remove(0)),
        };
        Ok(self.made(lo, kind))
    }
    /// A simple statement of a header, if there is one before `stop` or the brace.
    fn header_part(&mut self) -> Res<Option<Stmt>> {
        match self.kind() {
            T::Semi | T::LBrace => Ok(None),
            _ => self.simple().map(Some),
        }
    }
    fn if_stmt(&mut self) -> Res<Stmt> {
        let lo = self.bump().lo;
        let (init, cond) = self.with_literals(false, |r| {
            let first = r.header_part()?;
            if r.kind() == T::Semi {
                r.bump();
                let cond = r.header_part()?;
                return Ok((first, cond));
            }
            Ok((None, first))
        })?;
        let cond = match cond.map(|s| s.kind) {
            Some(StmtKind::Expr(x)) => Some(x),
            _ => return self.fail("condition"),
        };
        let then = self.block()?;
        let els = if self.eat(T::Else) {
            let s = match self.kind() {
                T::If => self.deeper(Self::if_stmt)?,
                T::LBrace => {
                    let lo = self.at();
                    let b = self.block()?;
                    self.made(lo, StmtKind::Block(b))
                }
                _ => return self.fail("if statement or block"),
            };
            Some(Box::new(s))
        } else {
            None
        };
        let kind = StmtKind::If {
            init: init.map(Box::new),
            cond,
            then,
            els,
        };
        Ok(self.made(lo, kind))
    }
    fn clauses(&mut self) -> Res<Block> {
        let lbrace = self.want(T::LBrace, "{")?;
        let mut list = Vec::new();
        self.with_literals(true, |r| {
            while r.kind() != T::RBrace {
                list.push(r.clause()?);
            }
            Ok(())
        })?;
        let rbrace = self.bump().lo;
        Ok(Block {
            lbrace,
            list,
            rbrace,
        })
    }
    fn clause(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let (mut list, mut comm) = (Vec::new(), None);
        if self.eat(T::Case) {
            let first = self.simple_or_types()?;
            match first.kind {
                StmtKind::Expr(x) if self.kind() == T::Comma => {
                    list.push(x);
                    while self.eat(T::Comma) {
                        list.push(self.case_item()?);
                    }
                }
                StmtKind::Expr(x) => list.push(x),
                _ => comm = Some(Box::new(first)),
            }
        } else if !self.eat(T::Default) {
            return self.fail("case or default or }");
        }
        let colon = self.want(T::Colon, ":")?;
        let body = self.stmts()?;
        let kind = StmtKind::Clause {
            list,
            comm,
            colon,
            body,
        };
        Ok(self.made(lo, kind))
    }
    /// An expression or a type.
    fn case_item(&mut self) -> Res<Expr> {
        self.expr()
    }
    fn simple_or_types(&mut self) -> Res<Stmt> {
        let lo = self.at();
        let first = self.case_item()?;
        if self.kind() == T::Comma {
            // A list of values or types, or the left side of an assignment.
            let start = self.i;
            let mut lhs = vec![first];
            while self.eat(T::Comma) {
                lhs.push(self.case_item()?);
            }
            let (op, op_at) = (self.kind(), self.at());
            if matches!(op, T::Assign | T::Define) {
                self.bump();
                let rhs = self.exprs()?;
                let kind = StmtKind::Assign {
                    lhs,
                    op,
                    op_at,
                    rhs,
                };
                return Ok(self.made(lo, kind));
            }
            self.i = start;
            let x = lhs.swap_remove(0);
            return Ok(self.made(lo, StmtKind::Expr(x)));
        }
        let (op, op_at) = (self.kind(), self.at());
        let kind = match op {
            T::Assign | T::Define => {
                self.bump();
                StmtKind::Assign {
                    lhs: vec![first],
                    op,
                    op_at,
                    rhs: self.exprs()?,
                }
            }
            T::Arrow => {
                self.bump();
                StmtKind::Send {
                    chan: first,
                    arrow: op_at,
                    value: self.expr()?,
                }
            }
            _ => StmtKind::Expr(first),
        };
        Ok(self.made(lo, kind))
    }
    fn switch(&mut self) -> Res<StmtKind> {
        self.bump();
        let (init, tag) = self.with_literals(false, |r| {
            let first = r.header_part()?;
            if r.kind() == T::Semi {
                r.bump();
                let tag = r.header_part()?;
                return Ok((first, tag));
            }
            Ok((None, first))
        })?;
        let init = init.map(Box::new);
        let guard = tag.as_ref().is_some_and(|s| match &s.kind {
            StmtKind::Expr(x) => is_guard(x),
            StmtKind::Assign { op, rhs, .. } => {
                *op == T::Define && rhs.len() == 1 && is_guard(&rhs[0])
            }
            _ => false,
        });
        match tag {
            Some(s) if guard => Ok(StmtKind::TypeSwitch {
                init,
                guard: Box::new(s),
                body: self.clauses()?,
            }),
            Some(Stmt {
                kind: StmtKind::Expr(x),
                ..
            }) => Ok(StmtKind::Switch {
                init,
                tag: Some(x),
                body: self.clauses()?,
            }),
            None => Ok(StmtKind::Switch {
                init,
                tag: None,
                body: self.clauses()?,
            }),
            Some(_) => self.fail("switch expression"),
        }
    }
    fn for_stmt(&mut self) -> Res<StmtKind> {
        self.bump();
        enum Head {
            Range(Box<RangeHead>),
            Three(Box<[Option<Stmt>; 3]>),
        }
        let head = self.with_literals(false, |r| {
            if r.kind() == T::Range {
                let at = r.bump().lo;
                return Ok(Head::Range(Box::new((
                    None,
                    None,
                    T::Range,
                    at,
                    at,
                    r.expr()?,
                ))));
            }
            if r.kind() == T::LBrace {
                return Ok(Head::Three(Box::new([None, None, None])));
            }
            let mut init = None;
            if r.kind() != T::Semi {
                let lo = r.at();
                let mut lhs = r.exprs()?;
                let (op, op_at) = (r.kind(), r.at());
                if matches!(op, T::Assign | T::Define) && r.peek(1) == T::Range {
                    r.bump();
                    let range_at = r.bump().lo;
                    let x = r.expr()?;
                    let value = (lhs.len() > 1).then(|| lhs.remove(1));
                    let key = Some(lhs.remove(0));
                    return Ok(Head::Range(Box::new((key, value, op, op_at, range_at, x))));
                }
                let kind = match op {
                    T::Assign | T::Define | T::AssignOp(_) => {
                        r.bump();
                        let rhs = r.exprs()?;
                        StmtKind::Assign {
                            lhs,
                            op,
                            op_at,
                            rhs,
                        }
                    }
                    T::Inc | T::Dec => {
                        r.bump();
                        let x = lhs.remove(0);
                        StmtKind::IncDec { x, op, op_at }
                    }
                    T::Arrow => {
                        r.bump();
                        StmtKind::Send {
                            chan: lhs.remove(0),
                            arrow: op_at,
                            value: r.expr()?,
                        }
                    }
                    _ => StmtKind::Expr(lhs.remove(0)),
                };
                init = Some(r.made(lo, kind));
            }
            if r.kind() != T::Semi {
                return Ok(Head::Three(Box::new([None, init, None])));
            }
            r.bump();
            let cond = r.header_part()?;
            r.want(T::Semi, "for loop condition")?;
            let post = r.header_part()?;
            Ok(Head::Three(Box::new([init, cond, post])))
        })?;
        let body = self.block()?;
        Ok(match head {
            Head::Range(head) => {
                let (key, value, op, op_at, range_at, x) = *head;
                StmtKind::Range {
                    key,
                    value,
                    op,
                    op_at,
                    range_at,
                    x,
                    body,
                }
            }
            Head::Three(three) => {
                let [init, cond, post] = *three;
                let cond = match cond.map(|s| s.kind) {
                    None => None,
                    Some(StmtKind::Expr(x)) => Some(x),
                    Some(_) => return self.fail("for loop condition"),
                };
                StmtKind::For {
                    init: init.map(Box::new),
                    cond,
                    post: post.map(Box::new),
                    body,
                }
            }
        })
    }
}

fn is_guard(x: &Expr) -> bool {
    matches!(&x.kind, Kind::Assert { ty: None, .. })
}
