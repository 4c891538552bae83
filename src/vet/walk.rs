//! Walks over syntax: every statement and expression below a node, in source order.

use crate::syntax::ast::*;

/// A node of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Node {
    Stmt(StmtId),
    Expr(ExprId),
}

/// Calls `f` on the node and, as long as it says so, on everything below it. Bodies of
/// function literals belong to what is below.
pub fn walk(ast: &Ast, n: Node, f: &mut dyn FnMut(Node) -> bool) {
    if !f(n) {
        return;
    }
    match n {
        Node::Stmt(s) => stmt(ast, s, f),
        Node::Expr(e) => expr(ast, e, f),
    }
}
/// The same for several statements.
pub fn walk_stmts(ast: &Ast, list: &[StmtId], f: &mut dyn FnMut(Node) -> bool) {
    for s in list {
        walk(ast, Node::Stmt(*s), f);
    }
}

fn exprs<'a>(
    ast: &Ast,
    list: impl IntoIterator<Item = &'a ExprId>,
    f: &mut dyn FnMut(Node) -> bool,
) {
    for e in list {
        walk(ast, Node::Expr(*e), f);
    }
}
fn opt(ast: &Ast, s: &Option<StmtId>, f: &mut dyn FnMut(Node) -> bool) {
    if let Some(s) = s {
        walk(ast, Node::Stmt(*s), f);
    }
}

fn decl(ast: &Ast, d: &Decl, f: &mut dyn FnMut(Node) -> bool) {
    match d {
        Decl::Var(specs) => specs.iter().for_each(|s| exprs(ast, &s.values, f)),
        Decl::Const(g) => g.specs.iter().for_each(|s| exprs(ast, &s.values, f)),
        Decl::Type(_) | Decl::Func(_) => {}
    }
}

fn stmt(ast: &Ast, s: StmtId, f: &mut dyn FnMut(Node) -> bool) {
    match &ast.stmt(s).kind {
        StmtKind::Bad | StmtKind::Empty | StmtKind::Branch { .. } | StmtKind::Cover(_) => {}
        StmtKind::Expr(x) | StmtKind::Go(x) | StmtKind::Defer(x) | StmtKind::IncDec { x, .. } => {
            exprs(ast, [x], f);
        }
        StmtKind::Send { chan, value, .. } => exprs(ast, [chan, value], f),
        StmtKind::Assign { lhs, rhs, .. } | StmtKind::Define { lhs, rhs, .. } => {
            exprs(ast, lhs, f);
            exprs(ast, rhs, f);
        }
        StmtKind::Return(list) => exprs(ast, list, f),
        StmtKind::Block(b) => walk_stmts(ast, &b.stmts, f),
        StmtKind::If {
            init,
            cond,
            then,
            els,
        } => {
            opt(ast, init, f);
            exprs(ast, [cond], f);
            walk_stmts(ast, &then.stmts, f);
            opt(ast, els, f);
        }
        StmtKind::Switch {
            init, tag, cases, ..
        } => {
            opt(ast, init, f);
            exprs(ast, tag, f);
            for c in cases {
                exprs(ast, &c.exprs, f);
                walk_stmts(ast, &c.body, f);
            }
        }
        StmtKind::TypeSwitch { init, x, cases, .. } => {
            opt(ast, init, f);
            exprs(ast, [x], f);
            cases.iter().for_each(|c| walk_stmts(ast, &c.body, f));
        }
        StmtKind::Select { cases, .. } => {
            for c in cases {
                opt(ast, &c.comm, f);
                walk_stmts(ast, &c.body, f);
            }
        }
        StmtKind::For {
            init,
            cond,
            post,
            body,
        } => {
            opt(ast, init, f);
            exprs(ast, cond, f);
            opt(ast, post, f);
            walk_stmts(ast, &body.stmts, f);
        }
        StmtKind::Range {
            key,
            value,
            x,
            body,
            ..
        } => {
            exprs(ast, key, f);
            exprs(ast, value, f);
            exprs(ast, [x], f);
            walk_stmts(ast, &body.stmts, f);
        }
        StmtKind::Labeled { stmt, .. } => walk(ast, Node::Stmt(*stmt), f),
        StmtKind::Decl(d) => decl(ast, d, f),
    }
}

fn expr(ast: &Ast, e: ExprId, f: &mut dyn FnMut(Node) -> bool) {
    match &ast.expr(e).kind {
        ExprKind::FuncLit(id) => {
            if let Some(b) = &ast.func(*id).body {
                walk_stmts(ast, &b.stmts, f);
            }
        }
        ExprKind::CompositeLit { elems, .. } => {
            for el in elems {
                exprs(ast, &el.key, f);
                exprs(ast, [&el.value], f);
            }
        }
        ExprKind::Paren(x)
        | ExprKind::Star(x)
        | ExprKind::Unary { x, .. }
        | ExprKind::Selector { x, .. }
        | ExprKind::TypeAssert { x, .. } => exprs(ast, [x], f),
        ExprKind::Index { x, indices } => {
            exprs(ast, [x], f);
            exprs(ast, indices, f);
        }
        ExprKind::Slice { x, lo, hi, max, .. } => {
            exprs(ast, [x], f);
            exprs(ast, lo, f);
            exprs(ast, hi, f);
            exprs(ast, max, f);
        }
        ExprKind::Call { fun, args, .. } => {
            exprs(ast, [fun], f);
            exprs(ast, args, f);
        }
        ExprKind::Binary { x, y, .. } => exprs(ast, [x, y], f),
        _ => {}
    }
}
