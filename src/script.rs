//! What a script may leave out: imports of standard packages, and uses of what it declares.
//! (How statements at the top level become a program is `syntax::script`'s business.)

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::BTreeSet;

use crate::base::diag::{Diagnostic, Severity};
use crate::base::span::Span;
use crate::stdlib;
use crate::syntax::ast::{Ast, Decl, ExprKind, ImportSpec};
use crate::types::info::Info;
use crate::types::ty::Obj;

/// The name by which a package is used: `rand` for `math/rand/v2`.
pub fn package_name(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    let version = last
        .strip_prefix('v')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if version {
        parts.next().unwrap_or(last)
    } else {
        last
    }
}

/// Standard packages by the name they are used by.
pub fn by_name() -> HashMap<&'static str, Vec<&'static str>> {
    let mut out: HashMap<&str, Vec<&str>> = HashMap::default();
    for path in stdlib::paths() {
        if !path.starts_with("internal/") {
            out.entry(package_name(path)).or_default().push(path);
        }
    }
    out
}

/// The standard packages used by this name.
fn named(name: &str) -> Vec<String> {
    let version = |s: &str| s.ends_with(|c: char| c.is_ascii_digit());
    stdlib::reach::stems()
        .filter(|s| (s.ends_with(name) || version(s)) && !s.starts_with("internal_"))
        .map(|s| s.replace('_', "/"))
        .filter(|path| package_name(path) == name)
        .collect()
}

/// Names that a file declares at its top level, and those it imports.
fn declared(ast: &Ast) -> HashSet<&'static str> {
    let mut out = HashSet::default();
    for f in &ast.files {
        for i in &f.imports {
            out.insert(match i.alias {
                Some(a) => ast.name(a).as_str(),
                None => package_name(Box::leak(i.path.clone().into_boxed_str())),
            });
        }
        for d in &f.decls {
            match d {
                Decl::Const(g) => {
                    let names = g.specs.iter().flat_map(|s| &s.names);
                    out.extend(names.map(|n| ast.name(*n).as_str()));
                }
                Decl::Var(specs) => {
                    let names = specs.iter().flat_map(|s| &s.names);
                    out.extend(names.map(|n| ast.name(*n).as_str()));
                }
                Decl::Type(specs) => out.extend(specs.iter().map(|s| ast.name(s.name).as_str())),
                Decl::Func(f) if f.recv.is_none() => {
                    out.insert(ast.name(f.name).as_str());
                }
                Decl::Func(_) => {}
            }
        }
    }
    out
}

/// Names used as `name.x` that the file does not declare at its top level.
fn wanted(ast: &Ast, known: &dyn Fn(&str) -> bool) -> BTreeSet<&'static str> {
    let declared = declared(ast);
    let mut out = BTreeSet::new();
    for e in &ast.exprs {
        if let ExprKind::Selector { x, .. } = e.kind
            && let ExprKind::Ident(id) = ast.expr(x).kind
        {
            let name = ast.name(id).as_str();
            if !declared.contains(name) && !known(name) {
                out.insert(name);
            }
        }
    }
    out
}

/// Adds imports of the standard packages a script names without importing them. `known`
/// says which names mean something else already.
pub fn add_imports(ast: &mut Ast, known: &dyn Fn(&str) -> bool) {
    let mut specs = Vec::new();
    for name in wanted(ast, known) {
        if let [path] = named(name).as_slice() {
            specs.push(ImportSpec {
                alias: None,
                path: path.clone(),
                path_span: Span::NONE,
                span: Span::NONE,
            });
        }
    }
    if let Some(f) = ast.files.first_mut() {
        f.imports.extend(specs);
    }
}

/// Makes what only matters in programs a warning, and names the choices when a package
/// name is ambiguous.
pub fn soften(diags: &mut Vec<Diagnostic>) {
    // Imports that nobody wrote need no use.
    diags.retain(|d| d.code != "UnusedImport" || d.span != Span::NONE);
    // A declaration and its assignment find the same fault.
    let mut seen = HashSet::default();
    diags.retain(|d| {
        d.severity != Severity::Error || seen.insert(d.span.lo) || d.span == Span::NONE
    });
    for d in diags {
        if matches!(d.code, "UnusedVar" | "UnusedImport") {
            d.severity = Severity::Warning;
        }
        if let Some(name) = d.message.strip_prefix("undefined: ")
            && let choices = named(name)
            && choices.len() > 1
        {
            let list: Vec<String> = choices.iter().map(|c| format!("import {c:?}")).collect();
            d.message = format!(
                "undefined: {name}: several packages have this name, add one of: {}",
                list.join(", ")
            );
        }
    }
}

/// Warnings of variables that the statements declare and nothing uses.
pub fn unused(info: &Info, said: &[Diagnostic]) -> Vec<Diagnostic> {
    let unread = |v: &&Obj| v.var_info().is_some_and(|i| !i.used.get());
    // A name that only takes a type belongs to a variable that is told of by itself.
    let spare = |v: &Obj| v.name.is_blank() || v.name.as_str().contains('\u{b7}');
    let new = |v: &&Obj| !spare(v) && said.iter().all(|d| d.span.lo != v.span.lo);
    let vars = info.vars.iter().filter(unread).filter(new);
    vars.map(|v| {
        let text = format!("declared and not used: {}", v.name);
        let mut d = Diagnostic::error("UnusedVar", v.span, text);
        d.severity = Severity::Warning;
        d
    })
    .collect()
}

/// Statements that use a variable before the statement that declares it.
pub fn early_uses(ast: &Ast, info: &Info) -> Vec<Diagnostic> {
    let literals: Vec<Span> = ast
        .exprs
        .iter()
        .filter(|e| matches!(e.kind, ExprKind::FuncLit(_)))
        .map(|e| e.span)
        .collect();
    let Some(main) = ast
        .files
        .iter()
        .flat_map(|f| &f.decls)
        .rev()
        .find_map(|d| match d {
            Decl::Func(f) => ast.func(f.func).body.as_ref(),
            _ => None,
        })
    else {
        return Vec::new();
    };
    let vars: HashSet<_> = info.vars.iter().copied().collect();
    let functions: Vec<Span> = ast
        .files
        .iter()
        .flat_map(|f| &f.decls)
        .filter_map(|d| match d {
            Decl::Func(f) if f.span != main.span => Some(f.span),
            _ => None,
        })
        .collect();
    let inside = |list: &[Span], at| list.iter().any(|s| s.lo <= at && at < s.hi);
    let mut out = Vec::new();
    for (i, id) in ast.idents.iter().enumerate() {
        let Some(obj) = info.uses[i] else { continue };
        let at = id.span.lo;
        if vars.contains(&obj)
            && at < obj.span.lo
            && main.span.lo <= at
            && at < main.span.hi
            && !inside(&literals, at)
            && !inside(&functions, at)
        {
            let text = format!("undefined: {}", id.name);
            let d = Diagnostic::error("UndeclaredName", id.span, text);
            out.push(d.with_label(obj.span, "declared by this later statement"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{by_name, named};

    #[test]
    fn packages_are_found_by_their_names() {
        for (name, paths) in by_name() {
            assert_eq!(named(name), paths, "{name}");
        }
        assert_eq!(named("nothing"), Vec::<String>::new());
    }
}
