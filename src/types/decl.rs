//! Declarations: constants, variables, types, functions; resolved on first use, with
//! detection of cycles.

use rustc_hash::FxHashSet as HashSet;
use std::cell::{Cell, OnceCell, RefCell};

use super::assign::Sink;
use super::check::{Checker, Env};
use super::info::Mode;
use super::operand::{Operand, invalid, is_valid};
use super::predicates::*;
use super::scope::ScopeId;
use super::ty::*;
use super::universe;
use super::world::world;
use crate::base::diag::Diagnostic;
use crate::base::span::Span;
use crate::syntax::ast::{self, ConstGroup, Decl, ExprId, FuncDecl, TypeSpec, VarSpec};

/// A package-level declaration and what it depends on.
pub struct DeclInfo<'a> {
    pub(super) scope: ScopeId,
    pub(super) kind: DeclKind<'a>,
    /// Package-level objects the declaration refers to, in order of first mention.
    pub(super) deps: Vec<Obj>,
    pub(super) dep_set: HashSet<Obj>,
}

/// What is declared.
#[derive(Clone)]
pub enum DeclKind<'a> {
    /// A constant; `inherited` is set for repeated expressions.
    Const {
        ty: Option<ExprId>,
        init: Option<ExprId>,
        iota: u32,
        inherited: bool,
    },
    /// One variable, or several with one initialisation.
    Var {
        lhs: Vec<Obj>,
        ty: Option<ExprId>,
        init: Option<ExprId>,
    },
    /// A type.
    Type(&'a TypeSpec),
    /// A function or method.
    Func(&'a FuncDecl),
}

impl<'a> Checker<'a> {
    /// A fresh environment at package level.
    pub(super) fn package_env(&self, scope: ScopeId, decl: Option<usize>) -> Env {
        Env {
            scope,
            decl,
            iota: None,
            err_span: None,
            sig: None,
            results: Vec::new(),
            level: 0,
            has_call: false,
            vdepth: 0,
        }
    }

    /// Makes sure `obj` has a type.
    pub(super) fn obj_decl(&mut self, obj: Obj) {
        match self.state.get(&obj).copied() {
            Some(0) => return,
            Some(at) => {
                self.grey(obj, at - 1);
                return;
            }
            None => {}
        }
        let Some(&di) = self.decl_of.get(&obj) else {
            return;
        };
        let kind = self.decls[di].kind.clone();
        let scope = self.decls[di].scope;
        self.path.push(obj);
        self.state.insert(obj, self.path.len());
        let env = self.package_env(scope, Some(di));
        let saved = std::mem::replace(&mut self.env, env);
        match kind {
            DeclKind::Const {
                ty,
                init,
                iota,
                inherited,
            } => {
                self.env.iota = Some(iota);
                self.const_decl(obj, ty, init, inherited);
            }
            DeclKind::Var { lhs, ty, init } => self.var_decl(obj, &lhs, ty, init),
            DeclKind::Type(spec) => {
                // Types do not depend on initialisation order.
                self.env.decl = None;
                self.type_decl(obj, spec);
            }
            DeclKind::Func(d) => self.func_decl(obj, d, di),
        }
        self.env = saved;
        self.path.pop();
        self.state.insert(obj, 0);
    }

    /// `obj` is used while it is being declared.
    fn grey(&mut self, obj: Obj, start: usize) {
        let ok = self.valid_cycle(start);
        match obj.kind {
            ObjKind::Const(_) | ObjKind::Var(_) | ObjKind::TypeName { .. }
                if !ok || obj.ty.get().is_none() =>
            {
                obj.ty.set(Some(invalid()));
            }
            _ => {}
        }
    }

    fn valid_cycle(&mut self, start: usize) -> bool {
        let cycle: Vec<Obj> = self.path[start..].to_vec();
        let mut values = 0;
        let mut defined = 0;
        for o in &cycle {
            match &o.kind {
                ObjKind::Const(_) | ObjKind::Var(_) => values += 1,
                ObjKind::TypeName { alias } if !alias.get() => defined += 1,
                _ => {}
            }
        }
        // Cycles of values only are found with the initialisation order.
        if values == cycle.len() || values == 0 && defined > 0 {
            return true;
        }
        if values > 0
            && defined == 0
            && !cycle
                .iter()
                .any(|o| matches!(o.kind, ObjKind::TypeName { .. }))
        {
            return true;
        }
        self.cycle_error(&cycle);
        false
    }

    /// Reports a declaration cycle, starting with the object declared first.
    pub(super) fn cycle_error(&mut self, cycle: &[Obj]) {
        let Some(first) = (0..cycle.len()).min_by_key(|&i| cycle[i].span.lo) else {
            return;
        };
        let is_type = matches!(cycle[first].kind, ObjKind::TypeName { .. });
        let name = cycle[first].name;
        let span = cycle[first].span;
        if cycle.len() == 1 {
            let m = if is_type {
                format!("invalid recursive type: {name} refers to itself")
            } else {
                format!("invalid cycle in declaration: {name} refers to itself")
            };
            self.err("InvalidDeclCycle", span, m);
            return;
        }
        let mut m = if is_type {
            format!("invalid recursive type {name}")
        } else {
            format!("invalid cycle in declaration of {name}")
        };
        for i in 0..cycle.len() {
            let a = cycle[(first + i) % cycle.len()];
            let b = cycle[(first + i + 1) % cycle.len()];
            m += &format!(
                "\n\t{}: {} refers to {}",
                self.place(a.span.lo),
                a.name,
                b.name
            );
        }
        self.report(Diagnostic::error("InvalidDeclCycle", span, m));
    }

    // ---- constants and variables ----

    pub(super) fn const_decl(
        &mut self,
        obj: Obj,
        ty: Option<ExprId>,
        init: Option<ExprId>,
        inherited: bool,
    ) {
        let saved = self.env.err_span;
        if inherited {
            self.env.err_span = Some(obj.span);
        }
        if let Some(te) = ty {
            let t = self.typ(te);
            if !is_const_type(t) {
                if is_valid(underlying(t)) {
                    let m = format!("invalid constant type {}", self.tstr(t));
                    self.err("InvalidConstType", self.espan(te), m);
                }
                obj.ty.set(Some(invalid()));
                self.env.err_span = saved;
                return;
            }
            obj.ty.set(Some(t));
        }
        let mut x = match init {
            Some(e) => self.expr(e, None),
            None => Operand::invalid(None),
        };
        self.init_const(obj, &mut x);
        self.env.err_span = saved;
    }

    fn init_const(&mut self, obj: Obj, x: &mut Operand) {
        let bad = obj.ty.get().is_some_and(|t| !is_valid(t));
        if x.is_invalid() || bad {
            if obj.ty.get().is_none() {
                obj.ty.set(Some(invalid()));
            }
            return;
        }
        if x.mode != Mode::Constant {
            let m = format!("{} is not constant", self.describe(x));
            self.err("InvalidConstInit", self.ospan(x), m);
            if obj.ty.get().is_none() {
                obj.ty.set(Some(invalid()));
            }
            return;
        }
        if obj.ty.get().is_none() {
            obj.ty.set(Some(x.ty));
        }
        self.assignment(x, obj.ty.get(), "constant declaration");
        if x.is_invalid() {
            return;
        }
        if let ObjKind::Const(v) = &obj.kind {
            v.borrow_mut().clone_from(&x.val);
        }
    }

    pub(super) fn var_decl(
        &mut self,
        obj: Obj,
        lhs: &[Obj],
        ty: Option<ExprId>,
        init: Option<ExprId>,
    ) {
        if let Some(te) = ty {
            obj.ty.set(Some(self.var_type(te)));
        }
        let Some(e) = init else {
            if ty.is_none() {
                obj.ty.set(Some(invalid()));
            }
            return;
        };
        if lhs.len() <= 1 {
            self.target_name = Some(obj.name.to_string());
            let mut x = self.expr(e, obj.ty.get());
            self.init_var(obj, &mut x, "variable declaration");
            return;
        }
        if ty.is_some() {
            for v in lhs {
                v.ty.set(obj.ty.get());
            }
        }
        self.init_vars(lhs, &[e], Sink::Assign);
        for v in lhs {
            if v.ty.get().is_none() {
                v.ty.set(Some(invalid()));
            }
            // One initialisation declares them all.
            if *v != obj && self.decl_of.contains_key(v) {
                self.state.entry(*v).or_insert(0);
            }
        }
    }

    // ---- types ----

    pub(super) fn type_decl(&mut self, obj: Obj, spec: &'a TypeSpec) {
        let old = self.env.scope;
        if spec.alias {
            if !spec.tparams.is_empty() {
                self.open_scope();
                let tp = self.collect_tparams(&spec.tparams);
                let rhs = self.typ(spec.ty);
                obj.ty.set(Some(rhs));
                if tp.contains(&rhs) {
                    self.err(
                        "MisplacedTypeParam",
                        self.espan(spec.ty),
                        "cannot use type parameter declared in alias declaration as RHS",
                    );
                    obj.ty.set(Some(invalid()));
                }
                world().generic_aliases.borrow_mut().insert(obj, (tp, rhs));
                self.env.scope = old;
                return;
            }
            let rhs = self.typ(spec.ty);
            if obj.ty.get().is_none() {
                obj.ty.set(Some(rhs));
                let own = self.ast.unparen(spec.ty);
                let literal = !matches!(
                    self.ast.expr(own).kind,
                    ast::ExprKind::Ident(_) | ast::ExprKind::Selector { .. }
                );
                if literal {
                    super::display::name_alias(rhs, obj);
                }
            }
            return;
        }
        let named = Ty::new(Type::Named(Named {
            obj,
            origin: None,
            targs: Vec::new(),
            tparams: RefCell::new(Vec::new()),
            underlying: Cell::new(None),
            methods: RefCell::new(Vec::new()),
        }));
        obj.ty.set(Some(named));
        if let Some(ms) = self.methods.remove(&obj) {
            self.collect_methods(obj, named, &ms);
        }
        if !spec.tparams.is_empty() {
            self.open_scope();
            self.collect_tparams_into(&spec.tparams, Some(named));
        }
        // Before those of the types this one mentions.
        self.later(move |c| c.valid_type(named));
        let mut rhs = self.generic_rhs(spec.ty);
        self.env.scope = old;
        if matches!(rhs.0, Type::TypeParam(_)) {
            self.err(
                "MisplacedTypeParam",
                self.espan(spec.ty),
                "cannot use a type parameter as RHS in type declaration",
            );
            rhs = invalid();
        }
        self.open_types.push((obj, named, rhs));
        self.close_types();
    }

    fn generic_rhs(&mut self, e: ExprId) -> Ty {
        self.typ(e)
    }

    /// Sets underlying types of defined types whose right-hand side is known by now.
    fn close_types(&mut self) {
        loop {
            let mut progress = false;
            let mut i = 0;
            while i < self.open_types.len() {
                let (obj, named, rhs) = self.open_types[i];
                let under = match rhs.0 {
                    Type::Named(n) if n.origin.is_none() => n.underlying.get(),
                    Type::Named(n) => {
                        // An instance: known when its origin is.
                        let open = n.origin.is_some_and(|o| match o.0 {
                            Type::Named(o) => o.underlying.get().is_none(),
                            _ => false,
                        });
                        if open { None } else { Some(underlying(rhs)) }
                    }
                    _ => Some(rhs),
                };
                if let (Some(u), Type::Named(n)) = (under, named.0) {
                    n.underlying.set(Some(u));
                    self.open_types.swap_remove(i);
                    progress = true;
                    continue;
                }
                if let Some(cycle) = self.open_cycle(obj, rhs) {
                    self.cycle_error(&cycle);
                    for o in cycle {
                        if let Some(Type::Named(n)) = o.ty.get().map(|t| t.0) {
                            n.underlying.set(Some(invalid()));
                        }
                        self.open_types.retain(|(p, ..)| *p != o);
                    }
                    progress = true;
                    break;
                }
                i += 1;
            }
            if !progress {
                return;
            }
        }
    }

    /// The chain `type A B; type B A` that leads from `obj` back to itself.
    fn open_cycle(&self, obj: Obj, rhs: Ty) -> Option<Vec<Obj>> {
        let mut cycle = vec![obj];
        let mut at = rhs;
        loop {
            let Type::Named(n) = at.0 else { return None };
            let origin_obj = match n.origin.map(|o| o.0) {
                Some(Type::Named(o)) => o.obj,
                _ => n.obj,
            };
            if origin_obj == obj {
                return Some(cycle);
            }
            if cycle.contains(&origin_obj) {
                return None;
            }
            let (o, _, r) = self.open_types.iter().find(|(o, ..)| *o == origin_obj)?;
            cycle.push(*o);
            at = *r;
        }
    }

    /// Methods of types that earlier files of the package declared ([`super::check::check_more`]);
    /// one of the same name is replaced.
    pub(super) fn adopt_methods(&mut self) {
        let known = |c: &Self, o: &Obj| c.decl_of.contains_key(o);
        let earlier: Vec<Obj> = self
            .methods
            .keys()
            .filter(|o| !known(self, o))
            .copied()
            .collect();
        for obj in earlier {
            let ms = self.methods.remove(&obj).unwrap_or_default();
            if let Some(named) = obj.ty.get()
                && let Type::Named(n) = named.0
            {
                n.methods
                    .borrow_mut()
                    .retain(|o| !ms.iter().any(|m| m.name == o.name));
                self.collect_methods(obj, named, &ms);
            }
        }
    }

    fn collect_methods(&mut self, obj: Obj, named: Ty, ms: &[Obj]) {
        let Type::Named(n) = named.0 else { return };
        for &m in ms {
            let dup = n
                .methods
                .borrow()
                .iter()
                .find(|o| o.name == m.name)
                .copied();
            if let Some(old) = dup {
                let msg = format!(
                    "method {}.{} already declared at {}",
                    obj.name,
                    m.name,
                    self.place(old.span.lo)
                );
                let d = Diagnostic::error("DuplicateMethod", m.span, msg)
                    .with_label(old.span, "other declaration");
                self.report(d);
                continue;
            }
            n.methods.borrow_mut().push(m);
        }
        // After the check for recursive types, which comes first.
        let ms = ms.to_vec();
        self.later(move |c| {
            c.valid_type(named);
            let Type::Struct(fields) = underlying(named).0 else {
                return;
            };
            for m in ms {
                if let Some(f) = fields.iter().find(|f| f.name == m.name) {
                    let msg = format!(
                        "field and method with the same name {}\n\t{}: other declaration of {}",
                        m.name,
                        c.place(f.span.lo),
                        m.name
                    );
                    c.err("DuplicateFieldAndMethod", m.span, msg);
                }
            }
        });
    }

    pub(super) fn generic_alias(&self, o: Obj) -> Option<(Vec<Ty>, Ty)> {
        world().generic_aliases.borrow().get(&o).cloned()
    }

    // ---- type parameters ----

    pub(super) fn collect_tparams(&mut self, list: &'a [ast::TypeParam]) -> Vec<Ty> {
        self.collect_tparams_into(list, None)
    }

    pub(super) fn collect_tparams_into(
        &mut self,
        list: &'a [ast::TypeParam],
        named: Option<Ty>,
    ) -> Vec<Ty> {
        let mut out = Vec::new();
        for (index, p) in list.iter().enumerate() {
            let t = self.new_tparam(self.ast.name(p.name), self.ispan(p.name), index);
            if let Type::TypeParam(tp) = t.0 {
                self.declare(Some(p.name), tp.obj);
            }
            out.push(t);
        }
        // Known from here on, so that constraints may mention the type itself.
        if let Some(Type::Named(n)) = named.map(|t| t.0) {
            n.tparams.borrow_mut().clone_from(&out);
        }
        let mut last: Option<(ExprId, Ty)> = None;
        for (p, t) in list.iter().zip(&out) {
            let b = match last {
                Some((e, b)) if e == p.constraint => b,
                _ => self.bound_type(p.constraint),
            };
            last = Some((p.constraint, b));
            if let Type::TypeParam(tp) = t.0 {
                tp.bound.set(Some(b));
            }
        }
        out
    }

    pub(super) fn new_tparam(
        &mut self,
        name: crate::base::intern::Name,
        span: Span,
        index: usize,
    ) -> Ty {
        let alias = Cell::new(false);
        let obj = self.new_obj(name, span, None, ObjKind::TypeName { alias });
        let t = Ty::new(Type::TypeParam(TypeParam {
            obj,
            index,
            bound: Cell::new(Some(universe::any_ty())),
            id: fresh_id(),
        }));
        obj.ty.set(Some(t));
        t
    }

    fn bound_type(&mut self, e: ExprId) -> Ty {
        let t = match self.union_type(e) {
            Some(u) => u,
            None => {
                let t = self.typ(e);
                if !is_valid(t) {
                    return t;
                }
                if matches!(t.0, Type::TypeParam(_)) {
                    let m = "cannot use a type parameter as constraint";
                    self.err("MisplacedTypeParam", self.espan(e), m);
                    return universe::any_ty();
                }
                let known = match t.0 {
                    Type::Named(n) if n.origin.is_none() => n.underlying.get(),
                    _ => Some(underlying(t)),
                };
                if known.is_some_and(|u| matches!(u.0, Type::Interface(_))) {
                    return t;
                }
                t
            }
        };
        Ty::new(Type::Interface(Interface {
            methods: RefCell::new(Vec::new()),
            embeds: RefCell::new(vec![(t, self.espan(e))]),
            implicit: true,
            type_set: OnceCell::new(),
        }))
    }

    // ---- declarations inside functions ----

    pub(super) fn decl_stmt(&mut self, d: &'a Decl) {
        match d {
            Decl::Const(g) => self.local_consts(g),
            Decl::Var(specs) => {
                for s in specs {
                    self.local_var(s);
                }
            }
            Decl::Type(specs) => {
                for s in specs {
                    let alias = Cell::new(s.alias);
                    let obj = self.new_obj(
                        self.ast.name(s.name),
                        self.ispan(s.name),
                        None,
                        ObjKind::TypeName { alias },
                    );
                    // In scope from its name on.
                    self.declare(Some(s.name), obj);
                    self.path.push(obj);
                    self.state.insert(obj, self.path.len());
                    self.type_decl(obj, s);
                    self.path.pop();
                    self.state.insert(obj, 0);
                }
            }
            Decl::Func(_) => {}
        }
    }

    /// Type, values of a constant specification, those it repeats when it has none.
    pub(super) fn const_parts(g: &ConstGroup, i: usize) -> (Option<ExprId>, &[ExprId], bool) {
        let s = &g.specs[i];
        match s.inherited.and_then(|j| g.specs.get(j)) {
            Some(p) => (p.ty, &p.values, true),
            None => (s.ty, &s.values, false),
        }
    }

    fn local_consts(&mut self, g: &'a ConstGroup) {
        for (i, s) in g.specs.iter().enumerate() {
            let (ty, values, inherited) = Self::const_parts(g, i);
            let mut objs = Vec::new();
            for (k, &n) in s.names.iter().enumerate() {
                let obj = self.new_obj(
                    self.ast.name(n),
                    self.ispan(n),
                    None,
                    ObjKind::Const(RefCell::new(None)),
                );
                let saved = self.env.iota.replace(s.iota);
                self.const_decl(obj, ty, values.get(k).copied(), inherited);
                self.env.iota = saved;
                objs.push((n, obj));
            }
            self.const_arity(&s.names, values, inherited);
            for (n, obj) in objs {
                self.declare(Some(n), obj);
            }
        }
    }

    pub(super) fn const_arity(
        &mut self,
        names: &[ast::IdentId],
        values: &[ExprId],
        inherited: bool,
    ) {
        let (l, r) = (names.len(), values.len());
        if l < r {
            let at = if inherited {
                self.ispan(names[0])
            } else {
                self.espan(values[l])
            };
            let m = if inherited {
                "extra init expr".to_string()
            } else {
                format!("extra init expr {}", self.estr(values[l]))
            };
            self.err("ExtraInitExpr", at, m);
        } else if l > r {
            let m = format!("missing init expr for {}", self.ast.name(names[r]));
            self.err("MissingInitExpr", self.ispan(names[r]), m);
        }
    }

    fn local_var(&mut self, s: &'a VarSpec) {
        let vars: Vec<Obj> = s
            .names
            .iter()
            .map(|&n| self.new_var(self.ast.name(n), self.ispan(n), None, false))
            .collect();
        self.declare_vars(&vars, s);
        for (&n, &v) in s.names.iter().zip(&vars) {
            if v.ty.get().is_none() {
                v.ty.set(Some(invalid()));
            }
            if !v.name.is_blank() {
                self.locals.push(v);
            }
            self.declare(Some(n), v);
        }
    }

    fn declare_vars(&mut self, vars: &[Obj], s: &VarSpec) {
        if let Some(te) = s.ty {
            let t = self.var_type(te);
            for v in vars {
                v.ty.set(Some(t));
            }
        }
        if s.values.is_empty() {
            return;
        }
        if s.values.len() == 1 && vars.len() > 1 {
            self.init_vars(vars, &s.values, Sink::Assign);
            return;
        }
        for (&v, &e) in vars.iter().zip(&s.values) {
            self.target_name = Some(v.name.to_string());
            let mut x = self.expr(e, v.ty.get());
            self.init_var(v, &mut x, "variable declaration");
        }
        if !self.var_arity(&s.names, s.ty, &s.values) {
            let rest = s.values.get(vars.len()..).unwrap_or(&[]);
            self.use_exprs(rest);
        }
    }
}

/// Whether constants may have this type.
pub fn is_const_type(t: Ty) -> bool {
    if matches!(t.0, Type::TypeParam(_)) {
        return false;
    }
    match underlying(t).0 {
        Type::Basic(b, _) => {
            *b != Basic::Invalid && *b != Basic::UnsafePointer && *b != Basic::UntypedNil
        }
        _ => false,
    }
}
