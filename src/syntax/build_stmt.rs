//! The second half of the builder: statements, and the checks on their headers.

use super::ast::*;
use super::build::Builder;
use super::dump;
use crate::base::span::{Pos, Span};

/// A simple statement, not yet added: headers look at it first.
#[derive(Debug)]
pub struct Simple(Box<Parts>);

/// In a box: the parser moves what it has read at each of its many steps.
#[derive(Debug)]
pub struct Parts {
    kind: StmtKind,
    span: Span,
    depth: u32,
    /// Reported already; stands for nothing.
    list: Vec<ExprId>,
}
impl std::ops::Deref for Simple {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
impl std::ops::DerefMut for Simple {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

/// `init; cond` of an `if` or `switch`.
#[derive(Debug)]
pub struct Head {
    pub init: Option<Simple>,
    pub cond: Option<Simple>,
    /// The semicolon, if written (or a line end).
    pub semi: Option<(Pos, Pos)>,
}

impl Builder<'_> {
    fn simple(&self, kind: StmtKind, l: Pos, r: Pos, parts: &[&[ExprId]]) -> Simple {
        let depth = parts.iter().map(|p| self.depth_all(p)).max().unwrap_or(0);
        Simple(Box::new(Parts {
            kind,
            span: Span::new(l, r),
            depth,
            list: Vec::new(),
        }))
    }
    fn first(&self, v: &[ExprId]) -> Pos {
        self.span(v[0]).lo
    }
    fn last(&self, v: &[ExprId]) -> Pos {
        self.span(v[v.len() - 1]).hi
    }
    /// The only expression of a list; more are reported at `at`.
    fn single(&mut self, v: &[ExprId], at: Pos) -> ExprId {
        if v.len() > 1 {
            self.stop_at(at);
        }
        v[0]
    }
    /// Expressions alone: one is a statement or a condition.
    pub fn simple_exprs(&mut self, v: Vec<ExprId>) -> Simple {
        let (l, r) = (self.first(&v), self.last(&v));
        let mut s = self.simple(StmtKind::Expr(v[0]), l, r, &[&v]);
        if v.len() > 1 {
            self.stop_at(r);
            s.list = v;
        }
        s
    }
    /// `v op= w`
    pub fn assign(
        &mut self,
        lhs: Vec<ExprId>,
        op_pos: Pos,
        op: Option<BinOp>,
        rhs: Vec<ExprId>,
    ) -> Simple {
        let (l, r) = (self.first(&lhs), self.last(&rhs));
        if op.is_some() {
            if lhs.len() > 1 {
                self.stop_at(op_pos);
            } else if rhs.len() > 1 {
                self.stop_at(self.span(rhs[0]).hi);
            }
        }
        let mut s = self.simple(StmtKind::Empty, l, r, &[&lhs, &rhs]);
        s.kind = StmtKind::Assign {
            lhs,
            rhs,
            op,
            op_pos,
        };
        s
    }
    /// `v := w`
    pub fn define(&mut self, lhs: Vec<ExprId>, op_pos: Pos, rhs: Vec<ExprId>) -> Simple {
        let (l, r) = (self.first(&lhs), self.last(&rhs));
        let mut s = self.simple(StmtKind::Empty, l, r, &[&lhs, &rhs]);
        s.kind = StmtKind::Define { lhs, rhs, op_pos };
        s
    }
    /// Reports left sides of `:=` that are not names; a loop drops them.
    fn only_names(&mut self, lhs: &mut Vec<ExprId>, range: bool) {
        for &x in lhs.iter() {
            if !matches!(self.ast.expr(x).kind, ExprKind::Ident(_)) {
                let (text, at) = (self.text_of(x), self.span(x).lo);
                if range {
                    let message = format!("invalid syntax tree: cannot declare {text}");
                    self.semantic("InvalidSyntaxTree", at, message);
                } else {
                    let message = format!("non-name {text} on left side of :=");
                    self.semantic("BadDecl", at, message);
                }
            }
        }
        if range {
            let ast = &self.ast;
            lhs.retain(|&x| matches!(ast.expr(x).kind, ExprKind::Ident(_)));
        }
    }
    fn text_of(&self, x: ExprId) -> String {
        dump::expr_text(self.ast, &|s| self.source(s), x)
    }
    /// `v <- y`
    pub fn send(&mut self, v: Vec<ExprId>, arrow: Pos, value: ExprId) -> Simple {
        let chan = self.single(&v, arrow);
        let (l, r) = (self.first(&v), self.span(value).hi);
        self.simple(StmtKind::Send { chan, value, arrow }, l, r, &[&v, &[value]])
    }
    /// `x++`
    pub fn incdec(&mut self, v: Vec<ExprId>, inc: bool, at: Pos, r: Pos) -> Simple {
        let x = self.single(&v, at);
        let l = self.first(&v);
        self.simple(StmtKind::IncDec { x, inc }, l, r, &[&v])
    }
    /// Adds a simple statement in its own right.
    pub fn plain_simple(&mut self, s: Simple) -> StmtId {
        self.add_simple(s)
    }
    fn add_simple(&mut self, mut s: Simple) -> StmtId {
        if let StmtKind::Define { lhs, .. } = &mut s.kind {
            let mut names = std::mem::take(lhs);
            self.only_names(&mut names, false);
            if names.is_empty() {
                s.kind = StmtKind::Bad;
            } else {
                *lhs = names;
            }
        }
        let s = *s.0;
        self.add_stmt(s.kind, s.depth, s.span.lo, s.span.hi)
    }
    fn init(&mut self, s: Option<Simple>) -> Option<StmtId> {
        s.map(|s| self.add_simple(s))
    }
    fn opt_stmt_depth(&self, s: Option<StmtId>) -> u32 {
        s.map_or(0, |s| self.stmt_depth(s))
    }
    /// The condition of an `if` or `for`: an expression, or an error in Go's words.
    fn condition(&mut self, s: Simple) -> ExprId {
        let message = match &s.kind {
            StmtKind::Expr(x) if s.list.is_empty() => return *x,
            StmtKind::Expr(_) => return self.add(ExprKind::Bad, s.span.lo, s.span.hi),
            StmtKind::Assign {
                lhs, rhs, op: None, ..
            } if lhs.len() == 1 && rhs.len() == 1 => {
                let (x, y) = (self.operand_text(lhs[0]), self.operand_text(rhs[0]));
                format!("cannot use assignment {x} = {y} as value")
            }
            _ => format!("cannot use {} as value", self.source(s.span)),
        };
        let at = match &s.kind {
            StmtKind::IncDec { .. } => s.span.hi - 2,
            StmtKind::Assign { op_pos, .. } | StmtKind::Define { op_pos, .. } => *op_pos,
            StmtKind::Send { arrow, .. } => *arrow,
            _ => s.span.lo,
        };
        self.error(at, &message);
        self.add(ExprKind::Bad, s.span.lo, s.span.hi)
    }
    fn operand_text(&self, x: ExprId) -> String {
        let text = self.text_of(x);
        if matches!(self.ast.expr(x).kind, ExprKind::Binary { .. }) {
            format!("({text})")
        } else {
            text
        }
    }

    // ---- Statements.

    /// Adds a statement other than a simple one.
    pub fn stmt(&mut self, kind: StmtKind, l: Pos, r: Pos) -> StmtId {
        let d = match &kind {
            StmtKind::Block(b) => self.block_depth(&b.stmts),
            StmtKind::Decl(d) => self.decl_depth(d),
            _ => 0,
        };
        self.add_stmt(kind, d, l, r)
    }
    fn decl_depth(&self, d: &Decl) -> u32 {
        let spec = |ty: &Option<ExprId>, v: &[ExprId]| {
            self.depth_all(v).max(ty.map_or(0, |t| self.depth(t)))
        };
        match d {
            Decl::Const(g) => g.specs.iter().map(|s| spec(&s.ty, &s.values)).max(),
            Decl::Var(v) => v.iter().map(|s| spec(&s.ty, &s.values)).max(),
            Decl::Type(v) => v.iter().map(|s| self.depth(s.ty)).max(),
            Decl::Func(_) => None,
        }
        .unwrap_or(0)
    }
    /// `{...}`
    pub fn block(&mut self, l: Pos, stmts: Vec<StmtId>, r: Pos) -> Block {
        Block {
            stmts,
            span: Span::new(l, r),
        }
    }
    /// `go f()`, `defer f()`
    pub fn go_defer(&mut self, l: Pos, go: bool, x: ExprId, r: Pos) -> StmtId {
        let word = if go { "go" } else { "defer" };
        let inner = self.ast.unparen(x);
        let mut low = x;
        while let ExprKind::Binary { x, op_pos, .. } = self.ast.expr(low).kind {
            if !matches!(self.ast.expr(x).kind, ExprKind::Binary { .. }) {
                self.stop_at(op_pos);
            }
            low = x;
        }
        if inner != x {
            let at = self.span(x).lo;
            self.semantic(
                "InvalidCall",
                at,
                format!("expression in {word} must not be parenthesized"),
            );
        }
        if !matches!(
            self.ast.expr(inner).kind,
            ExprKind::Call { .. } | ExprKind::Bad
        ) {
            let at = self.span(inner).lo;
            self.semantic(
                "InvalidCall",
                at,
                format!("expression in {word} must be function call"),
            );
        }
        let d = self.depth(x);
        let kind = if go {
            StmtKind::Go(x)
        } else {
            StmtKind::Defer(x)
        };
        self.add_stmt(kind, d, l, r)
    }
    /// `return v`
    pub fn ret(&mut self, v: Vec<ExprId>, l: Pos, r: Pos) -> StmtId {
        let d = self.depth_all(&v);
        self.add_stmt(StmtKind::Return(v), d, l, r)
    }
    /// `break L` and its kin
    pub fn branch(&mut self, kind: BranchKind, label: Option<IdentId>, l: Pos, r: Pos) -> StmtId {
        self.add_stmt(StmtKind::Branch { kind, label }, 0, l, r)
    }
    /// Whether `case` or `default` comes after position `r`.
    fn clause_follows(&self, r: Pos) -> bool {
        let mut rest = self.text.get((r - self.base) as usize..).unwrap_or("");
        loop {
            rest = rest.trim_start();
            let comment = if rest.starts_with("//") {
                rest.find('\n')
            } else if rest.starts_with("/*") {
                rest.find("*/").map(|i| i + 2)
            } else {
                break;
            };
            rest = comment.map_or("", |n| &rest[n..]);
        }
        let word = rest.split(|c: char| !c.is_ascii_lowercase()).next();
        matches!(word, Some("case" | "default"))
    }
    /// `L: stmt`
    pub fn labeled(&mut self, l: Pos, m: Pos, s: Option<StmtId>, r: Pos) -> StmtId {
        let label = self.ident(l, m);
        if s.is_none() && self.clause_follows(r) {
            // Go's parser fails here, so this function counts as faulty.
            self.stop_at(m);
        }
        let stmt = s.unwrap_or_else(|| self.add_stmt(StmtKind::Empty, 0, r, r));
        let d = self.stmt_depth(stmt);
        self.add_stmt(StmtKind::Labeled { label, stmt }, d, l, r)
    }
    /// `if head {...} else els`
    pub fn if_stmt(&mut self, l: Pos, h: Head, then: Block, els: Option<StmtId>, r: Pos) -> StmtId {
        let at = match h.semi {
            Some((lo, hi)) if h.cond.is_none() && lo == hi && h.init.is_some() => {
                self.error(lo, "unexpected newline, expected { after if clause");
                None
            }
            Some((lo, _)) if h.cond.is_none() => Some(lo),
            None if h.cond.is_none() => Some(then.span.lo),
            _ => None,
        };
        if let Some(at) = at {
            self.error(at, "missing condition in if statement");
        }
        let init = self.init(h.init);
        let cond = match h.cond {
            Some(c) => self.condition(c),
            None => self.add(ExprKind::Bad, then.span.lo, then.span.lo),
        };
        let d = self
            .depth(cond)
            .max(self.block_depth(&then.stmts))
            .max(self.opt_stmt_depth(init))
            .max(self.opt_stmt_depth(els));
        self.add_stmt(
            StmtKind::If {
                init,
                cond,
                then,
                els,
            },
            d,
            l,
            r,
        )
    }
    /// `for cond {...}`
    pub fn for_cond(&mut self, l: Pos, c: Option<Simple>, body: Block, r: Pos) -> StmtId {
        let cond = c.map(|c| self.condition(c));
        self.for_stmt(l, None, cond, None, body, r)
    }
    /// `for init; cond; post {...}`
    #[allow(clippy::too_many_arguments)] // one per part of the clause
    pub fn for_three(
        &mut self,
        l: Pos,
        i: Option<Simple>,
        c: Option<Simple>,
        semi: (Pos, Pos),
        s: Option<Simple>,
        body: Block,
        r: Pos,
    ) -> StmtId {
        if semi.0 == semi.1 && s.is_none() {
            self.error(semi.0, "unexpected newline, expected { after for clause");
        }
        if let Some(s) = &s
            && let StmtKind::Define { op_pos, .. } = s.kind
        {
            self.error(op_pos, "cannot declare in post statement of for loop");
        }
        let init = self.init(i);
        let cond = c.map(|c| self.condition(c));
        let post = self.init(s);
        self.for_stmt(l, init, cond, post, body, r)
    }
    /// `for init; cond {...}`: Go wants the second semicolon.
    pub fn for_two(
        &mut self,
        l: Pos,
        i: Option<Simple>,
        c: Option<Simple>,
        body: Block,
        r: Pos,
    ) -> StmtId {
        self.error(body.span.lo, "unexpected {, expected semicolon or newline");
        let init = self.init(i);
        let cond = c.map(|c| self.condition(c));
        self.for_stmt(l, init, cond, None, body, r)
    }
    fn for_stmt(
        &mut self,
        l: Pos,
        init: Option<StmtId>,
        cond: Option<ExprId>,
        post: Option<StmtId>,
        body: Block,
        r: Pos,
    ) -> StmtId {
        let d = self
            .block_depth(&body.stmts)
            .max(cond.map_or(0, |c| self.depth(c)))
            .max(self.opt_stmt_depth(init))
            .max(self.opt_stmt_depth(post));
        self.add_stmt(
            StmtKind::For {
                init,
                cond,
                post,
                body,
            },
            d,
            l,
            r,
        )
    }
    /// `for v = range x {...}`; `op` is the operator's position and whether it is `:=`.
    #[allow(clippy::too_many_arguments)] // one per part of the clause
    pub fn range(
        &mut self,
        l: Pos,
        mut v: Vec<ExprId>,
        op: Option<(Pos, bool)>,
        range_pos: Pos,
        x: ExprId,
        body: Block,
        r: Pos,
    ) -> StmtId {
        if v.len() > 2 {
            let at = self.span(v[2]).lo;
            let message = "range clause permits at most two iteration variables";
            self.semantic("InvalidIterVar", at, message);
        }
        let define = matches!(op, Some((_, true)));
        if define {
            self.only_names(&mut v, true);
        }
        let d = self
            .depth(x)
            .max(self.depth_all(&v))
            .max(self.block_depth(&body.stmts));
        let (key, value) = (v.first().copied(), v.get(1).copied());
        let kind = StmtKind::Range {
            key,
            value,
            define,
            x,
            body,
            range_pos,
        };
        self.add_stmt(kind, d, l, r)
    }
    /// `switch head {...}`; a `.(type)` makes it a type switch.
    pub fn switch(
        &mut self,
        l: Pos,
        h: Head,
        brace: Pos,
        cases: Vec<CaseClause>,
        r: Pos,
    ) -> StmtId {
        let body = Span::new(brace, r);
        let init = self.init(h.init);
        let mut d = self.opt_stmt_depth(init);
        for c in &cases {
            d = d
                .max(self.depth_all(&c.exprs))
                .max(self.block_depth(&c.body));
        }
        if let Some(c) = &h.cond
            && let Some((bind, x)) = self.type_guard(c)
        {
            d = d.max(self.depth(x));
            return self.add_stmt(
                StmtKind::TypeSwitch {
                    init,
                    bind,
                    x,
                    cases,
                    body,
                },
                d,
                l,
                r,
            );
        }
        let tag = h.cond.map(|c| self.condition(c));
        d = d.max(tag.map_or(0, |t| self.depth(t)));
        self.add_stmt(
            StmtKind::Switch {
                init,
                tag,
                cases,
                body,
            },
            d,
            l,
            r,
        )
    }
    /// `x.(type)` or `v := x.(type)`: the name and the operand.
    fn type_guard(&mut self, c: &Simple) -> Option<(Option<IdentId>, ExprId)> {
        let (bind, e) = match &c.kind {
            StmtKind::Expr(e) if c.list.is_empty() => (None, *e),
            StmtKind::Define { lhs, rhs, .. } if rhs.len() == 1 && lhs.len() == 1 => {
                match self.ast.expr(lhs[0]).kind {
                    ExprKind::Ident(n) => (Some(n), rhs[0]),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let ExprKind::TypeAssert { x, ty: None } = self.ast.expr(e).kind else {
            return None;
        };
        self.guards.retain(|&g| g != e);
        Some((bind, x))
    }
    /// `case v:` or `default:` with its statements
    pub fn case(
        &mut self,
        l: Pos,
        exprs: Vec<ExprId>,
        is_default: bool,
        colon: Pos,
        body: Vec<StmtId>,
        r: Pos,
    ) -> CaseClause {
        CaseClause {
            exprs,
            is_default,
            body,
            span: Span::new(l, r),
            colon,
        }
    }
    /// `select {...}`
    pub fn select(&mut self, l: Pos, brace: Pos, cases: Vec<CommClause>, r: Pos) -> StmtId {
        let d = cases
            .iter()
            .map(|c| self.block_depth(&c.body).max(self.opt_stmt_depth(c.comm)))
            .max()
            .unwrap_or(0);
        self.add_stmt(
            StmtKind::Select {
                cases,
                body: Span::new(brace, r),
            },
            d,
            l,
            r,
        )
    }
    /// A clause of a `select`
    pub fn comm(
        &mut self,
        l: Pos,
        m: Option<Simple>,
        colon: Pos,
        body: Vec<StmtId>,
        r: Pos,
    ) -> CommClause {
        if let Some(s) = &m
            && !self.communicates(s)
        {
            let at = match &s.kind {
                StmtKind::Expr(x) => match self.ast.expr(*x).kind {
                    ExprKind::Call { lparen, .. } => lparen,
                    ExprKind::Binary { op_pos, .. } => op_pos,
                    _ => s.span.lo,
                },
                _ => s.span.lo,
            };
            self.semantic(
                "InvalidSelectCase",
                at,
                "select case must be send or receive (possibly with assignment)",
            );
        }
        let comm = self.init(m);
        CommClause {
            comm,
            body,
            span: Span::new(l, r),
            colon,
        }
    }
    fn communicates(&self, s: &Simple) -> bool {
        let x = match &s.kind {
            StmtKind::Send { .. } | StmtKind::Bad => return true,
            StmtKind::Expr(x) if s.list.is_empty() => *x,
            StmtKind::Assign { rhs, op: None, .. } | StmtKind::Define { rhs, .. }
                if rhs.len() == 1 =>
            {
                rhs[0]
            }
            _ => return false,
        };
        let kind = &self.ast.expr(self.ast.unparen(x)).kind;
        matches!(kind, ExprKind::Unary { op: UnOp::Recv, .. } | ExprKind::Bad)
    }
}
