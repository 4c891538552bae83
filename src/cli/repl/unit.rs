//! One input of the session: parsed as a script, completed with what it leaves out,
//! checked against the scope that earlier inputs left, and compiled.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::context;
use crate::base::diag::{Diagnostic, Severity};
use crate::base::intern::Name;
use crate::base::render::{Format, render};
use crate::base::span::{FileId, SourceMap, Span};
use crate::bytecode::disasm;
use crate::load::{Growing, Unit};
use crate::lower::Lowerer;
use crate::syntax::ast::*;
use crate::syntax::lex::lex;
use crate::syntax::parse::{ParseOptions, parse_text};
use crate::syntax::token::T;
use crate::types::check::CheckOptions;
use crate::types::display;
use crate::types::info::CheckedPackage;
use crate::types::lookup::method_set;
use crate::types::predicates::deref;
use crate::types::ty::{Obj, ObjKind, Ty, Type};
use crate::vm::{self, session};

/// The variable behind `_`.
const LAST: &str = "_\u{b7}";
/// What is said of `_` when it is not there.
pub const NO_LAST: &str = "_ has no value yet";
/// The same while an input is checked that may set it again.
const OLD_LAST: &str = "old\u{b7}_\u{b7}";
const SHOW: &str = "Show\u{b7}";
const CHAN: &str = "Chan\u{b7}";

/// What to do with an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrap {
    /// Keep its value in `_` and print it.
    Show,
    /// Print its values, which are several.
    ShowAll,
    /// Nothing: it has no value.
    Plain,
    /// Print it as a channel.
    Chan,
}

/// Everything inputs have declared.
pub struct Units {
    growing: Growing,
    packages: Vec<CheckedPackage>,
    /// Imports that inputs asked for.
    imports: Vec<(Option<Name>, String)>,
    count: usize,
    /// Initialisers of packages that have been loaded and not initialised.
    inits: Vec<u64>,
}

/// What a session has declared.
type Scope = HashMap<Name, Obj>;

const INPUT: ParseOptions = ParseOptions {
    script: true,
    session: true,
};

fn options() -> CheckOptions {
    CheckOptions {
        ignore_missing_main: true,
        go_version: 27,
        stdlib: false,
    }
}

/// Whether more lines must follow.
pub fn unfinished(text: &str) -> bool {
    let mut sources = SourceMap::new();
    let Ok(id) = sources.add("input", Path::new("input"), text.to_string()) else {
        return false;
    };
    let mut ast = Ast::default();
    let (errors, _, unfinished) = parse_text(&mut ast, &sources, id, &INPUT);
    // A comment or raw string may be open, too.
    let open = errors.iter().any(|d| {
        d.message.contains("not terminated")
            && !d.message.contains("newline in")
            && !d.message.starts_with("rune")
    });
    // Two empty lines end everything, and so does what no further line mends.
    (unfinished || open) && !text.ends_with("\n\n\n") && !context::overclosed(text)
}

fn has_errors(d: &[Diagnostic]) -> bool {
    d.iter().any(|d| d.severity == Severity::Error)
}

impl Units {
    pub fn new() -> Result<Units, String> {
        let main = Unit {
            path: "main".into(),
            files: vec![(
                "_session.go".into(),
                "_session.go".into(),
                "package main\n\nimport \"internal/repl\"\n\nfunc main() { repl.Serve() }\n".into(),
            )],
        };
        let (mut growing, packages) = Growing::new(&[main], &options()).map_err(|l| {
            let mut text = Vec::new();
            let _ = render(&l.sources, &l.diagnostics, Format::Short, false, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        })?;
        let repl = growing
            .import("internal/repl")
            .ok_or("package internal/repl is missing")?;
        for (name, from) in [(SHOW, "Show"), (CHAN, "Chan")] {
            let obj = repl.scope.borrow().get(&Name::new(from)).copied();
            let obj = obj.ok_or("package internal/repl is incomplete")?;
            growing.pkg.scope.borrow_mut().insert(Name::new(name), obj);
        }
        Ok(Units {
            growing,
            packages,
            imports: Vec::new(),
            count: 0,
            inits: Vec::new(),
        })
    }

    /// The packages the session starts with.
    pub fn take_packages(&mut self) -> Vec<CheckedPackage> {
        std::mem::take(&mut self.packages)
    }

    pub fn publish_sources(&self) {
        vm::traceback::set_sources(Arc::new(self.growing.sources().clone()));
    }

    /// Forgets what inputs have declared.
    pub fn reset(&mut self) {
        let hidden = |n: &Name| [SHOW, CHAN].contains(&n.as_str());
        self.growing.pkg.scope.borrow_mut().retain(|n, _| hidden(n));
        self.imports.clear();
    }

    /// Prints what is wrong with an input.
    pub fn print(&self, diags: &[Diagnostic], tty: bool, color: bool) {
        let format = if tty { Format::Human } else { Format::Short };
        let mut err = std::io::stderr().lock();
        // Nothing can be done when standard error is gone.
        let _ = render(self.growing.sources(), diags, format, color, &mut err);
        let _ = err.flush();
    }

    /// Names for completion.
    pub fn names(&self) -> HashMap<String, Option<Ty>> {
        let scope = self.growing.pkg.scope.borrow();
        scope
            .iter()
            .filter(|(n, _)| !n.as_str().contains('\u{b7}'))
            .map(|(n, o)| (n.to_string(), o.ty.get()))
            .collect()
    }

    /// Where the variables lie that inputs have declared.
    pub fn variables(&self) -> Vec<session::Variable> {
        let scope = self.growing.pkg.scope.borrow();
        let mut out = Vec::new();
        vm::exec::with_compiler(|lw| {
            for (n, o) in scope.iter() {
                if n.as_str().contains('\u{b7}') || !matches!(o.kind, ObjKind::Var { .. }) {
                    continue;
                }
                if let Some((addr, ty)) = lw.variable(*o) {
                    let name = n.to_string();
                    out.push(session::Variable { name, addr, ty });
                }
            }
        });
        out.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }

    /// Compiles an input; the function value that runs it, if it has statements. On
    /// errors nothing has changed.
    pub fn compile(&mut self, text: &str, wrap: Wrap) -> Result<Option<u64>, Vec<Diagnostic>> {
        self.count += 1;
        let name = format!("in{}", self.count);
        let id = self.add(&name, &whole_program(text))?;
        let checked = self.checked(id, wrap)?;
        self.publish_sources();
        Ok(self.install(checked))
    }

    /// The type of an expression, as text.
    pub fn type_of(&mut self, text: &str) -> Result<String, Vec<Diagnostic>> {
        let id = self.add("type", text)?;
        let before = self.growing.pkg.scope.borrow().clone();
        let saved = session::type_text();
        let r = self.checked(id, Wrap::Show);
        *self.growing.pkg.scope.borrow_mut() = before;
        let ty = session::type_text();
        session::set_type(&saved);
        let c = r?;
        // What it imported stays.
        self.add_libraries(c.libraries);
        Ok(ty)
    }

    /// The type of the expression `text[lo..hi]`, if the rest is fine enough for it to have
    /// one. Nothing is declared.
    pub fn type_at(&mut self, text: &str, lo: usize, hi: usize) -> Option<Ty> {
        let id = self.add("hint", text).ok()?;
        let mut ast = Ast::default();
        let (diags, is_script, _) = parse_text(&mut ast, self.growing.sources(), id, &INPUT);
        if has_errors(&diags) || !is_script {
            return None;
        }
        let base = self.growing.sources().file(id).base;
        let span = (base + lo as u32, base + hi as u32);
        let wanted = ast
            .exprs
            .iter()
            .rposition(|e| (e.span.lo, e.span.hi) == span)?;
        methods_to_functions(&mut ast);
        let scope = self.in_session(&mut ast);
        self.add_imports(&mut ast, &scope);
        let (libraries, checked, _) = self.checked_here(ast);
        *self.growing.pkg.scope.borrow_mut() = scope;
        self.add_libraries(libraries);
        checked.info.types.get(wanted)?.ty
    }

    /// The type that inputs have declared by this name.
    pub fn type_named(&mut self, name: &str) -> Option<Ty> {
        let obj = self.find(name)?;
        matches!(obj.kind, ObjKind::TypeName { .. })
            .then(|| obj.ty.get())
            .flatten()
    }

    fn add(&mut self, name: &str, text: &str) -> Result<FileId, Vec<Diagnostic>> {
        self.growing
            .add(name, text)
            .map_err(|e| vec![Diagnostic::error("", Span::NONE, e)])
    }

    /// Tries the ways an input can be meant.
    fn checked(&mut self, id: FileId, wrap: Wrap) -> Result<Checked, Vec<Diagnostic>> {
        let mut wrap = wrap;
        let mut libraries = Vec::new();
        loop {
            match self.attempt(id, wrap, &mut libraries) {
                Ok(mut c) => {
                    c.libraries = libraries;
                    return Ok(c);
                }
                Err(diags) => {
                    let says = |t: &str| diags.iter().any(|d| d.message.contains(t));
                    wrap = match wrap {
                        Wrap::Show if says("(no value) used as value") => Wrap::Plain,
                        Wrap::Show if says("assignment mismatch: 1 variable but") => Wrap::ShowAll,
                        _ => {
                            // Packages that were loaded stay loaded.
                            self.add_libraries(libraries);
                            let declares = self.declares_variables(id);
                            return Err(self.reworded(diags, !declares));
                        }
                    };
                }
            }
        }
    }

    /// Whether an input declares variables itself: else the declaration that a message
    /// speaks of is the session's.
    fn declares_variables(&self, id: FileId) -> bool {
        let toks = lex(&self.growing.sources().file(id).text, 0).toks;
        toks.iter().any(|t| matches!(t.kind, T::Var | T::Define))
    }

    fn reworded(&self, mut diags: Vec<Diagnostic>, shown: bool) -> Vec<Diagnostic> {
        for d in &mut diags {
            if d.message == format!("undefined: {OLD_LAST}") {
                d.message = NO_LAST.into();
            }
            d.message = d.message.replace("old\u{b7}", "").replace(LAST, "_");
            if shown {
                d.message = d.message.replace(" in variable declaration", "");
            }
        }
        crate::script::soften(&mut diags);
        diags.retain(|d| d.severity == Severity::Error);
        diags
    }

    fn attempt(
        &mut self,
        id: FileId,
        wrap: Wrap,
        libraries: &mut Vec<CheckedPackage>,
    ) -> Result<Checked, Vec<Diagnostic>> {
        let mut ast = Ast::default();
        let (diags, is_script, _) = parse_text(&mut ast, self.growing.sources(), id, &INPUT);
        if has_errors(&diags) {
            return Err(diags);
        }
        if !is_script {
            let text = "an input has no package clause: use gosub run for programs";
            return Err(vec![Diagnostic::error("", Span::NONE, text)]);
        }
        let scope = self.in_session(&mut ast);
        let body = statements(&ast);
        let shown = body.and_then(|b| wrap_expression(&mut ast, b, wrap));
        let imports = self.add_imports(&mut ast, &scope);
        let (libs, checked, mut diags) = self.checked_here(ast);
        libraries.extend(libs);
        diags.retain(|d| !matches!(d.code, "UnusedVar" | "UnusedImport"));
        diags.extend(crate::script::early_uses(&checked.ast, &checked.info));
        {
            let mut now = self.growing.pkg.scope.borrow_mut();
            now.retain(|n, _| !n.as_str().starts_with("old\u{b7}"));
            if has_errors(&diags) {
                *now = scope;
                return Err(diags);
            }
            now.remove(&Name::new(WRAPPER));
        }
        for i in imports {
            if !self.imports.contains(&i) {
                self.imports.push(i);
            }
        }
        let ty = shown.and_then(|e| checked.info.types[e.index()].ty);
        session::set_type(&match ty {
            Some(t) if wrap != Wrap::Chan => display::type_string(t, Some(self.growing.pkg)),
            _ => String::new(),
        });
        Ok(Checked {
            package: checked,
            libraries: Vec::new(),
            body,
            before: scope,
        })
    }

    /// Gives an input the names by which the session knows its parts. Returns what is
    /// declared so far.
    fn in_session(&self, ast: &mut Ast) -> Scope {
        rename_wrapper(ast);
        let scope = self.growing.pkg.scope.borrow().clone();
        rename_last(ast, &scope, &self.growing);
        keep_old(ast, &scope, &self.growing);
        scope
    }

    /// Checks an input. What it declares hides what was there.
    fn checked_here(&mut self, ast: Ast) -> (Vec<CheckedPackage>, CheckedPackage, Vec<Diagnostic>) {
        let declared = declared(&ast);
        self.growing
            .pkg
            .scope
            .borrow_mut()
            .retain(|n, _| !declared.contains(n));
        vm::exec::with_compiler(|_| self.growing.check(ast, &options()))
    }

    /// Imports of the input, of earlier inputs, and of standard packages by use. Returns
    /// what the input itself imports.
    fn add_imports(&self, ast: &mut Ast, scope: &Scope) -> Vec<(Option<Name>, String)> {
        let Some(f) = ast.files.first() else {
            return Vec::new();
        };
        let own: Vec<(Option<Name>, String)> = f
            .imports
            .iter()
            .map(|i| (i.alias.map(|a| ast.name(a)), i.path.clone()))
            .collect();
        let mut again = Vec::new();
        for (alias, path) in &self.imports {
            if own.iter().any(|o| o.1 == *path && o.0 == *alias) {
                continue;
            }
            let alias = alias.map(|a| ast.add_ident(a, Span::NONE));
            again.push(ImportSpec {
                alias,
                path: path.clone(),
                path_span: Span::NONE,
                span: Span::NONE,
            });
        }
        if let Some(f) = ast.files.first_mut() {
            f.imports.extend(again);
        }
        crate::script::add_imports(ast, &|n| scope.contains_key(&Name::new(n)));
        own
    }

    fn add_libraries(&mut self, packages: Vec<CheckedPackage>) {
        let inits = &mut self.inits;
        vm::exec::with_compiler(|lw| {
            for p in packages {
                inits.push(lw.init_closure(lw.packages()));
                lw.add_package(p);
            }
        });
    }

    /// What must run before the next input.
    pub fn take_inits(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.inits)
    }

    /// Gives a checked input to the compiler.
    fn install(&mut self, c: Checked) -> Option<u64> {
        let count = self.count;
        let scope = self.growing.pkg.scope.borrow().clone();
        self.add_libraries(c.libraries);
        vm::exec::with_compiler(|lw: &mut Lowerer| {
            let at = lw.packages();
            let functions: Vec<Obj> = c.package.info.funcs.iter().map(|f| f.0).collect();
            lw.add_package(c.package);
            // Old callers reach the new functions if they still fit.
            for new in functions {
                if let Some(old) = c.before.get(&new.name)
                    && scope.get(&new.name) == Some(&new)
                    && let (ObjKind::Func { .. }, Some(a), Some(b)) =
                        (&old.kind, old.ty.get(), new.ty.get())
                    && crate::types::predicates::identical(a, b)
                {
                    lw.redirect(*old, new);
                }
            }
            let f = c.body?;
            let id = lw.input(at, f, format!("main.in{count}"));
            Some(lw.static_closure(id))
        })
    }

    /// A function value of `internal/repl`.
    pub fn helper(&self, name: &str) -> Option<u64> {
        vm::exec::with_compiler(|lw| {
            let obj = lw.find("internal/repl", name)?;
            Some(lw.closure_of(obj))
        })
    }

    fn find(&mut self, name: &str) -> Option<Obj> {
        if let Some((pkg, member)) = name.split_once('.') {
            let all = crate::script::by_name();
            let path = match all.get(pkg).map(Vec::as_slice) {
                Some([p, ..]) => p.to_string(),
                _ => pkg.to_string(),
            };
            let p = self.growing.import(&path)?;
            return p.scope.borrow().get(&Name::new(member)).copied();
        }
        let scope = self.growing.pkg.scope.borrow();
        scope.get(&Name::new(name)).copied()
    }

    /// The listing of a function's code.
    pub fn listing(&mut self, name: &str) -> Option<String> {
        let obj = self.find(name)?;
        let ObjKind::Func { .. } = obj.kind else {
            return None;
        };
        let code = vm::exec::with_compiler(|lw| lw.decl_is_known(obj).then(|| lw.code_of(obj)));
        let code = code.flatten()?;
        Some(disasm::listing(code, self.growing.sources()))
    }

    /// The declaration of a name with the comment above it: what inputs have declared, and
    /// the methods of its type.
    pub fn doc(&mut self, name: &str) -> Option<String> {
        let get = |n: &str| {
            let scope = self.growing.pkg.scope.borrow();
            scope.get(&Name::new(n)).copied()
        };
        let obj = match name.split_once('.') {
            None => get(name)?,
            Some((base, member)) => {
                let t = deref(get(base)?.ty.get()?).0;
                let entry = method_set(Ty::new(Type::Pointer(t)));
                let m = entry.into_iter().find(|m| m.name.as_str() == member)?;
                let method = m.obj?;
                if method.pkg.is_some_and(|p| p.0.path != "main") {
                    let place = display::type_string(m.recv, None);
                    return crate::cli::doc::text(&[format!("{place}.{member}")]).ok();
                }
                method
            }
        };
        if let (ObjKind::Var { .. }, Some(t)) = (&obj.kind, obj.ty.get()) {
            let t = display::type_string(t, Some(self.growing.pkg));
            return Some(format!("var {name} {t}\n"));
        }
        let sources = self.growing.sources();
        let (_, file) = sources.file_of(obj.span.lo)?;
        let text = &file.text;
        let at = (obj.span.lo - file.base) as usize;
        let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let mut start = line;
        while let Some(prev) = text[..start.saturating_sub(1)]
            .rfind('\n')
            .map(|i| i + 1)
            .or(if start > 0 { Some(0) } else { None })
        {
            if start == 0 || !text[prev..start].trim_start().starts_with("//") {
                break;
            }
            start = prev;
        }
        let mut out = text[start..line].to_string();
        let decl = &text[line..];
        let is_func = matches!(obj.kind, ObjKind::Func { .. });
        let end = if is_func {
            decl.find(" {\n")
                .or_else(|| decl.find(" { "))
                .or_else(|| decl.find('\n'))
        } else if decl.lines().next().is_some_and(|l| l.ends_with('{')) {
            decl.find("\n}").map(|i| i + 2)
        } else {
            decl.find('\n')
        };
        out.push_str(&decl[..end.unwrap_or(decl.len())]);
        out.push('\n');
        Some(out)
    }
}

/// An input that is right.
struct Checked {
    package: CheckedPackage,
    libraries: Vec<CheckedPackage>,
    /// Its statements.
    body: Option<FuncId>,
    /// The scope before.
    before: Scope,
}

/// The function with the input's statements, if there are any.
fn statements(ast: &Ast) -> Option<FuncId> {
    let f = wrapper(ast)?;
    let body = ast.func(f.func).body.as_ref()?;
    // The parser adds an empty function to declarations.
    (!body.stmts.is_empty()).then_some(f.func)
}

/// The function that the parser makes of an input's statements: the last one, with a name
/// that stands nowhere.
fn wrapper(ast: &Ast) -> Option<&FuncDecl> {
    match ast.files.first()?.decls.last()? {
        Decl::Func(f) if f.recv.is_none() => {
            let name = ast.ident(f.name).span;
            (name.lo == name.hi).then_some(f)
        }
        _ => None,
    }
}

/// What that function is called, so that `main` is free.
const WRAPPER: &str = "input\u{b7}";

fn rename_wrapper(ast: &mut Ast) {
    if let Some(name) = wrapper(ast).map(|f| f.name) {
        ast.idents[name.index()].name = Name::new(WRAPPER);
    }
}

/// Makes functions of methods, which would stay with their types.
fn methods_to_functions(ast: &mut Ast) {
    let Some(f) = ast.files.first_mut() else {
        return;
    };
    for d in &mut f.decls {
        if let Decl::Func(f) = d
            && let Some(recv) = f.recv.take()
        {
            ast.funcs[f.func.index()].sig.params.splice(0..0, recv);
            ast.idents[f.name.index()].name = Name::new("method\u{b7}");
        }
    }
}

/// An input that is a whole program: without its package clause, and with a call of its
/// `main` at the end. Other inputs stay as they are.
fn whole_program(text: &str) -> Cow<'_, str> {
    let toks = lex(text, 0).toks;
    let [p, name, ..] = toks.as_slice() else {
        return Cow::Borrowed(text);
    };
    if p.kind != T::Package || name.kind != T::Ident {
        return Cow::Borrowed(text);
    }
    let (lo, hi) = (p.lo as usize, name.hi as usize);
    let blank = " ".repeat(text[lo..hi].chars().count());
    let mut out = format!("{}{blank}{}", &text[..lo], &text[hi..]);
    let main = toks.windows(3).any(|w| {
        w[0].kind == T::Func
            && w[2].kind == T::LParen
            && text.get(w[1].lo as usize..w[1].hi as usize) == Some("main")
    });
    if main {
        out.push_str("\nmain()\n");
    }
    Cow::Owned(out)
}

/// Names the input declares at its top level.
fn declared(ast: &Ast) -> HashSet<Name> {
    let mut out = HashSet::default();
    for d in ast.files.iter().flat_map(|f| &f.decls) {
        match d {
            Decl::Const(g) => {
                let names = g.specs.iter().flat_map(|s| &s.names);
                out.extend(names.map(|n| ast.name(*n)));
            }
            Decl::Var(s) => out.extend(s.iter().flat_map(|s| &s.names).map(|n| ast.name(*n))),
            Decl::Type(s) => out.extend(s.iter().map(|s| ast.name(s.name))),
            Decl::Func(f) if f.recv.is_none() => {
                out.insert(ast.name(f.name));
            }
            Decl::Func(_) => {}
        }
    }
    out
}

/// Makes `_` as a value the last value.
fn rename_last(ast: &mut Ast, scope: &Scope, growing: &Growing) {
    let mut targets: HashSet<ExprId> = HashSet::default();
    for s in &ast.stmts {
        match &s.kind {
            StmtKind::Assign { lhs, .. } | StmtKind::Define { lhs, .. } => targets.extend(lhs),
            StmtKind::Range { key, value, .. } => targets.extend(key.iter().chain(value)),
            _ => {}
        }
    }
    let blanks: Vec<IdentId> = ast
        .exprs
        .iter()
        .enumerate()
        .filter(|(i, _)| !targets.contains(&ExprId(*i as u32)))
        .filter_map(|(_, e)| match e.kind {
            ExprKind::Ident(id) if ast.name(id).is_blank() => Some(id),
            _ => None,
        })
        .collect();
    for id in blanks {
        ast.idents[id.index()].name = Name::new(OLD_LAST);
    }
    if let Some(obj) = scope.get(&Name::new(LAST)) {
        let mut now = growing.pkg.scope.borrow_mut();
        now.insert(Name::new(OLD_LAST), *obj);
    }
}

/// `x := x + 1` means the old `x` on the right, as it would in an inner block.
fn keep_old(ast: &mut Ast, scope: &Scope, growing: &Growing) {
    let mut renames = Vec::new();
    for d in ast.files.iter().flat_map(|f| &f.decls) {
        let Decl::Var(specs) = d else { continue };
        for s in specs {
            let names: Vec<Name> = s.names.iter().map(|n| ast.name(*n)).collect();
            for e in &ast.exprs {
                if let ExprKind::Ident(id) = e.kind
                    && names.contains(&ast.name(id))
                    && scope.contains_key(&ast.name(id))
                    && s.values.iter().any(|v| {
                        let v = ast.expr(*v).span;
                        v.lo <= e.span.lo && e.span.hi <= v.hi
                    })
                {
                    renames.push(id);
                }
            }
        }
    }
    for id in renames {
        let name = ast.name(id);
        if name.as_str().starts_with("old\u{b7}") {
            continue;
        }
        let old = Name::new(&format!("old\u{b7}{name}"));
        if let Some(obj) = scope.get(&name) {
            growing.pkg.scope.borrow_mut().insert(old, *obj);
            ast.idents[id.index()].name = old;
        }
    }
}

/// Whether an expression is a call of `fmt.Print...`, whose results nobody wants to see.
fn prints(ast: &Ast, x: ExprId) -> bool {
    let ExprKind::Call { fun, .. } = ast.expr(x).kind else {
        return false;
    };
    let ExprKind::Selector { x, sel } = ast.expr(fun).kind else {
        return false;
    };
    let name = ast.name(sel).as_str();
    matches!(ast.expr(x).kind, ExprKind::Ident(p) if ast.name(p).as_str() == "fmt")
        && (name.starts_with("Print") || name.starts_with("Fprint"))
}

/// Makes the last statement, if it is an expression, print its value. Returns the
/// expression.
fn wrap_expression(ast: &mut Ast, func: FuncId, wrap: Wrap) -> Option<ExprId> {
    let last = *ast.func(func).body.as_ref()?.stmts.last()?;
    let span = ast.stmt(last).span;
    let StmtKind::Expr(x) = ast.stmt(last).kind else {
        return None;
    };
    if wrap == Wrap::Plain || wrap == Wrap::Show && prints(ast, x) {
        return None;
    }
    let pos = span.hi.max(1) - 1;
    let call = |ast: &mut Ast, name: &str, arg: ExprId| {
        let id = ast.add_ident(Name::new(name), span);
        let fun = ast.add_expr(ExprKind::Ident(id), span);
        let kind = ExprKind::Call {
            fun,
            args: vec![arg],
            spread: false,
            lparen: span.lo,
            rparen: pos,
        };
        let call = ast.add_expr(kind, span);
        ast.add_stmt(StmtKind::Expr(call), span)
    };
    let mut stmts = Vec::new();
    if wrap == Wrap::Show {
        let name = ast.add_ident(Name::new(LAST), span);
        let spec = VarSpec {
            names: vec![name],
            ty: None,
            values: vec![x],
            span,
        };
        ast.files
            .first_mut()?
            .decls
            .insert(0, Decl::Var(vec![spec]));
        let target = ast.add_ident(Name::new(LAST), span);
        let target = ast.add_expr(ExprKind::Ident(target), span);
        let kind = StmtKind::Assign {
            lhs: vec![target],
            rhs: vec![x],
            op: None,
            op_pos: span.lo,
        };
        stmts.push(ast.add_stmt(kind, span));
        let value = ast.add_ident(Name::new(LAST), span);
        let value = ast.add_expr(ExprKind::Ident(value), span);
        stmts.push(call(ast, SHOW, value));
    } else {
        let name = if wrap == Wrap::Chan { CHAN } else { SHOW };
        stmts.push(call(ast, name, x));
    }
    let body = ast.funcs[func.index()].body.as_mut()?;
    body.stmts.pop();
    body.stmts.extend(stmts);
    Some(x)
}
