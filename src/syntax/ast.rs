//! The syntax tree. All nodes of one package (all its files) live in one [`Ast`] arena
//! and refer to each other by small ids, so dropping is flat, nesting cannot overflow
//! the host's stack, and later passes keep their facts in tables indexed by id.
//!
//! Types are expressions (as in Go's own trees): `*T` is `Unary{Mul}`/`Star`, `[]T`,
//! `map[K]V` etc. have their own variants. Parentheses are kept (`Paren`).

use crate::base::intern::Name;
use crate::base::span::{FileId, Pos, Span};

macro_rules! ids { ($($(#[$m:meta])* $n:ident),*) => { $(
    $(#[$m])*
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
    pub struct $n(pub u32);
    impl $n { pub fn index(self) -> usize { self.0 as usize } }
)* } }
ids! {
    /// Index into [`Ast::exprs`].
    ExprId,
    /// Index into [`Ast::stmts`].
    StmtId,
    /// Index into [`Ast::funcs`]: a function declaration's or literal's signature and body.
    FuncId,
    /// Index into [`Ast::idents`]: one occurrence of an identifier (a definition or a use).
    IdentId
}

/// One occurrence of an identifier.
#[derive(Clone, Copy, Debug)]
pub struct Ident {
    pub name: Name,
    pub span: Span,
}

/// The arena of one package.
#[derive(Debug, Default)]
pub struct Ast {
    pub exprs: Vec<Expr>,
    pub stmts: Vec<Stmt>,
    pub funcs: Vec<Func>,
    pub idents: Vec<Ident>,
    pub files: Vec<File>,
    /// How deep the tree is at its deepest.
    pub depth: u32,
}

/// One source file.
#[derive(Debug)]
pub struct File {
    pub id: FileId,
    /// `package` clause; the parser supplies `main` at `Span::NONE` for clause-less scripts.
    pub package: IdentId,
    pub imports: Vec<ImportSpec>,
    /// Top-level declarations in source order (imports excluded).
    pub decls: Vec<Decl>,
    /// `//go:build go1.N` language downgrade: N if the file has one.
    pub go_version: Option<u32>,
    /// Position of the end of the file.
    pub end: Pos,
}

#[derive(Debug, Clone)]
pub struct ImportSpec {
    /// `name`, `.` or `_` before the path.
    pub alias: Option<IdentId>,
    /// Unquoted path.
    pub path: String,
    pub path_span: Span,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum Decl {
    Const(ConstGroup),
    Var(Vec<VarSpec>),
    Type(Vec<TypeSpec>),
    Func(FuncDecl),
}

/// `const ( ... )` or a single `const`. Implicit repetition is explicit here: a spec
/// without values has `ty: None, values: []` and `inherited: Some(index of the spec it repeats)`.
#[derive(Debug, Clone)]
pub struct ConstGroup {
    pub specs: Vec<ConstSpec>,
}
#[derive(Debug, Clone)]
pub struct ConstSpec {
    pub names: Vec<IdentId>,
    pub ty: Option<ExprId>,
    pub values: Vec<ExprId>,
    /// Value of `iota`.
    pub iota: u32,
    /// Index in the group of the earlier spec whose type and values are repeated.
    pub inherited: Option<usize>,
    pub span: Span,
}
#[derive(Debug, Clone)]
pub struct VarSpec {
    pub names: Vec<IdentId>,
    pub ty: Option<ExprId>,
    pub values: Vec<ExprId>,
    pub span: Span,
}
#[derive(Debug, Clone)]
pub struct TypeSpec {
    pub name: IdentId,
    pub tparams: Vec<TypeParam>,
    /// `type A = B`.
    pub alias: bool,
    pub ty: ExprId,
    pub span: Span,
    /// Doc comment lines directly above, without `//`.
    pub doc: Option<Span>,
}
/// One type parameter (groups are flattened: `A, B any` gives two with the same constraint).
#[derive(Debug, Clone)]
pub struct TypeParam {
    pub name: IdentId,
    /// May be a `Binary{Or}` union of terms, a `Tilde` term, or any type expression.
    pub constraint: ExprId,
}
#[derive(Debug, Clone)]
pub struct FuncDecl {
    pub name: IdentId,
    /// Exactly one parameter for a valid method; kept as written otherwise.
    pub recv: Option<Vec<Param>>,
    /// Span of the receiver's parentheses.
    pub recv_span: Span,
    pub func: FuncId,
    pub span: Span,
    pub doc: Option<Span>,
}

/// Signature and body of a function declaration or literal.
#[derive(Debug, Clone)]
pub struct Func {
    pub tparams: Vec<TypeParam>,
    pub sig: Signature,
    /// None: declared without body (native).
    pub body: Option<Block>,
    pub span: Span,
}
#[derive(Debug, Clone, Default)]
pub struct Signature {
    pub params: Vec<Param>,
    pub results: Vec<Param>,
    pub span: Span,
}
/// One parameter, result or receiver (groups flattened).
#[derive(Debug, Clone)]
pub struct Param {
    pub name: Option<IdentId>,
    pub ty: ExprId,
    /// `...T` (then `ty` is `T`).
    pub variadic: bool,
    pub span: Span,
}
#[derive(Debug, Clone)]
pub struct Block {
    pub stmts: Vec<StmtId>,
    /// From `{` to after `}`.
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LitKind {
    Int,
    Float,
    Imag,
    Char,
    String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    AndNot,
    LAnd,
    LOr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl BinOp {
    /// As written in source.
    pub fn text(self) -> &'static str {
        use BinOp::*;
        match self {
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            Rem => "%",
            And => "&",
            Or => "|",
            Xor => "^",
            Shl => "<<",
            Shr => ">>",
            AndNot => "&^",
            LAnd => "&&",
            LOr => "||",
            Eq => "==",
            Ne => "!=",
            Lt => "<",
            Le => "<=",
            Gt => ">",
            Ge => ">=",
        }
    }
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinOp::Eq | BinOp::Ne | BinOp::Lt | BinOp::Le | BinOp::Gt | BinOp::Ge
        )
    }
    pub fn is_shift(self) -> bool {
        matches!(self, BinOp::Shl | BinOp::Shr)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum UnOp {
    Plus,
    Neg,
    /// `!`
    Not,
    /// `^`
    Xor,
    /// `&`
    Addr,
    /// `<-`
    Recv,
    /// `~T`, valid only in constraints
    Tilde,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ChanDir {
    Both,
    Send,
    Recv,
}

#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A piece that did not parse; already reported.
    Bad,
    Ident(IdentId),
    /// Text is the span's; validated by the lexer.
    Lit(LitKind),
    FuncLit(FuncId),
    /// `T{...}`; `ty` is None for elided inner literals.
    CompositeLit {
        ty: Option<ExprId>,
        elems: Vec<Elem>,
        /// Position of `{`, and of the closing `}`.
        lbrace: Pos,
        rbrace: Pos,
    },
    Paren(ExprId),
    Selector {
        x: ExprId,
        sel: IdentId,
    },
    /// `x[i]` or an instantiation `x[T1, T2]` (at least one index).
    Index {
        x: ExprId,
        indices: Vec<ExprId>,
    },
    Slice {
        x: ExprId,
        lo: Option<ExprId>,
        hi: Option<ExprId>,
        max: Option<ExprId>,
        three: bool,
    },
    /// `x.(T)`; `ty` None is `x.(type)`.
    TypeAssert {
        x: ExprId,
        ty: Option<ExprId>,
    },
    Call {
        fun: ExprId,
        args: Vec<ExprId>,
        /// The last argument is followed by `...`.
        spread: bool,
        /// Position of `(` and `)`.
        lparen: Pos,
        rparen: Pos,
    },
    /// `*x`: dereference or pointer type.
    Star(ExprId),
    Unary {
        op: UnOp,
        x: ExprId,
    },
    Binary {
        op: BinOp,
        x: ExprId,
        y: ExprId,
        op_pos: Pos,
    },

    // Types that are not names, pointers or instantiations.
    ArrayType {
        /// None: `[...]T`.
        len: Option<ExprId>,
        elem: ExprId,
    },
    SliceType(ExprId),
    StructType(Vec<FieldDecl>),
    FuncType(Signature),
    InterfaceType(Vec<InterfaceElem>),
    MapType {
        key: ExprId,
        value: ExprId,
    },
    ChanType {
        dir: ChanDir,
        elem: ExprId,
    },
}

/// One element of a composite literal.
#[derive(Debug, Clone)]
pub struct Elem {
    pub key: Option<ExprId>,
    pub value: ExprId,
}
/// One struct field (groups flattened).
#[derive(Debug, Clone)]
pub struct FieldDecl {
    /// None: embedded.
    pub name: Option<IdentId>,
    pub ty: ExprId,
    /// Unquoted tag.
    pub tag: Option<String>,
    pub span: Span,
}
#[derive(Debug, Clone)]
pub enum InterfaceElem {
    Method {
        name: IdentId,
        sig: Signature,
    },
    /// Embedded type or union (`Binary{Or}` of possibly `Tilde` terms).
    Embed(ExprId),
}

#[derive(Debug, Clone)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BranchKind {
    Break,
    Continue,
    Goto,
    Fallthrough,
}

#[derive(Debug, Clone)]
pub enum StmtKind {
    Bad,
    Empty,
    Expr(ExprId),
    Send {
        chan: ExprId,
        value: ExprId,
        arrow: Pos,
    },
    /// `x++` / `x--`
    IncDec {
        x: ExprId,
        inc: bool,
    },
    /// `=` (op None) or `op=`.
    Assign {
        lhs: Vec<ExprId>,
        rhs: Vec<ExprId>,
        op: Option<BinOp>,
        op_pos: Pos,
    },
    /// `:=`; every lhs is an `Ident` expression (others are reported and dropped by the parser).
    Define {
        lhs: Vec<ExprId>,
        rhs: Vec<ExprId>,
        op_pos: Pos,
    },
    Go(ExprId),
    Defer(ExprId),
    Return(Vec<ExprId>),
    Branch {
        kind: BranchKind,
        label: Option<IdentId>,
    },
    Block(Block),
    If {
        init: Option<StmtId>,
        cond: ExprId,
        then: Block,
        /// A `Block` or `If` statement.
        els: Option<StmtId>,
    },
    Switch {
        init: Option<StmtId>,
        tag: Option<ExprId>,
        cases: Vec<CaseClause>,
        /// Span of the body's braces.
        body: Span,
    },
    TypeSwitch {
        init: Option<StmtId>,
        /// `v :=`
        bind: Option<IdentId>,
        x: ExprId,
        cases: Vec<CaseClause>,
        body: Span,
    },
    Select {
        cases: Vec<CommClause>,
        body: Span,
    },
    For {
        init: Option<StmtId>,
        cond: Option<ExprId>,
        post: Option<StmtId>,
        body: Block,
    },
    Range {
        key: Option<ExprId>,
        value: Option<ExprId>,
        /// `:=` rather than `=`.
        define: bool,
        x: ExprId,
        body: Block,
        /// Position of the `range` keyword.
        range_pos: Pos,
    },
    Labeled {
        label: IdentId,
        stmt: StmtId,
    },
    /// A declaration inside a function (`Decl::Func` does not occur).
    Decl(Decl),
    /// Counts a basic block; added after checking (`cover`).
    Cover(u32),
}

#[derive(Debug, Clone)]
pub struct CaseClause {
    /// Empty with `is_default`.
    pub exprs: Vec<ExprId>,
    pub is_default: bool,
    pub body: Vec<StmtId>,
    pub span: Span,
    /// Position of `:`.
    pub colon: Pos,
}
#[derive(Debug, Clone)]
pub struct CommClause {
    /// None: `default`. Otherwise a Send, Expr(recv), Assign or Define(recv) statement.
    pub comm: Option<StmtId>,
    pub body: Vec<StmtId>,
    pub span: Span,
    pub colon: Pos,
}

impl Ast {
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()]
    }
    pub fn stmt(&self, id: StmtId) -> &Stmt {
        &self.stmts[id.index()]
    }
    pub fn func(&self, id: FuncId) -> &Func {
        &self.funcs[id.index()]
    }
    pub fn ident(&self, id: IdentId) -> Ident {
        self.idents[id.index()]
    }
    pub fn name(&self, id: IdentId) -> Name {
        self.idents[id.index()].name
    }
    pub fn add_expr(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.exprs.push(Expr { kind, span });
        ExprId(self.exprs.len() as u32 - 1)
    }
    pub fn add_stmt(&mut self, kind: StmtKind, span: Span) -> StmtId {
        self.stmts.push(Stmt { kind, span });
        StmtId(self.stmts.len() as u32 - 1)
    }
    pub fn add_func(&mut self, func: Func) -> FuncId {
        self.funcs.push(func);
        FuncId(self.funcs.len() as u32 - 1)
    }
    pub fn add_ident(&mut self, name: Name, span: Span) -> IdentId {
        self.idents.push(Ident { name, span });
        IdentId(self.idents.len() as u32 - 1)
    }
    /// The expression without enclosing parentheses.
    pub fn unparen(&self, mut id: ExprId) -> ExprId {
        while let ExprKind::Paren(x) = self.expr(id).kind {
            id = x;
        }
        id
    }
}
