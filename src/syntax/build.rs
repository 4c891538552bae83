//! Builds the tree: every action of the grammar is one call here.
//!
//! Also keeps the depth of each node of the current item, so that later passes may recurse
//! over the tree: a node deeper than [`MAX_DEPTH`] is replaced by `Bad` and reported once.
//! (Counting brackets in the lexer was rejected: `- - - x`, `a.b.c` and `else if` nest
//! without any.) Checks the grammar cannot express are made where the node is built.

use super::ast::*;
use super::lex::Lexed;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::{Pos, Span};

/// Deepest tree, in quarters of a level: a left-leaning operator chain (`a + b + ...`)
/// counts a quarter per operator, everything else four.
pub const MAX_DEPTH: u32 = 40_000;
const LEVEL: u32 = 4;

/// What an item of the file turned out to be.
#[derive(Debug)]
pub enum Item {
    Package(IdentId),
    Imports(Vec<ImportSpec>),
    Decl(Decl),
}

/// One entry of a parameter list as written.
#[derive(Debug)]
pub struct ParamEntry {
    pub(super) name: Option<IdentId>,
    pub(super) dots: Option<Pos>,
    pub(super) ty: ExprId,
    pub(super) span: Span,
}
impl ParamEntry {
    /// An entry from `l` to `r`; `dots` tells of `...`.
    pub fn new(l: Pos, name: Option<IdentId>, dots: bool, ty: ExprId, r: Pos) -> ParamEntry {
        ParamEntry {
            name,
            dots: dots.then_some(l),
            ty,
            span: Span::new(l, r),
        }
    }
}
/// A parenthesised parameter list as written.
#[derive(Debug)]
pub struct Params {
    pub(super) entries: Vec<ParamEntry>,
    pub(super) span: Span,
}
impl Params {
    /// The list with its parentheses from `l` to `r`.
    pub fn new(entries: Vec<ParamEntry>, l: Pos, r: Pos) -> Params {
        Params {
            entries,
            span: Span::new(l, r),
        }
    }
}
/// A signature still without its span.
#[derive(Debug)]
pub struct Sig(pub Box<Signature>);
impl Sig {
    /// Gives it its span.
    pub fn at(mut self, l: Pos, r: Pos) -> Sig {
        self.0.span = Span::new(l, r);
        self
    }
}
/// Everything of a function declaration after the name.
#[derive(Debug)]
pub struct FuncRest {
    pub tparams: Vec<TypeParam>,
    pub sig: Sig,
    pub body: Option<Block>,
}
/// One entry of a type parameter list.
#[derive(Debug)]
pub enum TParamEntry {
    /// `P constraint`
    Named(IdentId, ExprId),
    /// `P` (the constraint follows later)
    Lone(IdentId),
    /// An expression that may be `P` or `P *C`.
    Expr(ExprId),
}
/// `(args)`
#[derive(Debug)]
pub struct Args {
    args: Vec<ExprId>,
    spread: bool,
    span: Span,
}
impl Args {
    /// Arguments with their parentheses from `l` to `r`.
    pub fn new(args: Vec<ExprId>, spread: bool, l: Pos, r: Pos) -> Args {
        Args {
            args,
            spread,
            span: Span::new(l, r),
        }
    }
}
/// `{elements}`
#[derive(Debug)]
pub struct LitVal {
    elems: Vec<Elem>,
    span: Span,
}
impl LitVal {
    /// Elements with their braces from `l` to `r`.
    pub fn new(elems: Vec<Elem>, l: Pos, r: Pos) -> LitVal {
        LitVal {
            elems,
            span: Span::new(l, r),
        }
    }
}

/// A small direct-mapped cache (a power of two of slots) in front of the interner, which takes a lock.
struct NameCache<'a> {
    slots: Vec<(&'a str, Name)>,
}
impl<'a> NameCache<'a> {
    fn get(&mut self, s: &'a str) -> Name {
        let mut h = s.len() as u32;
        for &b in s.as_bytes() {
            h = h.wrapping_mul(0x0100_0193) ^ b as u32;
        }
        let n = self.slots.len();
        let slot = &mut self.slots[(h >> 3) as usize & (n - 1)];
        if slot.0 != s {
            *slot = (s, Name::new(s));
        }
        slot.1
    }
}

/// Sizes of the arenas, to undo an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    exprs: usize,
    stmts: usize,
    funcs: usize,
    idents: usize,
    errors: usize,
}

/// The actions' receiver: the arenas, the file's text, and what was found wrong.
pub struct Builder<'a> {
    pub(super) ast: &'a mut Ast,
    pub(super) text: &'a str,
    pub(super) base: Pos,
    names: NameCache<'a>,
    docs: &'a [(u32, Span)],
    /// What the lexer reported.
    pub malformed: &'a [Diagnostic],
    pub(super) errors: Vec<Diagnostic>,
    /// The item just parsed.
    pub item: Option<Item>,
    mark: Mark,
    expr_depth: Vec<u32>,
    stmt_depth: Vec<u32>,
    func_depth: Vec<u32>,
    /// `x.(type)` expressions not yet claimed by a type switch.
    pub(super) guards: Vec<ExprId>,
    /// `~x` expressions not yet claimed by a constraint.
    pub(super) tildes: Vec<ExprId>,
    pub(super) too_deep: bool,
    /// A token that the grammar took but Go does not: the first one at or after this
    /// position.
    pub(super) stop: Option<Pos>,
}

impl<'a> Builder<'a> {
    /// A builder for one file: its text, its first position and its tokens.
    pub fn new(ast: &'a mut Ast, text: &'a str, base: Pos, lexed: &'a Lexed) -> Builder<'a> {
        let n = lexed.toks.len();
        let names = n.next_power_of_two().clamp(16, 2048);
        // About as much as the tokens will make: growing step by step copies.
        ast.exprs.reserve(n / 2);
        ast.idents.reserve(n / 2);
        ast.stmts.reserve(n / 8);
        let mut b = Builder {
            ast,
            text,
            base,
            names: NameCache {
                slots: vec![("", Name::EMPTY); names],
            },
            docs: &lexed.docs,
            malformed: &[],
            errors: Vec::new(),
            item: None,
            mark: Mark {
                exprs: 0,
                stmts: 0,
                funcs: 0,
                idents: 0,
                errors: 0,
            },
            expr_depth: Vec::new(),
            stmt_depth: Vec::new(),
            func_depth: Vec::new(),
            guards: Vec::new(),
            tildes: Vec::new(),
            too_deep: false,
            stop: None,
        };
        b.begin();
        b
    }
    /// Starts an item; [`Builder::undo`] returns to here.
    pub fn begin(&mut self) {
        self.mark = Mark {
            exprs: self.ast.exprs.len(),
            stmts: self.ast.stmts.len(),
            funcs: self.ast.funcs.len(),
            idents: self.ast.idents.len(),
            errors: self.errors.len(),
        };
        self.reset();
    }
    fn reset(&mut self) {
        self.expr_depth.clear();
        self.stmt_depth.clear();
        self.func_depth.clear();
        self.guards.clear();
        self.tildes.clear();
        self.item = None;
        self.too_deep = false;
        self.stop = None;
    }
    /// Notes that the token at or after `pos` cannot stand there.
    pub(super) fn stop_at(&mut self, pos: Pos) {
        if self.stop.is_none_or(|p| pos < p) {
            self.stop = Some(pos);
        }
    }
    /// Drops everything built since [`Builder::begin`].
    pub fn undo(&mut self) {
        let m = self.mark;
        self.ast.exprs.truncate(m.exprs);
        self.ast.stmts.truncate(m.stmts);
        self.ast.funcs.truncate(m.funcs);
        self.ast.idents.truncate(m.idents);
        self.errors.truncate(m.errors);
        self.reset();
    }
    /// Ends an item: reports what no context has claimed.
    pub fn finish(&mut self) -> Option<Item> {
        for x in std::mem::take(&mut self.guards) {
            let span = self.span(x);
            self.semantic(
                "InvalidSyntaxTree",
                span.lo,
                "invalid syntax tree: use of .(type) outside type switch",
            );
        }
        for x in std::mem::take(&mut self.tildes) {
            let span = self.span(x);
            self.semantic(
                "MisplacedTilde",
                span.lo,
                "cannot use ~ outside of interface or type constraint",
            );
        }
        self.item.take()
    }
    /// Reports a syntax error at `pos`; `diagnose` words it as Go does.
    pub fn error(&mut self, pos: Pos, message: &str) {
        self.errors.push(Diagnostic::syntax(pos, message));
    }

    /// Reports an error that does not keep the type check from running.
    pub(super) fn semantic(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) {
        self.errors
            .push(Diagnostic::error(code, Span::at(pos), message));
    }

    pub(super) fn span(&self, x: ExprId) -> Span {
        self.ast.expr(x).span
    }
    pub(super) fn source(&self, span: Span) -> &'a str {
        self.text
            .get((span.lo - self.base) as usize..(span.hi - self.base) as usize)
            .unwrap_or("")
    }
    pub(super) fn doc(&self, at: Pos) -> Option<Span> {
        let i = self.docs.binary_search_by_key(&at, |d| d.0).ok()?;
        Some(self.docs[i].1)
    }

    // ---- Depth.

    pub(super) fn depth(&self, x: ExprId) -> u32 {
        self.expr_depth
            .get(x.index().wrapping_sub(self.mark.exprs))
            .copied()
            .unwrap_or(0)
    }
    pub(super) fn depth_all(&self, v: &[ExprId]) -> u32 {
        v.iter().map(|&x| self.depth(x)).max().unwrap_or(0)
    }
    pub(super) fn stmt_depth(&self, s: StmtId) -> u32 {
        self.stmt_depth
            .get(s.index().wrapping_sub(self.mark.stmts))
            .copied()
            .unwrap_or(0)
    }
    pub(super) fn block_depth(&self, v: &[StmtId]) -> u32 {
        v.iter().map(|&s| self.stmt_depth(s)).max().unwrap_or(0)
    }
    fn func_depth(&self, f: FuncId) -> u32 {
        self.func_depth
            .get(f.index().wrapping_sub(self.mark.funcs))
            .copied()
            .unwrap_or(0)
    }
    fn sig_depth(&self, s: &Signature) -> u32 {
        s.params
            .iter()
            .chain(&s.results)
            .map(|p| self.depth(p.ty))
            .max()
            .unwrap_or(0)
    }
    fn deep(&mut self, depth: u32, at: Pos) -> bool {
        if depth <= MAX_DEPTH {
            self.ast.depth = self.ast.depth.max(depth);
            return false;
        }
        if !self.too_deep {
            self.too_deep = true;
            self.error(at, "exceeded max nesting depth");
        }
        true
    }
    fn add_at(&mut self, kind: ExprKind, depth: u32, span: Span) -> ExprId {
        let (kind, depth) = if self.deep(depth, span.lo) {
            (ExprKind::Bad, 0)
        } else {
            (kind, depth)
        };
        self.expr_depth.push(depth);
        self.ast.add_expr(kind, span)
    }
    /// A literal. A malformed one has been reported and has no value.
    pub fn basic(&mut self, kind: LitKind, l: Pos, r: Pos) -> ExprId {
        let inside = |d: &Diagnostic| l <= d.span.lo && d.span.lo <= r;
        let bad = !self.malformed.is_empty() && self.malformed.iter().any(inside);
        let kind = if bad {
            ExprKind::Bad
        } else {
            ExprKind::Lit(kind)
        };
        self.add(kind, l, r)
    }
    /// Adds an expression from `l` to `r`.
    pub fn add(&mut self, kind: ExprKind, l: Pos, r: Pos) -> ExprId {
        use ExprKind::*;
        let max = |a: u32, b: u32| a.max(b);
        let d = match &kind {
            Bad | Ident(_) | Lit(_) => return self.add_at(kind, 0, Span::new(l, r)),
            Paren(x) | Star(x) | SliceType(x) | Selector { x, .. } | Unary { x, .. } => {
                self.depth(*x)
            }
            ChanType { elem, .. } => self.depth(*elem),
            CompositeLit { ty, elems, .. } => elems
                .iter()
                .map(|e| max(self.depth(e.value), e.key.map_or(0, |k| self.depth(k))))
                .chain(ty.map(|t| self.depth(t)))
                .max()
                .unwrap_or(0),
            Index { x, indices } => max(self.depth(*x), self.depth_all(indices)),
            Call { fun, args, .. } => max(self.depth(*fun), self.depth_all(args)),
            Slice { x, lo, hi, max, .. } => [Some(*x), *lo, *hi, *max]
                .into_iter()
                .flatten()
                .map(|x| self.depth(x))
                .max()
                .unwrap_or(0),
            TypeAssert { x, ty } => max(self.depth(*x), ty.map_or(0, |t| self.depth(t))),
            Binary { x, y, .. } => {
                let d = max(self.depth(*x) + 1, self.depth(*y) + LEVEL);
                return self.add_at(kind, d, Span::new(l, r));
            }
            ArrayType { len, elem } => max(self.depth(*elem), len.map_or(0, |x| self.depth(x))),
            MapType { key, value } => max(self.depth(*key), self.depth(*value)),
            FuncLit(f) => self.func_depth(*f),
            FuncType(s) => self.sig_depth(s),
            StructType(v) => v.iter().map(|f| self.depth(f.ty)).max().unwrap_or(0),
            InterfaceType(v) => v
                .iter()
                .map(|e| match e {
                    InterfaceElem::Method { sig, .. } => self.sig_depth(sig),
                    InterfaceElem::Embed(x) => self.depth(*x),
                })
                .max()
                .unwrap_or(0),
        };
        self.add_at(kind, d + LEVEL, Span::new(l, r))
    }
    /// Adds a statement whose deepest part has `depth`.
    pub(super) fn add_stmt(&mut self, kind: StmtKind, depth: u32, l: Pos, r: Pos) -> StmtId {
        let d = depth + LEVEL;
        let (kind, d) = if self.deep(d, l) {
            (StmtKind::Bad, 0)
        } else {
            (kind, d)
        };
        self.stmt_depth.push(d);
        self.ast.add_stmt(kind, Span::new(l, r))
    }
    pub(super) fn add_func(&mut self, mut func: Func) -> FuncId {
        let body = func.body.as_ref().map_or(0, |b| self.block_depth(&b.stmts));
        let mut d = LEVEL + body.max(self.sig_depth(&func.sig));
        d = d.max(
            func.tparams
                .iter()
                .map(|p| self.depth(p.constraint))
                .max()
                .unwrap_or(0),
        );
        if self.deep(d, func.span.lo) {
            func.body = None;
            func.sig = Signature::default();
            func.tparams.clear();
            d = 0;
        }
        self.func_depth.push(d);
        self.ast.add_func(func)
    }

    // ---- Names and operators.

    /// An identifier occurrence.
    pub fn ident(&mut self, l: Pos, r: Pos) -> IdentId {
        let span = Span::new(l, r);
        let name = self.names.get(self.source(span));
        self.ast.add_ident(name, span)
    }
    /// An identifier expression.
    pub fn name(&mut self, l: Pos, r: Pos) -> ExprId {
        let n = self.ident(l, r);
        self.add(ExprKind::Ident(n), l, r)
    }
    /// `op x`
    pub fn unary(&mut self, l: Pos, op: UnOp, x: ExprId) -> ExprId {
        let r = self.span(x).hi;
        let e = self.add(ExprKind::Unary { op, x }, l, r);
        if op == UnOp::Tilde {
            self.tildes.push(e);
        }
        e
    }
    /// `*x`
    pub fn star(&mut self, l: Pos, x: ExprId) -> ExprId {
        let r = self.span(x).hi;
        self.add(ExprKind::Star(x), l, r)
    }
    /// `x op y`
    pub fn binary(&mut self, x: ExprId, op_pos: Pos, op: BinOp, y: ExprId) -> ExprId {
        let (l, r) = (self.span(x).lo, self.span(y).hi);
        self.add(ExprKind::Binary { op, x, y, op_pos }, l, r)
    }
    /// `x.sel`
    pub fn selector(&mut self, x: ExprId, sel: IdentId) -> ExprId {
        let (l, r) = (self.span(x).lo, self.ast.ident(sel).span.hi);
        self.add(ExprKind::Selector { x, sel }, l, r)
    }
    /// `x[indices]`
    pub fn index(&mut self, x: ExprId, indices: Vec<ExprId>, r: Pos) -> ExprId {
        let l = self.span(x).lo;
        self.add(ExprKind::Index { x, indices }, l, r)
    }
    /// `x[first, more]`
    pub fn index_more(
        &mut self,
        x: ExprId,
        first: ExprId,
        mut more: Vec<ExprId>,
        r: Pos,
    ) -> ExprId {
        more.insert(0, first);
        self.index(x, more, r)
    }
    /// `x[lo:hi]`
    pub fn slice(&mut self, x: ExprId, lo: Option<ExprId>, hi: Option<ExprId>, r: Pos) -> ExprId {
        let l = self.span(x).lo;
        self.add(
            ExprKind::Slice {
                x,
                lo,
                hi,
                max: None,
                three: false,
            },
            l,
            r,
        )
    }
    /// `x[lo:hi:max]`; `at` are the second colon and the closing bracket.
    pub fn slice3(
        &mut self,
        x: ExprId,
        lo: Option<ExprId>,
        hi: Option<ExprId>,
        max: Option<ExprId>,
        at: (Pos, Pos),
        r: Pos,
    ) -> ExprId {
        let (mut hi, mut max) = (hi, max);
        if hi.is_none() {
            self.semantic(
                "InvalidSliceExpr",
                at.0,
                "middle index required in 3-index slice",
            );
            hi = Some(self.add(ExprKind::Bad, at.0, at.0));
        }
        if max.is_none() {
            self.semantic(
                "InvalidSliceExpr",
                at.1,
                "final index required in 3-index slice",
            );
            max = Some(self.add(ExprKind::Bad, at.1, at.1));
        }
        let l = self.span(x).lo;
        self.add(
            ExprKind::Slice {
                x,
                lo,
                hi,
                max,
                three: true,
            },
            l,
            r,
        )
    }
    /// `x.(T)` or `x.(type)`
    pub fn assert(&mut self, x: ExprId, ty: Option<ExprId>, r: Pos) -> ExprId {
        let l = self.span(x).lo;
        let e = self.add(ExprKind::TypeAssert { x, ty }, l, r);
        if ty.is_none() {
            self.guards.push(e);
        }
        e
    }
    /// `fun(args)`
    pub fn call(&mut self, fun: ExprId, a: Args) -> ExprId {
        let l = self.span(fun).lo;
        let kind = ExprKind::Call {
            fun,
            args: a.args,
            spread: a.spread,
            lparen: a.span.lo,
            rparen: a.span.hi - 1,
        };
        self.add(kind, l, a.span.hi)
    }
    /// `T{...}`
    pub fn composite(&mut self, ty: ExprId, v: LitVal) -> ExprId {
        let l = self.span(ty).lo;
        let mut t = ty;
        if let ExprKind::Index { x, .. } = self.ast.expr(t).kind {
            t = x;
        }
        let ok = match self.ast.expr(t).kind {
            ExprKind::Selector { x, .. } => matches!(self.ast.expr(x).kind, ExprKind::Ident(_)),
            ExprKind::Ident(_) | ExprKind::ArrayType { .. } | ExprKind::SliceType(_) => true,
            ExprKind::MapType { .. } | ExprKind::StructType(_) | ExprKind::Bad => true,
            _ => false,
        };
        if !ok {
            match self.ast.expr(ty).kind {
                ExprKind::Paren(_) => {
                    self.error(v.span.lo, "cannot parenthesize type in composite literal");
                }
                _ => self.stop_at(v.span.lo),
            }
        }
        self.literal(Some(ty), v, l)
    }
    /// `{...}` inside another literal
    pub fn elided(&mut self, v: LitVal) -> ExprId {
        let l = v.span.lo;
        self.literal(None, v, l)
    }
    fn literal(&mut self, ty: Option<ExprId>, v: LitVal, l: Pos) -> ExprId {
        let (lbrace, rbrace) = (v.span.lo, v.span.hi - 1);
        self.add(
            ExprKind::CompositeLit {
                ty,
                elems: v.elems,
                lbrace,
                rbrace,
            },
            l,
            v.span.hi,
        )
    }
    /// `func(...) {...}`
    pub fn func_lit(&mut self, l: Pos, sig: Sig, body: Block, r: Pos) -> ExprId {
        let span = Span::new(l, r);
        let f = self.add_func(Func {
            tparams: vec![],
            sig: *sig.0,
            body: Some(body),
            span,
        });
        self.add(ExprKind::FuncLit(f), l, r)
    }
}
