//! Entry of the checker: one package in, its tables and Go's error messages out.
//!
//! A [`Checker`] lives for one package. Package-level objects are resolved on first use
//! (`decl.rs`), work that must wait until types are complete is queued as delayed actions,
//! function bodies come after all declarations, and the initialisation order last.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::VecDeque;

use super::constant::Const;
use super::decl::DeclInfo;
use super::info::{CheckedPackage, Info, Mode, TypeAndValue};
use super::scope::{Scope, ScopeId};
use super::ty::*;
use super::untyped::UntypedInfo;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::{Pos, SourceMap, Span};
use crate::syntax::ast::{Ast, ExprId, ExprKind, FuncId, IdentId, StmtId};

/// Gives the checker the packages a package imports.
pub trait Importer {
    /// The package with this import path, checked already, or None when there is none.
    fn import(&mut self, path: &str) -> Option<Pkg>;
    /// The package-level names of a package, also those that have not been loaded: for
    /// guesses at what was meant.
    fn names(&self, _path: &str) -> Vec<&'static str> {
        Vec::new()
    }
}

/// What the caller wants of a check.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// Do not report a missing `main` function in package `main`.
    pub ignore_missing_main: bool,
    /// Language version 1.N.
    pub go_version: u32,
    /// Standard library code: functions may lack bodies, unused things are not reported.
    pub stdlib: bool,
}

impl Default for CheckOptions {
    fn default() -> CheckOptions {
        CheckOptions {
            ignore_missing_main: false,
            go_version: 27,
            stdlib: false,
        }
    }
}

/// Checks one package whose files are parsed in `ast`. Never panics on any tree.
pub fn check_package(
    ast: Ast,
    sources: &SourceMap,
    path: &str,
    index: u32,
    importer: &mut dyn Importer,
    opts: &CheckOptions,
) -> (CheckedPackage, Vec<Diagnostic>) {
    let name = ast
        .files
        .first()
        .map_or(Name::new("main"), |f| ast.name(f.package));
    let pkg = Pkg::new(Package {
        path: path.to_string(),
        name,
        scope: Default::default(),
        imports: Default::default(),
        index,
    });
    check_more(ast, sources, pkg, importer, opts)
}

/// Checks only the labels of a package that has syntax errors elsewhere.
pub fn check_labels(ast: &Ast, sources: &SourceMap, opts: &CheckOptions) -> Vec<Diagnostic> {
    struct Nothing;
    impl Importer for Nothing {
        fn import(&mut self, _: &str) -> Option<Pkg> {
            None
        }
    }
    let pkg = Pkg::new(Package {
        path: "main".to_string(),
        name: Name::new("main"),
        scope: Default::default(),
        imports: Default::default(),
        index: 0,
    });
    let mut nothing = Nothing;
    let mut c = Checker::new(ast, sources, pkg, &mut nothing, opts);
    for body in ast.funcs.iter().filter_map(|f| f.body.as_ref()) {
        c.labels(&body.stmts);
    }
    c.finish().1
}

/// Checks files that go on where others of the same package ended: what `pkg`'s scope holds
/// is visible, and what they declare is added to it.
pub fn check_more(
    ast: Ast,
    sources: &SourceMap,
    pkg: Pkg,
    importer: &mut dyn Importer,
    opts: &CheckOptions,
) -> (CheckedPackage, Vec<Diagnostic>) {
    let (info, diags) = {
        super::display::set_current_pkg(Some(pkg));
        let mut c = Checker::new(&ast, sources, pkg, importer, opts);
        c.run();
        c.finish()
    };
    (CheckedPackage::new(ast, info), diags)
}

/// Checks a function whose head was declared before without its body: `ast` holds the whole
/// of it. Gives the function a second object, which nobody finds by name.
pub fn check_body(
    ast: Ast,
    sources: &SourceMap,
    pkg: Pkg,
    importer: &mut dyn Importer,
    opts: &CheckOptions,
) -> (CheckedPackage, Vec<Diagnostic>) {
    let before = super::display::current_pkg();
    super::display::set_current_pkg(Some(pkg));
    let (info, diags) = {
        let mut c = Checker::new(&ast, sources, pkg, importer, opts);
        c.declared = true;
        c.run();
        c.finish()
    };
    super::display::set_current_pkg(before);
    (CheckedPackage::new(ast, info), diags)
}

/// Checks a package as [`check_package`] does, while the program runs.
pub fn check_later(
    ast: Ast,
    sources: &SourceMap,
    path: &str,
    index: u32,
    importer: &mut dyn Importer,
    opts: &CheckOptions,
) -> (CheckedPackage, Vec<Diagnostic>) {
    let before = super::display::current_pkg();
    let checked = check_package(ast, sources, path, index, importer, opts);
    super::display::set_current_pkg(before);
    checked
}

/// The context an expression or statement is checked in.
#[derive(Clone)]
pub(super) struct Env {
    pub scope: ScopeId,
    /// Package-level declaration being checked: uses become its dependencies.
    pub decl: Option<usize>,
    /// Value of `iota` inside constant declarations.
    pub iota: Option<u32>,
    /// Position that replaces those of a repeated constant expression.
    pub err_span: Option<Span>,
    /// Signature of the function whose body is being checked.
    pub sig: Option<Ty>,
    /// Named or unnamed result variables of that function.
    pub results: Vec<Obj>,
    /// Function nesting depth (0: package level).
    pub level: u32,
    /// Set when a call or receive was seen (`len` of an array is then not constant).
    pub has_call: bool,
    /// How many bodies of loops over functions enclose this place: lowering makes closures
    /// of them, so variables from outside count as captured.
    pub vdepth: u32,
}

/// Delayed work.
pub(super) type Action<'a> = Box<dyn FnOnce(&mut Checker<'a>) + 'a>;

/// The state of checking one package.
pub(super) struct Checker<'a> {
    pub ast: &'a Ast,
    pub src: &'a SourceMap,
    pub pkg: Pkg,
    pub opts: &'a CheckOptions,
    /// What the tree declares is declared already, see [`check_body`].
    pub declared: bool,
    pub importer: &'a mut dyn Importer,
    pub info: Info,
    pub diags: Vec<Diagnostic>,
    pub scopes: Vec<Scope>,
    pub env: Env,
    pub decls: Vec<DeclInfo<'a>>,
    pub decl_of: HashMap<Obj, usize>,
    /// Package-level objects in source order, methods included.
    pub order: Vec<Obj>,
    /// Stand-ins for packages that could not be imported.
    pub broken: HashSet<Pkg>,
    /// Position in `path` plus one while an object is being declared, 0 when done.
    pub state: HashMap<Obj, usize>,
    pub path: Vec<Obj>,
    /// Declared right-hand sides of defined types whose underlying type is still open.
    pub open_types: Vec<(Obj, Ty, Ty)>,
    /// Methods by receiver base type name, with their position in `decls`.
    pub methods: HashMap<Obj, Vec<Obj>>,
    /// Function bodies to check: object, declaration, its environment.
    pub bodies: Vec<(FuncId, Env)>,
    /// Untyped expressions whose final type is not known yet.
    pub untyped: HashMap<ExprId, UntypedInfo>,
    pub delayed: VecDeque<Action<'a>>,
    /// Imports by file: object, span of the spec, whether the name was given.
    pub imports: Vec<(Obj, Span)>,
    /// Objects brought in by dot imports, with the import's PkgName.
    pub dot_imports: HashMap<(ScopeId, Name), Obj>,
    /// Variables to report when unused, in declaration order.
    pub locals: Vec<Obj>,
    /// Symbolic variables of type switches: identifier and its clause variables.
    pub switch_vars: Vec<(IdentId, Vec<Obj>)>,
    pub valid_done: HashSet<Ty>,
    /// Where an instance of a generic type was written first.
    pub inst_spans: HashMap<Ty, Span>,
    pub seen_errors: HashSet<(Pos, String)>,
    /// Functions without body, reported only when nothing else is wrong.
    pub missing_bodies: Vec<Span>,
    /// Element types of channels, whose sizes are looked at when nothing else is wrong.
    pub chan_elems: Vec<(Ty, Span)>,
    /// All type arguments of the package, for instantiation cycles.
    pub instantiations: Vec<super::cycles::Instantiation>,
    /// Receiver type parameters with those of their types.
    pub recv_tparams: Vec<(Ty, Ty)>,
    /// What a generic function value is assigned to, for messages.
    pub target_name: Option<String>,
    /// Generic function values that have some of their type arguments.
    pub partial: HashMap<ExprId, super::instance::Partial>,
    /// Loop-over-function depth at which local variables were declared, if not 0.
    pub vdepths: std::cell::RefCell<HashMap<Obj, u32>>,
}

impl<'a> Checker<'a> {
    fn new(
        ast: &'a Ast,
        src: &'a SourceMap,
        pkg: Pkg,
        importer: &'a mut dyn Importer,
        opts: &'a CheckOptions,
    ) -> Checker<'a> {
        let info = Info {
            pkg,
            types: vec![TypeAndValue::default(); ast.exprs.len()],
            defs: vec![None; ast.idents.len()],
            uses: vec![None; ast.idents.len()],
            selections: HashMap::default(),
            instances: HashMap::default(),
            implicits: HashMap::default(),
            func_types: vec![None; ast.funcs.len()],
            func_params: vec![Vec::new(); ast.funcs.len()],
            func_results: vec![Vec::new(); ast.funcs.len()],
            init_order: Vec::new(),
            inits: Vec::new(),
            funcs: Vec::new(),
            vars: Vec::new(),
        };
        Checker {
            ast,
            src,
            pkg,
            opts,
            declared: false,
            importer,
            info,
            diags: Vec::new(),
            scopes: vec![Scope::new(None)],
            env: Env {
                scope: ScopeId(0),
                decl: None,
                iota: None,
                err_span: None,
                sig: None,
                results: Vec::new(),
                level: 0,
                has_call: false,
                vdepth: 0,
            },
            decls: Vec::new(),
            decl_of: HashMap::default(),
            order: Vec::new(),
            broken: HashSet::default(),
            state: HashMap::default(),
            path: Vec::new(),
            open_types: Vec::new(),
            methods: HashMap::default(),
            bodies: Vec::new(),
            untyped: HashMap::default(),
            delayed: VecDeque::new(),
            imports: Vec::new(),
            dot_imports: HashMap::default(),
            locals: Vec::new(),
            switch_vars: Vec::new(),
            valid_done: HashSet::default(),
            inst_spans: HashMap::default(),
            seen_errors: HashSet::default(),
            missing_bodies: Vec::new(),
            chan_elems: Vec::new(),
            instantiations: Vec::new(),
            recv_tparams: Vec::new(),
            target_name: None,
            partial: HashMap::default(),
            vdepths: Default::default(),
        }
    }

    fn run(&mut self) {
        self.collect_objects();
        // Importing may have checked other packages.
        super::display::set_current_pkg(Some(self.pkg));
        self.adopt_methods();
        self.declare_all();
        self.process_delayed();
        self.check_bodies();
        self.process_delayed();
        self.instantiation_cycles();
        self.init_order();
        if !self.opts.stdlib {
            self.unused_imports();
            self.unused_vars();
            self.check_main();
        }
        self.record_untyped();
        if self.diags.is_empty() {
            for at in std::mem::take(&mut self.missing_bodies) {
                self.err("MissingBody", at, "missing function body");
            }
        }
        if self.diags.is_empty() {
            for (elem, at) in std::mem::take(&mut self.chan_elems) {
                if super::sizes::size_of(elem).is_some_and(|n| n >= 1 << 16) {
                    self.err(
                        "ChanElemTooLarge",
                        at,
                        "channel element type too large (>64kB)",
                    );
                }
            }
        }
    }

    fn finish(mut self) -> (Info, Vec<Diagnostic>) {
        self.diags.sort_by_key(|d| d.span.lo);
        // Equal messages on one line are one message.
        let src = self.src;
        let line = |d: &Diagnostic| src.locate(d.span.lo).map(|(f, l, _)| (f.to_string(), l));
        self.diags
            .dedup_by(|a, b| a.message == b.message && line(a) == line(b));
        (self.info, self.diags)
    }

    /// Queues work for when the current declarations are complete.
    pub fn later(&mut self, f: impl FnOnce(&mut Checker<'a>) + 'a) {
        self.delayed.push_back(Box::new(f));
    }

    pub fn process_delayed(&mut self) {
        while let Some(f) = self.delayed.pop_front() {
            f(self);
        }
    }

    fn check_main(&mut self) {
        if self.pkg.name.as_str() != "main" || self.opts.ignore_missing_main {
            return;
        }
        let main = Name::new("main");
        let found = self.pkg.scope.borrow().get(&main).copied();
        let is_func = found.is_some_and(|o| matches!(o.kind, ObjKind::Func { .. }));
        if !is_func && found.is_none() {
            self.err(
                "MissingMain",
                Span::NONE,
                "function main is undeclared in the main package",
            );
        }
    }

    // ---- reporting ----

    /// Reports an error. Messages that mention invalid operands are follow-ons and dropped.
    pub fn err(&mut self, code: &'static str, span: Span, msg: impl Into<String>) {
        let d = Diagnostic::error(code, span, msg);
        self.report(d);
    }

    pub fn report(&mut self, mut d: Diagnostic) {
        if !self.diags.is_empty()
            && (d.message.contains("invalid type") || d.message.contains("invalid operand"))
            && !d.message.contains("invalid receiver type")
        {
            return;
        }
        if let Some(s) = self.env.err_span {
            d.span = s;
        }
        if self.seen_errors.insert((d.span.lo, d.message.clone())) {
            self.diags.push(d);
        }
    }

    /// `file:line:col` of a position, as continuation lines print it.
    pub fn place(&self, pos: Pos) -> String {
        match self.src.locate(pos) {
            Some((f, l, c)) => format!("{f}:{l}:{c}"),
            None => "-".to_string(),
        }
    }

    /// Where messages about an expression point: at its leftmost operand, but function
    /// types count from their parameters and slice expressions from their bracket.
    pub fn espan(&self, e: ExprId) -> Span {
        let whole = self.ast.expr(e).span;
        let mut at = e;
        loop {
            let x = self.ast.expr(at);
            at = match &x.kind {
                ExprKind::FuncType(_) => {
                    let paren = self.src.text(x.span).find('(').unwrap_or(0) as Pos;
                    let lo = x.span.lo + paren;
                    return Span::new(lo, whole.hi.max(lo));
                }
                ExprKind::Slice { x, .. } => {
                    let lo = self.ast.expr(*x).span.hi;
                    return Span::new(lo, whole.hi.max(lo));
                }
                ExprKind::Selector { x, .. }
                | ExprKind::Index { x, .. }
                | ExprKind::TypeAssert { x, .. }
                | ExprKind::Call { fun: x, .. }
                | ExprKind::Binary { x, .. }
                | ExprKind::CompositeLit { ty: Some(x), .. } => *x,
                _ => return Span::new(x.span.lo, whole.hi.max(x.span.lo)),
            };
        }
    }
    /// Where continuation lines about an expression point: at its own operator.
    pub fn own_pos(&self, e: ExprId) -> Pos {
        match &self.ast.expr(e).kind {
            ExprKind::Call { lparen, .. } => *lparen,
            ExprKind::Binary { op_pos, .. } => *op_pos,
            ExprKind::Selector { x, .. }
            | ExprKind::Index { x, .. }
            | ExprKind::TypeAssert { x, .. } => self.ast.expr(*x).span.hi,
            _ => self.espan(e).lo,
        }
    }
    pub fn sspan(&self, s: StmtId) -> Span {
        self.ast.stmt(s).span
    }
    pub fn ispan(&self, i: IdentId) -> Span {
        self.ast.ident(i).span
    }

    // ---- recording ----

    pub fn record(&mut self, e: ExprId, mode: Mode, ty: Option<Ty>, value: Option<Const>) {
        if let Some(slot) = self.info.types.get_mut(e.index()) {
            *slot = TypeAndValue { mode, ty, value };
        }
    }
    pub fn record_type(&mut self, e: ExprId, ty: Ty) {
        self.record(e, Mode::TypeExpr, Some(ty), None);
    }
    pub fn record_def(&mut self, i: IdentId, o: Obj) {
        if let Some(s) = self.info.defs.get_mut(i.index()) {
            *s = Some(o);
        }
    }
    pub fn record_use(&mut self, i: IdentId, o: Obj) {
        if let Some(s) = self.info.uses.get_mut(i.index()) {
            *s = Some(o);
        }
    }

    /// A new object of this package.
    pub fn new_obj(&self, name: Name, span: Span, ty: Option<Ty>, kind: ObjKind) -> Obj {
        Obj::new(Object {
            name,
            span,
            pkg: Some(self.pkg),
            ty: std::cell::Cell::new(ty),
            kind,
            id: fresh_id(),
            global: std::cell::Cell::new(false),
        })
    }
    /// A new variable declared at the current function level.
    pub fn new_var(&self, name: Name, span: Span, ty: Option<Ty>, param: bool) -> Obj {
        let info = VarInfo {
            param,
            level: self.env.level,
            ..VarInfo::default()
        };
        let v = self.new_obj(name, span, ty, ObjKind::Var(info));
        if self.env.vdepth > 0 {
            self.vdepths.borrow_mut().insert(v, self.env.vdepth);
        }
        v
    }

    /// Registers the body of a declared function or literal for the info tables.
    pub fn record_func(&mut self, f: FuncId, sig: Ty, params: Vec<Obj>, results: Vec<Obj>) {
        let i = f.index();
        if i < self.info.func_types.len() {
            self.info.func_types[i] = Some(sig);
            self.info.func_params[i] = params;
            self.info.func_results[i] = results;
        }
    }
}
