//! Type expressions.

use std::cell::{OnceCell, RefCell};

use super::check::Checker;
use super::constant::Const;
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::subst;
use super::ty::*;
use super::typeset;
use super::universe::basic;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::{BinOp, ExprId, ExprKind, FieldDecl, IdentId, InterfaceElem, UnOp};
use num_traits::ToPrimitive;

/// How many terms a union may have, as in Go: comparing each with all others takes time.
const MAX_TERMS: usize = 100;

impl<'a> Checker<'a> {
    /// The type `e` denotes, for a variable: constraint interfaces are refused.
    pub(super) fn var_type(&mut self, e: ExprId) -> Ty {
        let t = self.typ(e);
        let span = self.espan(e);
        self.later(move |c| c.check_var_type(t, span));
        t
    }

    pub(super) fn check_var_type(&mut self, t: Ty, span: Span) {
        if !is_interface(t) {
            return;
        }
        let Some(why) = typeset::constraint_only(t) else {
            return;
        };
        let m = format!(
            "cannot use type {} outside a type constraint: {why}",
            self.tstr(t)
        );
        self.err("MisplacedConstraintIface", span, m);
    }

    /// The type `e` denotes; generic types must be instantiated.
    pub(super) fn typ(&mut self, e: ExprId) -> Ty {
        let t = self.generic_typ(e);
        if is_generic(t) {
            let m = format!(
                "cannot use generic type {} without instantiation",
                self.generic_name(t)
            );
            self.err("WrongTypeArgCount", self.espan(e), m);
            self.record_type(e, invalid());
            return invalid();
        }
        t
    }

    /// `Stack[T any]`
    pub(super) fn generic_name(&self, t: Ty) -> String {
        let Type::Named(n) = t.0 else {
            return self.tstr(t);
        };
        let mut s = n.obj.name.to_string();
        if let Some(p) = n.obj.pkg
            && p != self.pkg
        {
            s = format!("{}.{s}", p.name);
        }
        s + &self.tparam_list(&n.tparams.borrow())
    }

    pub(super) fn tparam_list(&self, tparams: &[Ty]) -> String {
        let mut s = String::from("[");
        let mut last: Option<Ty> = None;
        for (i, t) in tparams.iter().enumerate() {
            let Type::TypeParam(p) = t.0 else { continue };
            let b = p.bound.get().unwrap_or_else(invalid);
            if i > 0 {
                if last != Some(b) {
                    s += " ";
                    s += &last.map_or(String::new(), |l| self.tstr(l));
                }
                s += ", ";
            }
            s += p.obj.name.as_str();
            last = Some(b);
        }
        if let Some(l) = last {
            s += " ";
            s += &self.tstr(l);
        }
        s + "]"
    }

    /// The type `e` denotes, possibly generic.
    pub(super) fn generic_typ(&mut self, e: ExprId) -> Ty {
        let t = self.typ_internal(e);
        self.record_type(e, t);
        t
    }

    fn not_a_type(&mut self, e: ExprId, what: String) -> Ty {
        let m = format!("{what} is not a type");
        self.err("NotAType", self.espan(e), m);
        invalid()
    }

    fn typ_internal(&mut self, e: ExprId) -> Ty {
        let ast = self.ast;
        match &ast.expr(e).kind {
            ExprKind::Bad => invalid(),
            ExprKind::Ident(i) => self.type_name(e, *i),
            ExprKind::Selector { x, sel } => {
                let o = self.selector(e, *x, *sel, true);
                match o.mode {
                    Mode::Invalid => invalid(),
                    Mode::TypeExpr => o.ty,
                    _ => {
                        let d = self.describe(&o);
                        self.not_a_type(e, d)
                    }
                }
            }
            ExprKind::Index { x, indices } => self.instantiated_type(e, *x, indices),
            ExprKind::Paren(x) => self.generic_typ(*x),
            ExprKind::ArrayType { len, elem } => {
                let n = match len {
                    Some(l) => self.array_length(*l),
                    None => {
                        let m = "invalid use of [...] array (outside a composite literal)";
                        self.err("BadDotDotDotSyntax", self.espan(e), m);
                        -1
                    }
                };
                let el = self.var_type(*elem);
                if n < 0 {
                    return invalid();
                }
                Ty::new(Type::Array(el, n))
            }
            ExprKind::SliceType(elem) => {
                let el = self.var_type(*elem);
                Ty::new(Type::Slice(el))
            }
            ExprKind::StructType(fields) => self.struct_type(fields),
            ExprKind::FuncType(sig) => {
                let old = self.open_scope();
                let (t, ..) = self.signature(sig, &[], None);
                self.close_scope(old);
                t
            }
            ExprKind::InterfaceType(elems) => self.interface_type(elems),
            ExprKind::MapType { key, value } => {
                let k = self.var_type(*key);
                let v = self.var_type(*value);
                let span = self.espan(*key);
                self.later(move |c| c.check_map_key(k, span));
                Ty::new(Type::Map(k, v))
            }
            ExprKind::ChanType { dir, elem } => {
                let el = self.var_type(*elem);
                self.chan_elems.push((el, self.espan(e)));
                Ty::new(Type::Chan(*dir, el))
            }
            ExprKind::Star(x) => {
                let b = self.var_type(*x);
                if !is_valid(b) {
                    return invalid();
                }
                Ty::new(Type::Pointer(b))
            }
            ExprKind::Unary {
                op: UnOp::Tilde, ..
            }
            | ExprKind::Binary { op: BinOp::Or, .. } => {
                let u = self.union_type(e);
                match u {
                    Some(_) => {
                        let s = self.estr(e);
                        self.not_a_type(e, s)
                    }
                    None => invalid(),
                }
            }
            _ => {
                let s = self.estr(e);
                self.use_exprs(&[e]);
                self.not_a_type(e, s)
            }
        }
    }

    fn check_map_key(&mut self, k: Ty, span: Span) {
        if is_valid(k) && comparable_type(k, true).is_err() {
            let mut m = format!("invalid map key type {}", self.tstr(k));
            if matches!(k.0, Type::TypeParam(_)) {
                m += " (missing comparable constraint)";
            }
            self.err("InvalidMapKey", span, m);
        }
    }

    fn type_name(&mut self, e: ExprId, i: IdentId) -> Ty {
        let x = self.ident(e, i, true);
        match x.mode {
            Mode::Invalid => invalid(),
            Mode::TypeExpr => x.ty,
            Mode::NoValue => {
                let s = self.estr(e);
                let m = format!("{s} used as type");
                self.err("NotAType", self.espan(e), m);
                invalid()
            }
            _ => {
                let name = self.ast.name(i);
                let what = match self.info.uses[i.index()] {
                    Some(o) => match &o.kind {
                        ObjKind::Var(_) if !o.global.get() => format!("{name} (local variable)"),
                        ObjKind::Var(_) => format!("{name} (package-level variable)"),
                        ObjKind::Const(_) => format!("{name} (constant)"),
                        ObjKind::Func { .. } => format!("{name} (function)"),
                        ObjKind::Builtin(_) => format!("{name} (built-in function)"),
                        ObjKind::Nil => format!("{name} (untyped nil)"),
                        _ => self.describe(&x),
                    },
                    None => name.to_string(),
                };
                self.not_a_type(e, what)
            }
        }
    }

    fn array_length(&mut self, e: ExprId) -> i64 {
        if let ExprKind::Ident(i) = self.ast.expr(e).kind {
            let name = self.ast.name(i);
            match self.lookup_name(name) {
                None => {
                    let m = if name.is_blank() {
                        "cannot use _ as value or type".to_string()
                    } else {
                        format!("undefined array length {name} or missing type constraint")
                    };
                    self.err("InvalidArrayLen", self.espan(e), m);
                    return -1;
                }
                Some(o) => {
                    if !matches!(o.kind, ObjKind::Const(_)) {
                        self.use_exprs(&[e]);
                        let m = format!("invalid array length {name}");
                        self.err("InvalidArrayLen", self.espan(e), m);
                        return -1;
                    }
                }
            }
        }
        let x = self.expr(e, None);
        if x.is_invalid() {
            return -1;
        }
        if x.mode != Mode::Constant {
            let m = format!("array length {} must be constant", self.describe(&x));
            self.err("InvalidArrayLen", self.ospan(&x), m);
            return -1;
        }
        if (is_untyped(x.ty) && is_numeric(x.ty) || is_integer(x.ty))
            && let Some(Const::Int(i)) = x.val.as_ref().and_then(Const::to_int)
        {
            if is_untyped(x.ty) {
                self.update_expr_type(e, basic(Basic::Int), true);
            }
            if let Some(n) = i.to_i64()
                && n >= 0
            {
                return n;
            }
        }
        let msg = if is_integer(x.ty) {
            format!("invalid array length {}", self.describe(&x))
        } else {
            format!("array length {} must be integer", self.describe(&x))
        };
        self.err("InvalidArrayLen", self.ospan(&x), msg);
        -1
    }

    fn struct_type(&mut self, decls: &'a [FieldDecl]) -> Ty {
        let mut fields: Vec<Field> = Vec::new();
        let mut seen: rustc_hash::FxHashMap<Name, Span> = Default::default();
        // Grouped names share one type expression: resolve it once.
        let mut last: Option<(ExprId, Ty)> = None;
        for d in decls {
            let t = match last {
                Some((e, t)) if e == d.ty => t,
                _ => {
                    let t = self.var_type(d.ty);
                    last = Some((d.ty, t));
                    t
                }
            };
            let (name, span, embedded) = match d.name {
                Some(i) => (self.ast.name(i), self.ispan(i), false),
                None => {
                    let (n, s) = self.embedded_name(d.ty);
                    (n, s, true)
                }
            };
            if embedded {
                let at = self.espan(d.ty);
                self.later(move |c| c.check_embedded(t, at));
            }
            if !name.is_blank() && name != Name::EMPTY {
                if let Some(&old) = seen.get(&name) {
                    let m = format!(
                        "{name} redeclared\n\t{}: other declaration of {name}",
                        self.place(old.lo)
                    );
                    let d = Diagnostic::error("DuplicateDecl", span, m)
                        .with_label(old, "other declaration");
                    self.report(d);
                    continue;
                }
                seen.insert(name, span);
            }
            fields.push(Field {
                name,
                ty: t,
                embedded,
                tag: d.tag.clone().unwrap_or_default(),
                pkg: Some(self.pkg),
                span,
            });
        }
        Ty::new(Type::Struct(fields))
    }

    fn embedded_name(&self, e: ExprId) -> (Name, Span) {
        let mut e = e;
        loop {
            match &self.ast.expr(e).kind {
                ExprKind::Ident(i) => return (self.ast.name(*i), self.ispan(*i)),
                ExprKind::Selector { sel, .. } => return (self.ast.name(*sel), self.ispan(*sel)),
                ExprKind::Star(x) | ExprKind::Paren(x) => e = *x,
                ExprKind::Index { x, .. } => e = *x,
                _ => return (Name::EMPTY, self.espan(e)),
            }
        }
    }

    fn check_embedded(&mut self, t: Ty, span: Span) {
        let (base, is_ptr) = match t.0 {
            Type::Pointer(b) => (*b, true),
            _ => (t, false),
        };
        if !is_valid(base) {
            return;
        }
        let m = if matches!(base.0, Type::TypeParam(_)) {
            "embedded field type cannot be a type parameter"
        } else {
            match underlying(base).0 {
                Type::Basic(Basic::UnsafePointer, _) => {
                    "embedded field type cannot be unsafe.Pointer"
                }
                Type::Pointer(_) => "embedded field type cannot be a pointer",
                Type::Interface(_) if is_ptr => {
                    "embedded field type cannot be a pointer to an interface"
                }
                _ => return,
            }
        };
        self.err("InvalidPtrEmbed", span, m);
    }

    fn interface_type(&mut self, elems: &'a [InterfaceElem]) -> Ty {
        let mut methods: Vec<IMethod> = Vec::new();
        let mut embeds = Vec::new();
        for el in elems {
            match el {
                InterfaceElem::Method { name, sig } => {
                    let n = self.ast.name(*name);
                    let span = self.ispan(*name);
                    let old = self.open_scope();
                    let (t, ..) = self.signature(sig, &[], None);
                    self.close_scope(old);
                    if n.is_blank() {
                        self.err(
                            "BlankIfaceMethod",
                            span,
                            "methods must have a unique non-blank name",
                        );
                        continue;
                    }
                    if let Some(o) = methods.iter().find(|m| m.name == n) {
                        let m = format!(
                            "duplicate method {n}\n\t{}: other declaration of method {n}",
                            self.place(o.span.lo)
                        );
                        self.err("DuplicateDecl", span, m);
                        continue;
                    }
                    methods.push(IMethod {
                        name: n,
                        pkg: Some(self.pkg),
                        sig: t,
                        span,
                    });
                }
                InterfaceElem::Embed(e) => {
                    let span = self.espan(*e);
                    let t = match self.union_type(*e) {
                        Some(t) => t,
                        None => self.typ(*e),
                    };
                    if is_type_param(t) {
                        self.later(move |c| c.check_term(t, false, span, &[], true));
                    }
                    if is_valid(t) {
                        embeds.push((t, span));
                    }
                }
            }
        }
        let t = Ty::new(Type::Interface(Interface {
            methods: RefCell::new(methods),
            embeds: RefCell::new(embeds),
            implicit: false,
            type_set: OnceCell::new(),
        }));
        self.later(move |c| c.check_interface(t));
        t
    }

    /// Duplicate methods that come in through embedding.
    fn check_interface(&mut self, t: Ty) {
        let Type::Interface(i) = t.0 else { return };
        let own = i.methods.borrow().clone();
        for d in typeset::duplicate_methods(t) {
            if own.iter().any(|m| m.span == d.span) {
                continue;
            }
            let msg = format!(
                "duplicate method {}\n\t{}: other declaration of method {}",
                d.name,
                self.place(d.other.lo),
                d.name
            );
            self.err("DuplicateDecl", d.span, msg);
        }
    }

    /// A union or `~T` term as a type; None for other expressions.
    pub(super) fn union_type(&mut self, e: ExprId) -> Option<Ty> {
        let mut parts = Vec::new();
        let mut at = self.ast.unparen(e);
        // Left-leaning chains of `|`.
        while let ExprKind::Binary {
            op: BinOp::Or,
            x,
            y,
            ..
        } = &self.ast.expr(at).kind
        {
            parts.push(*y);
            at = self.ast.unparen(*x);
        }
        parts.push(at);
        parts.reverse();
        if let Some(&p) = parts.get(MAX_TERMS) {
            let m = format!(
                "cannot handle more than {MAX_TERMS} union terms (implementation limitation)"
            );
            self.err("InvalidUnion", self.espan(p), m);
            return Some(invalid());
        }
        let tilde = matches!(
            self.ast.expr(at).kind,
            ExprKind::Unary {
                op: UnOp::Tilde,
                ..
            }
        );
        if parts.len() == 1 && !tilde {
            return None;
        }
        let mut terms: Vec<Term> = Vec::new();
        let single = parts.len() == 1;
        for p in parts {
            let (te, tilde) = match &self.ast.expr(p).kind {
                ExprKind::Unary { op: UnOp::Tilde, x } => (*x, true),
                _ => (p, false),
            };
            let t = self.typ(te);
            let span = self.espan(p);
            if tilde {
                self.record_type(p, t);
            }
            if is_valid(t) {
                let before = terms.clone();
                self.later(move |c| c.check_term(t, tilde, span, &before, single));
                terms.push(Term { tilde, ty: t });
            }
        }
        let u = Ty::new(Type::Union(terms));
        self.record_type(e, u);
        Some(u)
    }

    fn check_term(&mut self, t: Ty, tilde: bool, span: Span, before: &[Term], single: bool) {
        if matches!(t.0, Type::TypeParam(_)) {
            let (m, at) = if tilde {
                let m = format!("type in term ~{} cannot be a type parameter", self.tstr(t));
                (m, Span::new(span.lo + 1, span.hi))
            } else {
                ("term cannot be a type parameter".to_string(), span)
            };
            self.err("MisplacedTypeParam", at, m);
            return;
        }
        let u = underlying(t);
        if tilde {
            if let Type::Interface(_) = u.0 {
                let m = format!("invalid use of ~ ({} is an interface)", self.tstr(t));
                self.err("InvalidUnion", span, m);
                return;
            }
            if !identical(u, t) {
                let m = format!(
                    "invalid use of ~ (underlying type of {} is {})",
                    self.tstr(t),
                    self.tstr(u)
                );
                self.err("InvalidUnion", span, m);
                return;
            }
        }
        if let Type::Interface(_) = u.0 {
            if single {
                return;
            }
            let set = typeset::type_set(t);
            let why = if !set.methods.is_empty() {
                "contains methods"
            } else if set.comparable && set.terms.is_none() {
                if t == super::universe::comparable_ty() {
                    let m = "cannot use comparable in union".to_string();
                    self.err("InvalidUnion", span, m);
                    return;
                }
                "embeds comparable"
            } else {
                return;
            };
            let s = self.tstr(t);
            let m = format!("cannot use {s} in union ({s} {why})");
            self.err("InvalidUnion", span, m);
            return;
        }
        for b in before {
            if matches!(underlying(b.ty).0, Type::Interface(_)) {
                continue;
            }
            let overlap = identical(b.ty, t)
                || tilde && identical(underlying(b.ty), t)
                || b.tilde && identical(underlying(t), b.ty);
            if overlap {
                let text = |tl: bool, t: Ty| {
                    format!(
                        "{}{}",
                        if tl { "~" } else { "" },
                        super::display::type_string(t, None)
                    )
                };
                let m = format!(
                    "overlapping terms {} and {}",
                    text(tilde, t),
                    text(b.tilde, b.ty)
                );
                self.err("InvalidUnion", span, m);
                return;
            }
        }
    }

    fn instantiated_type(&mut self, e: ExprId, x: ExprId, indices: &[ExprId]) -> Ty {
        let ast = self.ast;
        let g = self.generic_typ(x);
        if !is_valid(g) {
            for &i in indices {
                self.generic_typ(i);
            }
            return invalid();
        }
        let alias = match &ast.expr(ast.unparen(x)).kind {
            ExprKind::Ident(i) => self.info.uses[i.index()],
            ExprKind::Selector { sel, .. } => self.info.uses[sel.index()],
            _ => None,
        };
        let alias = alias.and_then(|o| self.generic_alias(o));
        if alias.is_none() && !is_generic(g) {
            for &i in indices {
                self.generic_typ(i);
            }
            let m = format!(
                "invalid operation: {} ({} is not a generic type)",
                self.estr(e),
                self.tstr(g)
            );
            self.err("NotAGenericType", self.espan(x), m);
            return invalid();
        }
        let targs: Vec<Ty> = indices.iter().map(|&i| self.typ(i)).collect();
        if targs.iter().any(|&t| !is_valid(t)) {
            return invalid();
        }
        let tparams = match (&alias, g.0) {
            (Some((tp, _)), _) => tp.clone(),
            (None, Type::Named(n)) => n.tparams.borrow().clone(),
            _ => return invalid(),
        };
        if targs.len() != tparams.len() {
            let word = if targs.len() < tparams.len() {
                "not enough"
            } else {
                "too many"
            };
            let m = format!(
                "{word} type arguments for type {}: have {}, want {}",
                self.estr(x),
                targs.len(),
                tparams.len()
            );
            self.err("WrongTypeArgCount", self.espan(x), m);
            return invalid();
        }
        let spans: Vec<Span> = indices.iter().map(|&i| self.espan(i)).collect();
        let (tp, ta) = (tparams.clone(), targs.clone());
        self.later(move |c| {
            c.verify(&tp, &ta, &spans);
        });
        match alias {
            Some((tp, rhs)) => subst::subst(rhs, &subst::pairs(&tp, &targs)),
            None => {
                let t = subst::instantiate(g, targs);
                let span = self.espan(e);
                self.inst_spans.entry(t).or_insert(span);
                t
            }
        }
    }

    /// Checks that type arguments satisfy their constraints; true if they do.
    pub(super) fn verify(&mut self, tparams: &[Ty], targs: &[Ty], spans: &[Span]) -> bool {
        for (i, (&tparam, &targ)) in tparams.iter().zip(targs).enumerate() {
            let span = spans.get(i).or(spans.last()).copied().unwrap_or(Span::NONE);
            self.instantiations
                .push(super::cycles::Instantiation { tparam, targ, span });
        }
        match subst::verify_instance(tparams, targs) {
            Ok(()) => true,
            Err((i, cause)) => {
                let at = spans.get(i).or(spans.last()).copied().unwrap_or(Span::NONE);
                self.err("InvalidTypeArg", at, cause);
                false
            }
        }
    }

    /// An operand that may be a type: for conversions and method expressions.
    pub(super) fn type_operand(&self, e: ExprId, t: Ty) -> Operand {
        let mode = if is_valid(t) {
            Mode::TypeExpr
        } else {
            Mode::Invalid
        };
        Operand::new(mode, t, Some(e))
    }
}
