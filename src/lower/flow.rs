//! Small questions about syntax: labels, defers, calls, identifiers inside a literal.

use crate::base::intern::Name;
use crate::syntax::ast::{
    Ast, Block, Decl, ExprId, ExprKind, FuncId, IdentId, InterfaceElem, Signature, StmtId, StmtKind,
};

/// A node of a walk.
#[derive(Clone, Copy)]
pub(crate) enum Node {
    Expr(ExprId),
    Stmt(StmtId),
    Func(FuncId),
}

/// Calls `f` on every node below (and including) the given ones, without recursion. `f`
/// returns whether to go into the node.
pub(crate) fn walk(ast: &Ast, roots: Vec<Node>, f: &mut dyn FnMut(Node) -> bool) {
    let mut work = roots;
    work.reverse();
    while let Some(n) = work.pop() {
        if !f(n) {
            continue;
        }
        let from = work.len();
        match n {
            Node::Expr(e) => expr_children(ast, e, &mut work),
            Node::Stmt(s) => stmt_children(ast, s, &mut work),
            Node::Func(id) => {
                let func = ast.func(id);
                signature(&func.sig, &mut work);
                if let Some(b) = &func.body {
                    block(b, &mut work);
                }
            }
        }
        work[from..].reverse();
    }
}

fn block(b: &Block, out: &mut Vec<Node>) {
    out.extend(b.stmts.iter().map(|s| Node::Stmt(*s)));
}
fn signature(s: &Signature, out: &mut Vec<Node>) {
    out.extend(s.params.iter().chain(&s.results).map(|p| Node::Expr(p.ty)));
}

fn expr_children(ast: &Ast, e: ExprId, out: &mut Vec<Node>) {
    let mut push = |x: ExprId| out.push(Node::Expr(x));
    match &ast.expr(e).kind {
        ExprKind::Bad | ExprKind::Ident(_) | ExprKind::Lit(_) => {}
        ExprKind::FuncLit(f) => out.push(Node::Func(*f)),
        ExprKind::CompositeLit { ty, elems, .. } => {
            ty.iter().copied().for_each(&mut push);
            for el in elems {
                el.key.iter().copied().for_each(&mut push);
                push(el.value);
            }
        }
        ExprKind::Paren(x)
        | ExprKind::Star(x)
        | ExprKind::Unary { x, .. }
        | ExprKind::Selector { x, .. } => push(*x),
        ExprKind::Index { x, indices } => {
            push(*x);
            indices.iter().copied().for_each(push);
        }
        ExprKind::Slice { x, lo, hi, max, .. } => {
            push(*x);
            [lo, hi, max].into_iter().flatten().copied().for_each(push);
        }
        ExprKind::TypeAssert { x, ty } => {
            push(*x);
            ty.iter().copied().for_each(push);
        }
        ExprKind::Call { fun, args, .. } => {
            push(*fun);
            args.iter().copied().for_each(push);
        }
        ExprKind::Binary { x, y, .. } => {
            push(*x);
            push(*y);
        }
        ExprKind::ArrayType { len, elem } => {
            len.iter().copied().for_each(&mut push);
            push(*elem);
        }
        ExprKind::SliceType(x) | ExprKind::ChanType { elem: x, .. } => push(*x),
        ExprKind::StructType(fields) => fields.iter().for_each(|f| push(f.ty)),
        ExprKind::FuncType(s) => signature(s, out),
        ExprKind::InterfaceType(elems) => {
            for el in elems {
                match el {
                    InterfaceElem::Method { sig, .. } => signature(sig, out),
                    InterfaceElem::Embed(x) => out.push(Node::Expr(*x)),
                }
            }
        }
        ExprKind::MapType { key, value } => {
            push(*key);
            push(*value);
        }
    }
}

fn stmt_children(ast: &Ast, s: StmtId, out: &mut Vec<Node>) {
    let exprs = |out: &mut Vec<Node>, xs: &[ExprId]| out.extend(xs.iter().map(|x| Node::Expr(*x)));
    let stmt =
        |out: &mut Vec<Node>, s: &Option<StmtId>| out.extend(s.iter().map(|s| Node::Stmt(*s)));
    match &ast.stmt(s).kind {
        StmtKind::Bad | StmtKind::Empty | StmtKind::Branch { .. } | StmtKind::Cover(_) => {}
        StmtKind::Expr(e) | StmtKind::Go(e) | StmtKind::Defer(e) => out.push(Node::Expr(*e)),
        StmtKind::IncDec { x, .. } => out.push(Node::Expr(*x)),
        StmtKind::Send { chan, value, .. } => exprs(out, &[*chan, *value]),
        StmtKind::Assign { lhs, rhs, .. } | StmtKind::Define { lhs, rhs, .. } => {
            exprs(out, lhs);
            exprs(out, rhs);
        }
        StmtKind::Return(xs) => exprs(out, xs),
        StmtKind::Block(b) => block(b, out),
        StmtKind::If {
            init,
            cond,
            then,
            els,
        } => {
            stmt(out, init);
            out.push(Node::Expr(*cond));
            block(then, out);
            stmt(out, els);
        }
        StmtKind::Switch {
            init, tag, cases, ..
        } => {
            stmt(out, init);
            out.extend(tag.iter().map(|t| Node::Expr(*t)));
            for c in cases {
                exprs(out, &c.exprs);
                out.extend(c.body.iter().map(|s| Node::Stmt(*s)));
            }
        }
        StmtKind::TypeSwitch { init, x, cases, .. } => {
            stmt(out, init);
            out.push(Node::Expr(*x));
            for c in cases {
                exprs(out, &c.exprs);
                out.extend(c.body.iter().map(|s| Node::Stmt(*s)));
            }
        }
        StmtKind::Select { cases, .. } => {
            for c in cases {
                stmt(out, &c.comm);
                out.extend(c.body.iter().map(|s| Node::Stmt(*s)));
            }
        }
        StmtKind::For {
            init,
            cond,
            post,
            body,
        } => {
            stmt(out, init);
            out.extend(cond.iter().map(|t| Node::Expr(*t)));
            stmt(out, post);
            block(body, out);
        }
        StmtKind::Range {
            key,
            value,
            x,
            body,
            ..
        } => {
            out.extend(key.iter().chain(value).map(|t| Node::Expr(*t)));
            out.push(Node::Expr(*x));
            block(body, out);
        }
        StmtKind::Labeled { stmt, .. } => out.push(Node::Stmt(*stmt)),
        StmtKind::Decl(d) => match d {
            Decl::Const(g) => {
                for c in &g.specs {
                    out.extend(c.ty.iter().chain(&c.values).map(|x| Node::Expr(*x)));
                }
            }
            Decl::Var(vs) => {
                for v in vs {
                    out.extend(v.ty.iter().chain(&v.values).map(|x| Node::Expr(*x)));
                }
            }
            Decl::Type(ts) => out.extend(ts.iter().map(|t| Node::Expr(t.ty))),
            Decl::Func(_) => {}
        },
    }
}

/// Whether the body defers a call (not counting nested literals).
pub(crate) fn has_defer(ast: &Ast, b: &Block) -> bool {
    let mut found = false;
    let roots = b.stmts.iter().map(|s| Node::Stmt(*s)).collect();
    walk(ast, roots, &mut |n| match n {
        Node::Stmt(s) => {
            found |= matches!(ast.stmt(s).kind, StmtKind::Defer(_));
            !found
        }
        Node::Func(_) => false,
        Node::Expr(_) => !found,
    });
    found
}

/// Every identifier used below a node, nested literals included.
pub(crate) fn idents(ast: &Ast, root: Node, visit: &mut dyn FnMut(IdentId)) {
    walk(ast, vec![root], &mut |n| {
        if let Node::Expr(e) = n
            && let ExprKind::Ident(id) = ast.expr(e).kind
        {
            visit(id);
        }
        true
    });
}

/// Names of all labels of a body (not of nested literals).
pub(crate) fn labels(ast: &Ast, list: &[StmtId], out: &mut Vec<Name>) {
    let roots = list.iter().map(|s| Node::Stmt(*s)).collect();
    walk(ast, roots, &mut |n| match n {
        Node::Stmt(s) => {
            if let StmtKind::Labeled { label, .. } = &ast.stmt(s).kind {
                out.push(ast.name(*label));
            }
            true
        }
        _ => false,
    });
}
