//! The third part of the builder: types, signatures, type parameters, declarations.

use super::ast::*;
use super::build::{Builder, FuncRest, Item, Params, Sig, TParamEntry};
use super::literal::string_value;
use crate::base::span::{Pos, Span};

impl Builder<'_> {
    // ---- Types.

    /// `[]T`
    pub fn slice_type(&mut self, l: Pos, t: ExprId) -> ExprId {
        let r = self.span(t).hi;
        self.add(ExprKind::SliceType(t), l, r)
    }
    /// `[n]T`, `[...]T`
    pub fn array_type(&mut self, l: Pos, len: Option<ExprId>, elem: ExprId) -> ExprId {
        let r = self.span(elem).hi;
        self.add(ExprKind::ArrayType { len, elem }, l, r)
    }
    /// `map[K]V`
    pub fn map_type(&mut self, l: Pos, key: ExprId, value: ExprId) -> ExprId {
        let r = self.span(value).hi;
        self.add(ExprKind::MapType { key, value }, l, r)
    }
    /// `chan T` in one of its forms
    pub fn chan_type(&mut self, l: Pos, dir: ChanDir, elem: ExprId) -> ExprId {
        let r = self.span(elem).hi;
        self.add(ExprKind::ChanType { dir, elem }, l, r)
    }
    /// `<-` before a type in an expression: a receive-only channel. In `<-chan chan<- T`
    /// the arrow goes to the first channel as in Go.
    pub fn recv_type(&mut self, l: Pos, t: ExprId) -> ExprId {
        match self.ast.expr(t).kind {
            ExprKind::ChanType {
                dir: ChanDir::Both,
                elem,
            } => self.chan_type(l, ChanDir::Recv, elem),
            ExprKind::ChanType {
                dir: ChanDir::Send,
                elem,
            } => {
                // `<-chan<- T` can only be `<-chan (<-T)`.
                let inner = self.span(elem).lo;
                match self.ast.expr(elem).kind {
                    ExprKind::ChanType {
                        dir: ChanDir::Both, ..
                    } => {
                        let e = self.recv_type(inner, elem);
                        self.chan_type(l, ChanDir::Recv, e)
                    }
                    _ => self.not_chan(elem, t),
                }
            }
            _ => self.not_chan(t, t),
        }
    }
    fn not_chan(&mut self, found: ExprId, t: ExprId) -> ExprId {
        let span = self.span(found);
        let text = self.source(span);
        self.error(span.hi, &format!("unexpected {text}, expected chan"));
        t
    }
    /// `func(...)...`
    pub fn func_type(&mut self, l: Pos, s: Sig, r: Pos) -> ExprId {
        let mut sig = *s.0;
        sig.span = Span::new(l, r);
        self.add(ExprKind::FuncType(sig), l, r)
    }
    /// `struct {...}`
    pub fn struct_type(&mut self, l: Pos, v: Vec<Vec<FieldDecl>>, r: Pos) -> ExprId {
        let fields = v.into_iter().flatten().collect();
        self.add(ExprKind::StructType(fields), l, r)
    }
    /// The fields of one line; no names: embedded.
    pub fn fields(
        &mut self,
        names: Vec<IdentId>,
        ty: ExprId,
        r: Pos,
        tag: Option<(Pos, Pos)>,
    ) -> Vec<FieldDecl> {
        let tag = tag.map(|(l, r)| {
            String::from_utf8_lossy(&string_value(self.source(Span::new(l, r)))).into_owned()
        });
        let field = |name: Option<IdentId>, lo: Pos| FieldDecl {
            name,
            ty,
            tag: tag.clone(),
            span: Span::new(lo, r),
        };
        if names.is_empty() {
            return vec![field(None, self.span(ty).lo)];
        }
        names
            .iter()
            .map(|&n| field(Some(n), self.ast.ident(n).span.lo))
            .collect()
    }
    /// `t | u | ...`
    pub fn union(&mut self, first: ExprId, rest: Vec<(Pos, ExprId)>) -> ExprId {
        let x = rest
            .into_iter()
            .fold(first, |x, (o, y)| self.binary(x, o, BinOp::Or, y));
        self.claim_tildes(x);
        x
    }
    /// Accepts the `~` of a constraint (on its union's terms only).
    fn claim_tildes(&mut self, x: ExprId) {
        if self.tildes.is_empty() {
            return;
        }
        let mut work = vec![x];
        while let Some(x) = work.pop() {
            match self.ast.expr(x).kind {
                ExprKind::Binary {
                    op: BinOp::Or,
                    x,
                    y,
                    ..
                } => work.extend([x, y]),
                ExprKind::Unary {
                    op: UnOp::Tilde, ..
                } => self.tildes.retain(|&t| t != x),
                _ => {}
            }
        }
    }

    // ---- Signatures.

    /// `(params)` with an optional parenthesised result list
    pub fn sig(&mut self, p: Params, results: Option<Params>) -> Sig {
        let span = p.span;
        let params = self.params(p, true);
        let results = results.map_or(Vec::new(), |q| self.params(q, false));
        Sig(Box::new(Signature {
            params,
            results,
            span,
        }))
    }
    /// `(params) T`
    pub fn sig_type(&mut self, p: Params, ty: ExprId) -> Sig {
        let mut sig = self.sig(p, None);
        let span = self.span(ty);
        sig.0.results.push(Param {
            name: None,
            ty,
            variadic: false,
            span,
        });
        sig
    }
    /// Flattens a parameter list: names without type take the next one.
    fn params(&mut self, p: Params, dots_ok: bool) -> Vec<Param> {
        let mut v = p.entries;
        let last = v.len().saturating_sub(1);
        // `...` before the last entry, or in a result or receiver.
        for (i, e) in v.iter().enumerate() {
            if e.dots.is_some() && (i != last || !dots_ok) {
                let at = e.span.lo + self.source(e.span).find("...").unwrap_or(0) as u32;
                let message = if dots_ok {
                    "can only use ... with final parameter"
                } else {
                    "invalid use of ..."
                };
                self.semantic("MisplacedDotDotDot", at, message);
            }
        }
        if v.iter().any(|e| e.name.is_some()) {
            let mut ty: Option<(ExprId, bool)> = None;
            let close = p.span.hi - 1;
            let mut missing = None;
            for e in v.iter_mut().rev() {
                let dots = e.dots.is_some();
                if e.name.is_some() {
                    ty = Some((e.ty, dots));
                } else if let ExprKind::Ident(n) = self.ast.expr(e.ty).kind
                    && !dots
                {
                    match ty {
                        Some((t, d)) => {
                            e.name = Some(n);
                            e.ty = t;
                            e.dots = d.then_some(e.span.lo);
                        }
                        None => missing = Some((close, "missing parameter type")),
                    }
                } else {
                    ty = Some((e.ty, dots));
                    missing = Some((e.span.lo, "missing parameter name"));
                }
            }
            if let Some((at, message)) = missing {
                self.error(at, message);
            }
        }
        v.into_iter()
            .map(|e| Param {
                name: e.name,
                ty: e.ty,
                variadic: e.dots.is_some(),
                span: e.span,
            })
            .collect()
    }

    // ---- Type parameters.

    /// `P []T`, `P [N]T` in a list that began as an expression
    pub fn tnamed_array(
        &mut self,
        p: ExprId,
        len: Option<ExprId>,
        at: Pos,
        elem: ExprId,
        tail: Vec<(Pos, ExprId)>,
    ) -> TParamEntry {
        let lo = self.span(p).hi;
        let lo = lo + self.source(Span::new(lo, at)).find('[').unwrap_or(0) as u32;
        let t = match len {
            None => self.slice_type(lo, elem),
            Some(n) => self.array_type(lo, Some(n), elem),
        };
        self.tnamed(p, t, tail)
    }
    /// `P *[]T`
    pub fn tnamed_ptr(
        &mut self,
        p: ExprId,
        star: Pos,
        t: ExprId,
        tail: Vec<(Pos, ExprId)>,
    ) -> TParamEntry {
        let t = self.star(star, t);
        self.tnamed(p, t, tail)
    }
    fn tnamed(&mut self, p: ExprId, t: ExprId, tail: Vec<(Pos, ExprId)>) -> TParamEntry {
        let c = self.union(t, tail);
        match self.ast.expr(p).kind {
            ExprKind::Ident(n) => TParamEntry::Named(n, c),
            _ => TParamEntry::Expr(p),
        }
    }
    /// Type parameters of a type declaration
    pub fn tparams(&mut self, v: Vec<TParamEntry>) -> Vec<TypeParam> {
        let v = v.into_iter().map(|e| self.split_entry(e)).collect();
        self.func_tparams(v)
    }
    fn split_entry(&mut self, e: TParamEntry) -> TParamEntry {
        let TParamEntry::Expr(x) = e else { return e };
        match self.ast.expr(x).kind {
            ExprKind::Ident(n) => return TParamEntry::Lone(n),
            ExprKind::Call { fun, ref args, .. } if args.len() == 1 => {
                let (c, span) = (args[0], self.span(x));
                if let ExprKind::Ident(n) = self.ast.expr(fun).kind {
                    let lo = self.ast.ident(n).span.hi;
                    let t = self.add(ExprKind::Paren(c), lo, span.hi);
                    return TParamEntry::Named(n, t);
                }
            }
            _ => {}
        }
        // `P *C | D ...`: find the product at the bottom left.
        let mut spine = Vec::new();
        let mut low = x;
        while let ExprKind::Binary {
            op: BinOp::Or,
            x,
            y,
            op_pos,
        } = self.ast.expr(low).kind
        {
            spine.push((op_pos, y));
            low = x;
        }
        if let ExprKind::Binary {
            op: BinOp::Mul,
            x: p,
            y,
            op_pos,
        } = self.ast.expr(low).kind
            && let ExprKind::Ident(n) = self.ast.expr(p).kind
        {
            spine.reverse();
            let t = self.star(op_pos, y);
            let c = self.union(t, spine);
            return TParamEntry::Named(n, c);
        }
        TParamEntry::Expr(x)
    }
    /// Flattens a list of type parameters: names without constraint take the next one.
    pub fn func_tparams(&mut self, v: Vec<TParamEntry>) -> Vec<TypeParam> {
        let mut out = Vec::with_capacity(v.len());
        let mut constraint = None;
        let mut missing = None;
        for e in v.into_iter().rev() {
            match e {
                TParamEntry::Named(name, c) => {
                    constraint = Some(c);
                    out.push(TypeParam {
                        name,
                        constraint: c,
                    });
                }
                TParamEntry::Lone(name) => {
                    let c = constraint.unwrap_or_else(|| {
                        let r = self.ast.ident(name).span.hi;
                        missing.get_or_insert((r, "missing type constraint"));
                        self.add(ExprKind::Bad, r, r)
                    });
                    out.push(TypeParam {
                        name,
                        constraint: c,
                    });
                }
                TParamEntry::Expr(x) => {
                    missing = Some((self.span(x).lo, "missing type parameter name"));
                }
            }
        }
        if let Some((at, message)) = missing {
            self.error(at, message);
        }
        out.reverse();
        out
    }

    // ---- Items and declarations.

    /// `package p`
    pub fn package(&mut self, n: IdentId) {
        self.item = Some(Item::Package(n));
    }
    /// `import ...`
    pub fn imports(&mut self, v: Vec<ImportSpec>) {
        self.item = Some(Item::Imports(v));
    }
    /// A declaration at top level
    pub fn top_decl(&mut self, d: Decl) {
        self.item = Some(Item::Decl(d));
    }
    /// A function declaration
    pub fn func_decl(&mut self, d: FuncDecl) {
        self.item = Some(Item::Decl(Decl::Func(d)));
    }
    /// `alias "path"`
    pub fn import(&mut self, alias: Option<IdentId>, l: Pos, p: Pos, r: Pos) -> ImportSpec {
        let path_span = Span::new(p, r);
        let path = String::from_utf8_lossy(&string_value(self.source(path_span))).into_owned();
        ImportSpec {
            alias,
            path,
            path_span,
            span: Span::new(l, r),
        }
    }
    /// A constant specification; group facts are filled in by [`Builder::consts`].
    pub fn const_spec(
        &mut self,
        l: Pos,
        names: Vec<IdentId>,
        ty: Option<ExprId>,
        values: Vec<ExprId>,
        r: Pos,
    ) -> ConstSpec {
        ConstSpec {
            names,
            ty,
            values,
            iota: 0,
            inherited: None,
            span: Span::new(l, r),
        }
    }
    /// A group of constants: counts `iota` and finds what is repeated.
    pub fn consts(&mut self, mut specs: Vec<ConstSpec>) -> Decl {
        let mut source = None;
        for (i, s) in specs.iter_mut().enumerate() {
            s.iota = i as u32;
            if s.values.is_empty() && s.ty.is_none() {
                s.inherited = source;
            } else {
                source = Some(i);
            }
        }
        Decl::Const(ConstGroup { specs })
    }
    /// A variable specification
    pub fn var_spec(
        &mut self,
        l: Pos,
        names: Vec<IdentId>,
        ty: Option<ExprId>,
        values: Vec<ExprId>,
        r: Pos,
    ) -> VarSpec {
        VarSpec {
            names,
            ty,
            values,
            span: Span::new(l, r),
        }
    }
    /// A type specification
    pub fn type_spec(
        &mut self,
        l: Pos,
        name: IdentId,
        tparams: Vec<TypeParam>,
        alias: bool,
        ty: ExprId,
        r: Pos,
    ) -> TypeSpec {
        let doc = self.doc(l);
        TypeSpec {
            name,
            tparams,
            alias,
            ty,
            span: Span::new(l, r),
            doc,
        }
    }
    /// `type T ...`, whose comment stands above the keyword
    pub fn single_type(&mut self, l: Pos, mut s: TypeSpec) -> Decl {
        s.doc = self.doc(l);
        Decl::Type(vec![s])
    }
    /// A function or method declaration
    pub fn func(
        &mut self,
        l: Pos,
        recv: Option<Params>,
        name: IdentId,
        rest: FuncRest,
        r: Pos,
    ) -> FuncDecl {
        let recv_span = recv.as_ref().map_or(Span::NONE, |p| p.span);
        let at = self.ast.ident(name).span.lo;
        let recv = recv.map(|p| {
            let v = self.params(p, false);
            match v.len() {
                0 => self.semantic("InvalidRecv", at, "method has no receiver"),
                1 => {}
                _ => self.semantic("InvalidRecv", at, "method has multiple receivers"),
            }
            v
        });
        let span = Span::new(l, r);
        let doc = self.doc(l);
        let func = self.add_func(Func {
            tparams: rest.tparams,
            sig: *rest.sig.0,
            body: rest.body,
            span,
        });
        FuncDecl {
            name,
            recv,
            recv_span,
            func,
            span,
            doc,
        }
    }
}
