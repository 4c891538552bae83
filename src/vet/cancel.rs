//! Cancel functions of contexts that are not called on every path.

use super::Vet;
use super::walk::{Node, walk};
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::syntax::ast::*;
use crate::types::ty::{Builtin, Obj, Type};

const MAKERS: &[&str] = &[
    "WithCancel",
    "WithCancelCause",
    "WithTimeout",
    "WithTimeoutCause",
    "WithDeadline",
    "WithDeadlineCause",
];
/// Functions that do not return.
const FINAL: &[&str] = &[
    "os.Exit",
    "runtime.Goexit",
    "log.Fatal",
    "log.Fatalf",
    "log.Fatalln",
    "log.Panic",
    "log.Panicf",
    "log.Panicln",
];

impl Vet<'_> {
    pub(super) fn lost_cancels(&mut self) {
        for (f, body) in self.bodies() {
            let mut defs = Vec::new();
            for s in &body.stmts {
                walk(self.ast, Node::Stmt(*s), &mut |n| {
                    match n {
                        Node::Stmt(s) => defs.push(s),
                        // A literal's body is a function of its own.
                        Node::Expr(e) => {
                            return !matches!(self.ast.expr(e).kind, ExprKind::FuncLit(_));
                        }
                    }
                    true
                });
            }
            for s in defs {
                self.lost_cancel(f, body, s);
            }
        }
    }

    fn lost_cancel(&mut self, f: FuncId, body: &Block, s: StmtId) {
        let ast = self.ast;
        let (call, target) = match &ast.stmt(s).kind {
            StmtKind::Define { lhs, rhs, .. }
            | StmtKind::Assign {
                lhs, rhs, op: None, ..
            } => match (lhs.as_slice(), rhs.as_slice()) {
                ([_, c], [call]) => match ast.expr(*c).kind {
                    ExprKind::Ident(id) => (*call, id),
                    _ => return,
                },
                _ => return,
            },
            StmtKind::Decl(Decl::Var(specs)) => match specs.as_slice() {
                [one] => match (one.names.as_slice(), one.values.as_slice()) {
                    ([_, c], [call]) => (*call, *c),
                    _ => return,
                },
                _ => return,
            },
            _ => return,
        };
        let Some(name) = self.callee(call) else {
            return;
        };
        let Some(maker) = name.strip_prefix("context.").filter(|n| MAKERS.contains(n)) else {
            return;
        };
        let at = ast.ident(target).span;
        if ast.name(target).as_str() == "_" {
            let text = format!(
                "the cancel function returned by context.{maker} should be called, not discarded, to avoid a context leak"
            );
            self.warn("VetLostCancel", at, text);
            return;
        }
        let Some(var) = self.ident(target) else {
            return;
        };
        let local = var.span.lo >= body.span.lo && var.span.hi <= body.span.hi;
        if !local || var.global.get() {
            return;
        }
        let named = ast.func(f).sig.results.iter().any(|r| r.name.is_some());
        let mut p = Paths {
            vet: self,
            var,
            def: s,
            named,
            returns: match self.info.func_types[f.index()].map(|t| t.0) {
                Some(Type::Signature(s)) => !s.results.is_empty(),
                _ => false,
            },
            lost: None,
            jumps: Vec::new(),
        };
        let end = p.list(&body.stmts, State::Before);
        if end == State::Unused && p.lost.is_none() && !p.returns {
            p.lost = Some(Span::at(body.span.hi.saturating_sub(1)));
        }
        let Some(lost) = p.lost else { return };
        let var = var.name;
        let stmt = ast.stmt(s).span;
        let line = self.line(stmt.lo);
        let text = format!("the {var} function is not used on all paths (possible context leak)");
        self.warn("VetLostCancel", stmt, text);
        let text = format!(
            "this return statement may be reached without using the {var} var defined on line {line}"
        );
        self.warn("VetLostCancel", lost, text);
    }
}

/// What has happened on a path so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Does not go on.
    Gone,
    /// The definition is not reached yet.
    Before,
    /// Defined and used.
    Used,
    /// Defined, not used.
    Unused,
}
impl State {
    /// What holds where paths meet: the worst of them.
    fn join(self, o: State) -> State {
        use State::*;
        match (self, o) {
            (Gone, x) | (x, Gone) => x,
            (Unused, _) | (_, Unused) => Unused,
            (Used, _) | (_, Used) => Used,
            _ => Before,
        }
    }
}

/// Where jumps inside a statement lead.
struct Jumps {
    label: Option<Name>,
    loops: bool,
    breaks: State,
    continues: State,
}

struct Paths<'v, 'a> {
    vet: &'v Vet<'a>,
    var: Obj,
    def: StmtId,
    /// Results have names: a bare return uses them.
    named: bool,
    returns: bool,
    /// The first return reached without a use.
    lost: Option<Span>,
    jumps: Vec<Jumps>,
}

impl Paths<'_, '_> {
    fn uses(&self, n: Node) -> bool {
        let mut hit = false;
        walk(self.vet.ast, n, &mut |n| {
            hit |= self.vet.is_use(n, self.var);
            !hit
        });
        hit
    }
    fn list(&mut self, list: &[StmtId], mut state: State) -> State {
        for s in list {
            if state == State::Gone {
                // Labels may be jumped to; what comes there counts as used.
                if !matches!(self.vet.ast.stmt(*s).kind, StmtKind::Labeled { .. }) {
                    continue;
                }
                state = State::Used;
            }
            state = self.stmt(*s, None, state);
        }
        state
    }
    fn simple(&self, n: Node, state: State) -> State {
        if state == State::Unused && self.uses(n) {
            State::Used
        } else {
            state
        }
    }
    fn opt(&mut self, s: Option<StmtId>, state: State) -> State {
        s.map_or(state, |s| self.stmt(s, None, state))
    }
    fn expr(&self, e: Option<ExprId>, state: State) -> State {
        e.map_or(state, |e| self.simple(Node::Expr(e), state))
    }

    fn stmt(&mut self, s: StmtId, label: Option<Name>, state: State) -> State {
        let ast = self.vet.ast;
        if s == self.def {
            return State::Unused;
        }
        match &ast.stmt(s).kind {
            StmtKind::Return(list) => {
                let used = list.iter().any(|e| self.uses(Node::Expr(*e)));
                let is_result =
                    self.named && list.is_empty() && self.var.var_info().is_some_and(|v| v.param);
                if state == State::Unused && !used && !is_result && self.lost.is_none() {
                    self.lost = Some(ast.stmt(s).span);
                }
                State::Gone
            }
            StmtKind::Branch { kind, label } => {
                let name = label.map(|l| ast.name(l));
                let hit = self.jumps.iter_mut().rev().find(|j| match name {
                    Some(n) => j.label == Some(n),
                    None => *kind == BranchKind::Break || j.loops,
                });
                match (kind, hit) {
                    (BranchKind::Break, Some(j)) => j.breaks = j.breaks.join(state),
                    (BranchKind::Continue, Some(j)) => j.continues = j.continues.join(state),
                    (BranchKind::Fallthrough, _) => return state,
                    _ => {}
                }
                State::Gone
            }
            StmtKind::Expr(e) => {
                let state = self.simple(Node::Stmt(s), state);
                let dies = self.vet.call(*e).is_some_and(|(fun, _)| {
                    self.vet.builtin(fun) == Some(Builtin::Panic)
                        || self
                            .vet
                            .callee(*e)
                            .is_some_and(|n| FINAL.contains(&n.as_str()))
                });
                if dies { State::Gone } else { state }
            }
            StmtKind::Block(b) => self.list(&b.stmts, state),
            StmtKind::Labeled { label, stmt } => self.stmt(*stmt, Some(ast.name(*label)), state),
            StmtKind::If {
                init,
                cond,
                then,
                els,
            } => {
                let state = self.opt(*init, state);
                let state = self.expr(Some(*cond), state);
                let a = self.list(&then.stmts, state);
                let b = self.opt(*els, state);
                a.join(b)
            }
            StmtKind::For {
                init,
                cond,
                post,
                body,
            } => {
                let state = self.opt(*init, state);
                let state = self.expr(*cond, state);
                let (end, j) = self.scope(label, true, |p| p.list(&body.stmts, state));
                let round = self.opt(*post, end.join(j.continues));
                let exit = if cond.is_some() {
                    state.join(self.expr(*cond, round))
                } else {
                    State::Gone
                };
                exit.join(j.breaks)
            }
            StmtKind::Range { x, body, .. } => {
                let state = self.expr(Some(*x), state);
                let (end, j) = self.scope(label, true, |p| p.list(&body.stmts, state));
                state.join(end).join(j.continues).join(j.breaks)
            }
            StmtKind::Switch {
                init, tag, cases, ..
            } => {
                let state = self.opt(*init, state);
                let mut state = self.expr(*tag, state);
                for e in cases.iter().flat_map(|c| &c.exprs) {
                    state = self.expr(Some(*e), state);
                }
                self.cases(label, cases, state)
            }
            StmtKind::TypeSwitch { init, x, cases, .. } => {
                let state = self.opt(*init, state);
                let state = self.expr(Some(*x), state);
                self.cases(label, cases, state)
            }
            StmtKind::Select { cases, .. } => {
                let (end, j) = self.scope(label, false, |p| {
                    let mut out = State::Gone;
                    for c in cases {
                        let state = p.opt(c.comm, state);
                        out = out.join(p.list(&c.body, state));
                    }
                    out
                });
                end.join(j.breaks)
            }
            _ => self.simple(Node::Stmt(s), state),
        }
    }
    fn cases(&mut self, label: Option<Name>, cases: &[CaseClause], state: State) -> State {
        let (end, j) = self.scope(label, false, |p| {
            let mut out = if cases.iter().any(|c| c.is_default) {
                State::Gone
            } else {
                state
            };
            for c in cases {
                out = out.join(p.list(&c.body, state));
            }
            out
        });
        end.join(j.breaks)
    }
    fn scope(
        &mut self,
        label: Option<Name>,
        loops: bool,
        f: impl FnOnce(&mut Self) -> State,
    ) -> (State, Jumps) {
        self.jumps.push(Jumps {
            label,
            loops,
            breaks: State::Gone,
            continues: State::Gone,
        });
        let end = f(self);
        let j = self.jumps.pop().unwrap_or(Jumps {
            label,
            loops,
            breaks: State::Gone,
            continues: State::Gone,
        });
        (end, j)
    }
}
