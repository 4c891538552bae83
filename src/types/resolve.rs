//! Package-level names: imports, objects of all files, methods to their types; and the
//! reports about what is unused at the end.

use rustc_hash::FxHashSet as HashSet;
use std::cell::{Cell, RefCell};

use super::check::Checker;
use super::decl::{DeclInfo, DeclKind};
use super::scope::ScopeId;
use super::ty::*;
use super::universe;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::syntax::ast::{Decl, ExprId, ExprKind, FuncDecl, IdentId, ImportSpec, VarSpec};

impl<'a> Checker<'a> {
    pub(super) fn collect_objects(&mut self) {
        let mut pending: Vec<(Obj, &'a FuncDecl)> = Vec::new();
        let mut file_scopes = Vec::new();
        for file in &self.ast.files {
            let scope = self.new_scope(None);
            file_scopes.push(scope);
            for imp in &file.imports {
                self.import(scope, imp);
            }
            for d in &file.decls {
                match d {
                    Decl::Const(g) => {
                        for (i, s) in g.specs.iter().enumerate() {
                            let (ty, values, inherited) = Self::const_parts(g, i);
                            for (k, &n) in s.names.iter().enumerate() {
                                let kind = ObjKind::Const(RefCell::new(None));
                                let obj = self.package_obj(n, kind);
                                self.add_decl(
                                    obj,
                                    scope,
                                    DeclKind::Const {
                                        ty,
                                        init: values.get(k).copied(),
                                        iota: s.iota,
                                        inherited,
                                    },
                                );
                            }
                            if let Some(p) = s.inherited.and_then(|j| g.specs.get(j))
                                && values.len() > s.names.len()
                            {
                                let at = values[s.names.len()];
                                let m =
                                    format!("extra init expr at {}", self.place(self.espan(at).lo));
                                let _ = p;
                                self.err("ExtraInitExpr", self.ispan(s.names[0]), m);
                            } else {
                                self.const_arity(&s.names, values, inherited);
                            }
                        }
                    }
                    Decl::Var(specs) => {
                        for s in specs {
                            self.package_vars(scope, s);
                        }
                    }
                    Decl::Type(specs) => {
                        for s in specs {
                            let alias = Cell::new(s.alias);
                            let obj = self.package_obj(s.name, ObjKind::TypeName { alias });
                            self.add_decl(obj, scope, DeclKind::Type(s));
                        }
                    }
                    Decl::Func(f) => {
                        if let Some(o) = self.package_func(scope, f) {
                            pending.push((o, f));
                        }
                    }
                }
            }
        }
        self.file_conflicts(&file_scopes);
        for (obj, f) in pending {
            let recv = f.recv.as_ref().and_then(|r| r.first());
            if let Some((base, ptr)) = recv.and_then(|r| self.receiver_base(r.ty))
                && !obj.name.is_blank()
            {
                if let ObjKind::Func { ptr_recv, .. } = &obj.kind {
                    ptr_recv.set(ptr);
                }
                if !self.declared {
                    self.methods.entry(base).or_default().push(obj);
                }
            }
        }
    }

    fn add_decl(&mut self, obj: Obj, scope: ScopeId, kind: DeclKind<'a>) {
        let i = self.decls.len();
        self.decls.push(DeclInfo {
            scope,
            kind,
            deps: Vec::new(),
            dep_set: HashSet::default(),
        });
        self.decl_of.insert(obj, i);
        self.order.push(obj);
    }

    /// A package-level object, entered into the package scope.
    fn package_obj(&mut self, id: IdentId, kind: ObjKind) -> Obj {
        let name = self.ast.name(id);
        let span = self.ispan(id);
        let is_func = matches!(kind, ObjKind::Func { .. });
        let obj = self.new_obj(name, span, None, kind);
        obj.global.set(true);
        self.record_def(id, obj);
        if name.is_blank() {
            return obj;
        }
        let text = name.as_str();
        if !is_func && (text == "init" || text == "main" && self.pkg.name.as_str() == "main") {
            let m = format!("cannot declare {text} - must be func");
            self.err("InvalidInitDecl", span, m);
            return obj;
        }
        let old = self.pkg.scope.borrow().get(&name).copied();
        match old {
            Some(old) => self.redeclared(obj, old),
            None => {
                self.pkg.scope.borrow_mut().insert(name, obj);
            }
        }
        obj
    }

    fn package_vars(&mut self, scope: ScopeId, s: &'a VarSpec) {
        let vars: Vec<Obj> = s
            .names
            .iter()
            .map(|&n| {
                let o = self.package_obj(n, ObjKind::Var(VarInfo::default()));
                self.info.vars.push(o);
                o
            })
            .collect();
        let many = s.values.len() == 1 && vars.len() > 1;
        for (i, &v) in vars.iter().enumerate() {
            let (lhs, init) = if many {
                (vars.clone(), Some(s.values[0]))
            } else {
                (vec![v], s.values.get(i).copied())
            };
            if many && i > 0 {
                // Share the first one's declaration, so that it is checked once.
                let first = self.decl_of[&vars[0]];
                self.decl_of.insert(v, first);
                self.order.push(v);
                continue;
            }
            self.add_decl(
                v,
                scope,
                DeclKind::Var {
                    lhs,
                    ty: s.ty,
                    init,
                },
            );
        }
        self.var_arity(&s.names, s.ty, &s.values);
    }

    /// More or fewer values than variables.
    pub(super) fn var_arity(
        &mut self,
        names: &[IdentId],
        ty: Option<ExprId>,
        values: &[ExprId],
    ) -> bool {
        let (l, r) = (names.len(), values.len());
        if r == 0 && ty.is_some() {
            return true;
        }
        if l < r {
            let m = format!("extra init expr {}", self.estr(values[l]));
            self.err("ExtraInitExpr", self.espan(values[l]), m);
            return false;
        }
        if l > r && r != 1 {
            let m = format!("missing init expr for {}", self.ast.name(names[r]));
            self.err("MissingInitExpr", self.ispan(names[r]), m);
            return false;
        }
        true
    }

    /// Declares a function; gives methods back for their receiver type.
    fn package_func(&mut self, scope: ScopeId, f: &'a FuncDecl) -> Option<Obj> {
        let name = self.ast.name(f.name);
        let span = self.ispan(f.name);
        let kind = |ptr: bool, m: bool| ObjKind::Func {
            decl: Some(f.func),
            ptr_recv: Cell::new(ptr),
            is_method: Cell::new(m),
            plain: Default::default(),
        };
        let func = self.ast.func(f.func);
        let (obj, method) = match &f.recv {
            Some(recv) => {
                let ptr = recv.first().is_some_and(|r| {
                    let e = self.ast.unparen(r.ty);
                    matches!(self.ast.expr(e).kind, ExprKind::Star(_))
                });
                let obj = self.new_obj(name, span, None, kind(ptr, true));
                self.record_def(f.name, obj);
                obj.global.set(true);
                (obj, true)
            }
            None => {
                let text = name.as_str();
                let is_main = text == "main" && self.pkg.name.as_str() == "main";
                if text == "init" || is_main {
                    if let Some(p) = func.tparams.first() {
                        let m = format!("func {text} must have no type parameters");
                        self.err("InvalidInitDecl", self.ispan(p.name), m);
                    }
                    if !func.sig.params.is_empty() || !func.sig.results.is_empty() {
                        let m = format!("func {text} must have no arguments and no return values");
                        self.err("InvalidInitDecl", span, m);
                    }
                }
                let obj = if text == "init" {
                    let obj = self.new_obj(name, span, None, kind(false, false));
                    obj.global.set(true);
                    self.record_def(f.name, obj);
                    if func.body.is_none() {
                        self.err("MissingInitBody", span, "func init must have a body");
                    }
                    self.info.inits.push(f.func);
                    obj
                } else if self.declared {
                    let obj = self.new_obj(name, span, None, kind(false, false));
                    obj.global.set(true);
                    self.record_def(f.name, obj);
                    obj
                } else {
                    self.package_obj(f.name, kind(false, false))
                };
                (obj, false)
            }
        };
        if func.body.is_none() && !self.opts.stdlib && name.as_str() != "init" {
            let at = if method { f.recv_span } else { span };
            self.missing_bodies.push(at);
        }
        self.info.funcs.push((obj, f.func));
        self.add_decl(obj, scope, DeclKind::Func(f));
        method.then_some(obj)
    }

    /// The package's type a receiver expression names, found by its syntax, and whether it
    /// is reached through a pointer. None if it cannot have this method.
    fn receiver_base(&self, e: ExprId) -> Option<(Obj, bool)> {
        let mut e = self.ast.unparen(e);
        let mut ptr = false;
        let mut first = true;
        for _ in 0..100 {
            if let ExprKind::Star(x) = self.ast.expr(e).kind {
                if ptr {
                    return None;
                }
                ptr = true;
                e = self.ast.unparen(x);
            }
            if let (true, ExprKind::Index { x, .. }) = (first, &self.ast.expr(e).kind) {
                e = self.ast.unparen(*x);
            }
            first = false;
            let ExprKind::Ident(i) = self.ast.expr(e).kind else {
                return None;
            };
            let obj = self.pkg.scope.borrow().get(&self.ast.name(i)).copied()?;
            let ObjKind::TypeName { alias } = &obj.kind else {
                return None;
            };
            if !alias.get() {
                return Some((obj, ptr));
            }
            e = self.ast.unparen(self.alias_rhs(obj)?);
        }
        None
    }

    /// What a package-level alias without type parameters was declared as.
    pub(super) fn alias_rhs(&self, obj: Obj) -> Option<ExprId> {
        let di = *self.decl_of.get(&obj)?;
        match &self.decls[di].kind {
            DeclKind::Type(s) if s.alias && s.tparams.is_empty() => Some(s.ty),
            _ => None,
        }
    }

    // ---- imports ----

    fn import(&mut self, scope: ScopeId, imp: &'a ImportSpec) {
        let found = if imp.path == "unsafe" {
            Some(universe::unsafe_pkg())
        } else {
            self.importer.import(&imp.path)
        };
        let Some(pkg) = found else {
            let m = format!("package {} is not in std", imp.path);
            self.err("BrokenImport", imp.path_span, m);
            // Avoid follow-on errors: the name exists, its members are unknown.
            let name = match imp.alias {
                Some(a) => self.ast.name(a),
                None => Name::new(imp.path.rsplit('/').next().unwrap_or("")),
            };
            if name.is_blank() || name.as_str() == "." {
                return;
            }
            let fake = Pkg::new(Package {
                path: imp.path.clone(),
                name,
                scope: Default::default(),
                imports: Default::default(),
                index: u32::MAX,
            });
            self.broken.insert(fake);
            self.declare_import(scope, imp, name, fake, true);
            return;
        };
        if !self.pkg.imports.borrow().contains(&pkg) {
            self.pkg.imports.borrow_mut().push(pkg);
        }
        let alias = imp.alias.map(|a| self.ast.name(a));
        match alias.map(Name::as_str) {
            Some("_") => {}
            Some(".") => {
                let obj = self.declare_import(scope, imp, Name::EMPTY, pkg, false);
                let names: Vec<(Name, Obj)> = pkg
                    .scope
                    .borrow()
                    .iter()
                    .filter(|(n, _)| n.is_exported())
                    .map(|(n, o)| (*n, *o))
                    .collect();
                for (n, o) in names {
                    self.scopes[scope.0 as usize].names.insert(n, o);
                    self.dot_imports.insert((scope, n), obj);
                }
            }
            Some("init") => {
                self.err(
                    "InvalidInitDecl",
                    imp.span,
                    "cannot import package as init - init must be a func",
                );
            }
            Some(s) => {
                self.declare_import(scope, imp, Name::new(s), pkg, false);
            }
            None => {
                self.declare_import(scope, imp, pkg.name, pkg, false);
            }
        }
    }

    fn declare_import(
        &mut self,
        scope: ScopeId,
        imp: &ImportSpec,
        name: Name,
        pkg: Pkg,
        used: bool,
    ) -> Obj {
        let span = imp.alias.map_or(imp.path_span, |a| self.ispan(a));
        let kind = ObjKind::PkgName {
            pkg,
            used: Cell::new(used),
        };
        let obj = self.new_obj(name, span, None, kind);
        if let Some(a) = imp.alias {
            self.record_def(a, obj);
        }
        self.imports.push((obj, imp.span));
        if name != Name::EMPTY {
            let names = &mut self.scopes[scope.0 as usize].names;
            if let Some(&old) = names.get(&name) {
                self.redeclared(obj, old);
            } else {
                names.insert(name, obj);
            }
        }
        obj
    }

    fn file_conflicts(&mut self, scopes: &[ScopeId]) {
        for &s in scopes {
            let mut clashes: Vec<(Obj, Obj)> = self.scopes[s.0 as usize]
                .names
                .iter()
                .filter_map(|(n, &o)| self.pkg.scope.borrow().get(n).map(|&alt| (alt, o)))
                .collect();
            clashes.sort_by_key(|(alt, _)| alt.span.lo);
            for (alt, o) in clashes {
                let (what, at) = match &o.kind {
                    ObjKind::PkgName { pkg, .. } => (
                        format!(
                            "{} already declared through import of package {} ({:?})",
                            alt.name, pkg.name, pkg.path
                        ),
                        o.span,
                    ),
                    _ => {
                        let (n, path) = o
                            .pkg
                            .map_or((Name::EMPTY, String::new()), |p| (p.name, p.path.clone()));
                        (
                            format!(
                                "{} already declared through dot-import of package {n} ({path:?})",
                                alt.name
                            ),
                            o.span,
                        )
                    }
                };
                let m = format!(
                    "{what}\n\t{}: other declaration of {}",
                    self.place(at.lo),
                    alt.name
                );
                let d = Diagnostic::error("DuplicateDecl", alt.span, m);
                self.report(d);
            }
        }
    }

    // ---- order of resolution ----

    /// Resolves all package-level objects: types first, then functions, then values.
    pub(super) fn declare_all(&mut self) {
        let order = self.order.clone();
        let alias = |o: &Obj| matches!(&o.kind, ObjKind::TypeName { alias } if alias.get());
        for pass in 0..4 {
            for o in &order {
                let now = match &o.kind {
                    ObjKind::TypeName { .. } => usize::from(alias(o)),
                    ObjKind::Func { .. } => 2,
                    _ => 3,
                };
                if now == pass {
                    self.obj_decl(*o);
                }
            }
        }
    }

    // ---- unused ----

    pub(super) fn unused_imports(&mut self) {
        for (obj, _) in std::mem::take(&mut self.imports) {
            let ObjKind::PkgName { pkg, used } = &obj.kind else {
                continue;
            };
            if used.get() {
                continue;
            }
            let last = pkg.path.rsplit('/').next().unwrap_or("");
            let m = if obj.name == Name::EMPTY || obj.name.as_str() == last {
                format!("{:?} imported and not used", pkg.path)
            } else {
                format!("{:?} imported as {} and not used", pkg.path, obj.name)
            };
            self.err("UnusedImport", obj.span, m);
        }
    }

    pub(super) fn unused_vars(&mut self) {
        for v in std::mem::take(&mut self.locals) {
            if v.var_info().is_some_and(|i| !i.used.get()) {
                let m = format!("declared and not used: {}", v.name);
                self.err("UnusedVar", v.span, m);
            }
        }
        for (id, vars) in std::mem::take(&mut self.switch_vars) {
            let used = vars
                .iter()
                .any(|v| v.var_info().is_some_and(|i| i.used.get()));
            if !used {
                let m = format!("{} declared and not used", self.ast.name(id));
                self.err("UnusedVar", self.ispan(id), m);
            }
        }
    }
}
