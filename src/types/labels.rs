//! Labels: definition, use, and what `goto`, `break` and `continue` may refer to.

use rustc_hash::FxHashMap as HashMap;

use super::check::Checker;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::{Pos, Span};
use crate::syntax::ast::{BranchKind, Decl, IdentId, StmtId, StmtKind};

/// A label of the function.
struct Label {
    span: Span,
    used: bool,
}

/// One block while its statements are walked.
struct Scope {
    /// Labels declared in this block so far.
    labels: Vec<Name>,
    /// Position of `{` (for `goto` into it).
    start: Pos,
}

/// An enclosing labelled statement.
#[derive(Clone, Copy)]
struct Target {
    name: Name,
    is_loop: bool,
    breakable: bool,
}

/// A goto whose label was not seen yet.
#[derive(Clone)]
struct Forward {
    label: IdentId,
    /// Variables declared after it in the label's block.
    over: Option<(Name, Pos)>,
}

struct Walk {
    all: HashMap<Name, Label>,
    scopes: Vec<Scope>,
    /// Block in which each label stands, for jumps into blocks.
    home: HashMap<Name, Pos>,
    targets: Vec<Target>,
}

impl<'a> Checker<'a> {
    /// Checks the labels of one function body (function literals check their own).
    pub(super) fn labels(&mut self, body: &'a [StmtId]) {
        if !self.has_labels(body) {
            return;
        }
        let mut w = Walk {
            all: HashMap::default(),
            scopes: Vec::new(),
            home: HashMap::default(),
            targets: Vec::new(),
        };
        let rest = self.label_block(&mut w, body, 0);
        for f in rest {
            let name = self.ast.name(f.label);
            let span = self.ispan(f.label);
            let m = match (w.all.get_mut(&name), w.home.get(&name)) {
                (Some(l), Some(&at)) => {
                    l.used = true;
                    format!(
                        "goto {name} jumps into block starting at {}",
                        self.place(at)
                    )
                }
                _ => format!("label {name} not defined"),
            };
            self.err("JumpIntoBlock", span, m);
        }
        let mut unused: Vec<(Name, Span)> = w
            .all
            .iter()
            .filter(|(_, l)| !l.used)
            .map(|(n, l)| (*n, l.span))
            .collect();
        unused.sort_by_key(|(_, s)| s.lo);
        for (n, s) in unused {
            self.err("UnusedLabel", s, format!("label {n} defined and not used"));
        }
    }

    /// Cheap test, so that ordinary functions skip the walk.
    fn has_labels(&self, list: &[StmtId]) -> bool {
        list.iter().any(|&s| match &self.ast.stmt(s).kind {
            StmtKind::Labeled { .. } => true,
            StmtKind::Branch { label, .. } => label.is_some(),
            StmtKind::Block(b) => self.has_labels(&b.stmts),
            StmtKind::If { then, els, .. } => {
                self.has_labels(&then.stmts)
                    || els.is_some_and(|e| self.has_labels(std::slice::from_ref(&e)))
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                cases.iter().any(|c| self.has_labels(&c.body))
            }
            StmtKind::Select { cases, .. } => cases.iter().any(|c| self.has_labels(&c.body)),
            StmtKind::For { body, .. } | StmtKind::Range { body, .. } => {
                self.has_labels(&body.stmts)
            }
            _ => false,
        })
    }

    /// Walks a block; gives the gotos that it does not resolve.
    fn label_block(&mut self, w: &mut Walk, list: &'a [StmtId], start: Pos) -> Vec<Forward> {
        w.scopes.push(Scope {
            labels: Vec::new(),
            start,
        });
        let mut fwd = Vec::new();
        for &s in list {
            self.label_stmt(w, s, &mut fwd, None);
        }
        w.scopes.pop();
        fwd
    }

    fn label_stmt(&mut self, w: &mut Walk, s: StmtId, fwd: &mut Vec<Forward>, label: Option<Name>) {
        let ast = self.ast;
        let st = ast.stmt(s);
        let jump_over = |fwd: &mut Vec<Forward>, name: Name, pos: Pos| {
            for f in fwd.iter_mut() {
                f.over = Some((name, pos));
            }
        };
        let nested =
            |c: &mut Self, w: &mut Walk, fwd: &mut Vec<Forward>, list: &'a [StmtId], at: Pos| {
                let rest = c.label_block(w, list, at);
                // Jumps out of a block have not passed this block's declarations.
                fwd.extend(rest.into_iter().map(|f| Forward { over: None, ..f }));
            };
        let target = |is_loop: bool, breakable: bool| {
            label.map(|name| Target {
                name,
                is_loop,
                breakable,
            })
        };
        match &st.kind {
            StmtKind::Decl(Decl::Var(specs)) => {
                if let Some(&n) = specs.iter().rev().find_map(|s| s.names.first()) {
                    jump_over(fwd, ast.name(n), self.ispan(n).lo);
                }
            }
            StmtKind::Define { lhs, op_pos, .. } => {
                let name = lhs.first().map(|&e| match ast.expr(e).kind {
                    crate::syntax::ast::ExprKind::Ident(i) => ast.name(i),
                    _ => Name::BLANK,
                });
                jump_over(fwd, name.unwrap_or(Name::BLANK), *op_pos);
            }
            StmtKind::Labeled { label, stmt } => {
                let name = ast.name(*label);
                let span = self.ispan(*label);
                if !name.is_blank() {
                    if let Some(old) = w.all.get(&name) {
                        let at = old.span;
                        let m = format!("label {name} already defined at {}", self.place(at.lo));
                        let d = Diagnostic::error("DuplicateLabel", span, m)
                            .with_label(at, "first definition");
                        self.report(d);
                    } else {
                        w.all.insert(name, Label { span, used: false });
                        if let Some(sc) = w.scopes.last_mut() {
                            sc.labels.push(name);
                            w.home.insert(name, sc.start);
                        }
                    }
                    // Resolve the gotos that waited for it.
                    let mut rest = Vec::new();
                    for f in std::mem::take(fwd) {
                        if ast.name(f.label) != name {
                            rest.push(f);
                            continue;
                        }
                        if let Some(l) = w.all.get_mut(&name) {
                            l.used = true;
                        }
                        if let Some((v, at)) = f.over {
                            let m = format!(
                                "goto {name} jumps over declaration of {v} at {}",
                                self.place(at)
                            );
                            self.err("JumpOverDecl", self.ispan(f.label), m);
                        }
                    }
                    *fwd = rest;
                }
                self.label_stmt(w, *stmt, fwd, Some(name));
            }
            StmtKind::Branch {
                kind,
                label: Some(l),
            } => self.label_use(w, *kind, *l, fwd),
            StmtKind::Block(b) => {
                self.in_target(w, target(false, false), |c, w| {
                    nested(c, w, fwd, &b.stmts, b.span.lo);
                });
            }
            StmtKind::If { then, els, .. } => {
                self.in_target(w, target(false, false), |c, w| {
                    nested(c, w, fwd, &then.stmts, then.span.lo);
                    if let Some(e) = els {
                        c.label_stmt(w, *e, fwd, None);
                    }
                });
            }
            StmtKind::Switch { cases, .. } | StmtKind::TypeSwitch { cases, .. } => {
                self.in_target(w, target(false, true), |c, w| {
                    for k in cases {
                        nested(c, w, fwd, &k.body, k.span.lo);
                    }
                });
            }
            StmtKind::Select { cases, .. } => {
                self.in_target(w, target(false, true), |c, w| {
                    for k in cases {
                        nested(c, w, fwd, &k.body, k.span.lo);
                    }
                });
            }
            StmtKind::For { body, .. } | StmtKind::Range { body, .. } => {
                self.in_target(w, target(true, true), |c, w| {
                    nested(c, w, fwd, &body.stmts, body.span.lo);
                });
            }
            _ => {}
        }
    }

    fn in_target(&mut self, w: &mut Walk, t: Option<Target>, f: impl FnOnce(&mut Self, &mut Walk)) {
        let n = w.targets.len();
        w.targets.extend(t);
        f(self, w);
        w.targets.truncate(n);
    }

    fn label_use(&mut self, w: &mut Walk, kind: BranchKind, id: IdentId, fwd: &mut Vec<Forward>) {
        let name = self.ast.name(id);
        let span = self.ispan(id);
        let target = w.targets.iter().rev().find(|t| t.name == name).copied();
        let (word, ok) = match kind {
            BranchKind::Goto => {
                if w.scopes.iter().any(|s| s.labels.contains(&name)) {
                    if let Some(l) = w.all.get_mut(&name) {
                        l.used = true;
                    }
                } else {
                    fwd.push(Forward {
                        label: id,
                        over: None,
                    });
                }
                return;
            }
            BranchKind::Break => ("break", target.is_some_and(|t| t.breakable)),
            BranchKind::Continue => ("continue", target.is_some_and(|t| t.is_loop)),
            BranchKind::Fallthrough => return,
        };
        let m = if let Some(l) = w.all.get_mut(&name) {
            l.used = true;
            if ok {
                return;
            }
            format!("invalid {word} label {name}")
        } else {
            format!("{word} label not defined: {name}")
        };
        self.err("MisplacedLabel", span, m);
    }
}
