//! The formatter's own tree. It keeps what the checker's tree drops: groups of parameters
//! and fields, parentheses, and the place of every bracket.

use crate::syntax::token::T;

/// Byte offset in the text.
pub type At = usize;

#[derive(Debug)]
pub struct Expr {
    pub kind: Kind,
    pub lo: At,
    pub hi: At,
}

pub type Sub = Box<Expr>;

#[derive(Debug)]
pub enum Kind {
    Ident,
    Lit(T),
    Func {
        sig: Box<Sig>,
        body: Option<Box<Block>>,
    },
    Composite {
        ty: Option<Sub>,
        lbrace: At,
        elems: Vec<Expr>,
        rbrace: At,
    },
    KeyValue {
        key: Sub,
        colon: At,
        value: Sub,
    },
    Paren {
        x: Sub,
        rparen: At,
    },
    Selector {
        x: Sub,
        sel: Sub,
    },
    Index {
        x: Sub,
        lbrack: At,
        args: Vec<Expr>,
        rbrack: At,
    },
    Slice {
        x: Sub,
        lbrack: At,
        parts: Vec<Option<Expr>>,
        rbrack: At,
    },
    Assert {
        x: Sub,
        lparen: At,
        /// None: `.(type)`.
        ty: Option<Sub>,
        rparen: At,
    },
    Call {
        fun: Sub,
        lparen: At,
        args: Vec<Expr>,
        dots: Option<At>,
        rparen: At,
    },
    Star(Sub),
    Unary {
        op: T,
        x: Sub,
    },
    Binary {
        op: T,
        op_at: At,
        x: Sub,
        y: Sub,
    },
    Dots(Option<Sub>),
    Array {
        len: Option<Sub>,
        elem: Sub,
    },
    Struct(Fields),
    Interface(Fields),
    Map {
        key: Sub,
        value: Sub,
    },
    Chan {
        dir: Dir,
        arrow: At,
        elem: Sub,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dir {
    Both,
    Send,
    Recv,
}

/// Fields, methods or parameters with their brackets.
#[derive(Debug)]
pub struct Fields {
    pub open: At,
    pub list: Vec<Field>,
    pub close: At,
}

/// `a, b T`, or only a type.
#[derive(Debug)]
pub struct Field {
    pub names: Vec<Expr>,
    pub ty: Expr,
    pub tag: Option<Expr>,
    /// A comment stands behind it.
    pub comment: bool,
    pub lo: At,
    pub hi: At,
}

#[derive(Debug)]
pub struct Sig {
    pub tparams: Option<Fields>,
    pub params: Fields,
    pub results: Option<Fields>,
}

#[derive(Debug)]
pub struct Block {
    pub lbrace: At,
    pub list: Vec<Stmt>,
    pub rbrace: At,
}

#[derive(Debug)]
pub struct Stmt {
    pub kind: StmtKind,
    pub lo: At,
}

#[derive(Debug)]
pub enum StmtKind {
    Empty,
    Expr(Expr),
    Send {
        chan: Expr,
        arrow: At,
        value: Expr,
    },
    IncDec {
        x: Expr,
        op: T,
        op_at: At,
    },
    Assign {
        lhs: Vec<Expr>,
        op: T,
        op_at: At,
        rhs: Vec<Expr>,
    },
    Go(Expr),
    Defer(Expr),
    Return(Vec<Expr>),
    Branch {
        word: T,
        label: Option<Expr>,
    },
    Block(Block),
    If {
        init: Option<Box<Stmt>>,
        cond: Option<Expr>,
        then: Block,
        els: Option<Box<Stmt>>,
    },
    /// `case` (with its list or statement) or `default` of any kind of switch.
    Clause {
        list: Vec<Expr>,
        comm: Option<Box<Stmt>>,
        colon: At,
        body: Vec<Stmt>,
    },
    Switch {
        init: Option<Box<Stmt>>,
        tag: Option<Expr>,
        body: Block,
    },
    TypeSwitch {
        init: Option<Box<Stmt>>,
        guard: Box<Stmt>,
        body: Block,
    },
    Select(Block),
    For {
        init: Option<Box<Stmt>>,
        cond: Option<Expr>,
        post: Option<Box<Stmt>>,
        body: Block,
    },
    Range {
        key: Option<Expr>,
        value: Option<Expr>,
        op: T,
        op_at: At,
        range_at: At,
        x: Expr,
        body: Block,
    },
    Labeled {
        label: Expr,
        colon: At,
        stmt: Box<Stmt>,
    },
    Decl(Decl),
}

#[derive(Debug)]
pub struct Decl {
    pub kind: DeclKind,
    /// A comment stands directly above.
    pub doc: bool,
    pub lo: At,
    pub hi: At,
}

#[derive(Debug)]
pub enum DeclKind {
    /// `import`, `const`, `var` or `type`.
    Group {
        word: T,
        lparen: Option<At>,
        specs: Vec<Spec>,
        rparen: At,
    },
    Func {
        recv: Option<Fields>,
        name: Sub,
        sig: Box<Sig>,
        body: Option<Box<Block>>,
    },
}

#[derive(Debug)]
pub struct Spec {
    pub kind: SpecKind,
    pub comment: bool,
    pub lo: At,
    pub hi: At,
}

#[derive(Debug)]
pub enum SpecKind {
    Import {
        name: Option<Expr>,
        path: Expr,
    },
    Value {
        names: Vec<Expr>,
        ty: Option<Expr>,
        values: Vec<Expr>,
    },
    Type {
        name: Expr,
        tparams: Option<Fields>,
        alias: bool,
        ty: Expr,
    },
}

/// A whole file. Scripts have no package clause and statements beside declarations.
#[derive(Debug)]
pub struct Root {
    /// The word `package` and the name.
    pub package: Option<(At, Expr)>,
    pub items: Vec<Stmt>,
}

/// How tightly an operator binds, 0 if it is none.
pub fn precedence(op: T) -> u8 {
    use crate::syntax::ast::BinOp;
    match op {
        T::OrOr => 1,
        T::AndAnd => 2,
        T::CmpOp(_) => 3,
        T::Plus | T::Minus | T::Or | T::Xor => 4,
        T::Star | T::And => 5,
        T::MulOp(BinOp::Div | BinOp::Rem | BinOp::Shl | BinOp::Shr | BinOp::AndNot) => 5,
        _ => 0,
    }
}
