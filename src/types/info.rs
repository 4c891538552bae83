//! What the checker found out about one package: tables indexed by syntax ids.
//! Lowering reads these and nothing else of the checker.
//!
//! Inside generic functions the recorded types mention type parameters; lowering
//! substitutes them per instance.

use rustc_hash::FxHashMap as HashMap;

use super::constant::Const;
use super::ty::{Builtin, Obj, Pkg, Ty};
use crate::syntax::ast::{Ast, ExprId, FuncId, IdentId, StmtId};

/// What an expression denotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Not visited, or erroneous.
    #[default]
    Invalid,
    /// A call without results used as a statement.
    NoValue,
    Builtin(Builtin),
    TypeExpr,
    /// `value` is set.
    Constant,
    /// Addressable variable.
    Variable,
    /// `m[k]`: not addressable, assignable, comma-ok.
    MapIndex,
    /// A computed value.
    Value,
    /// `nil`, converted to `ty` when context gives a type.
    Nil,
    /// A value that may be used with comma-ok (type assertion, channel receive).
    CommaOk,
}

#[derive(Clone, Debug, Default)]
pub struct TypeAndValue {
    pub mode: Mode,
    /// Final type: untyped operands carry the type they were converted to by context
    /// (so `var x float64 = 1` records float64 for the literal); an untyped value converted
    /// to an interface carries its default type. A comma-ok form `v, ok := <-c` records a
    /// `Tuple` of (value type, bool type) here.
    pub ty: Option<Ty>,
    pub value: Option<Const>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SelKind {
    /// `x.f`
    Field,
    /// `x.m` bound to a receiver (called or as a value).
    Method,
    /// `T.m`
    MethodExpr,
}
/// A resolved selector `x.sel` that is not a qualified identifier (those are plain `uses`).
#[derive(Clone, Debug)]
pub struct Selection {
    pub kind: SelKind,
    /// Type of `x` (for MethodExpr: the type `T`).
    pub recv: Ty,
    /// Struct field indices walked from `recv` (auto-dereferencing pointers), the last one
    /// being the field itself for Field; for methods only the embedded fields walked.
    pub path: Vec<usize>,
    /// The method's object when declared on a concrete type (of the origin type for
    /// instances); None for interface methods and methods of type parameters.
    pub method: Option<Obj>,
    /// Type of the selected field, or the method's signature without receiver
    /// (MethodExpr: with the receiver as first parameter).
    pub ty: Ty,
}

/// One step of package initialisation: `lhs... = rhs`, in dependency order.
#[derive(Clone, Debug)]
pub struct InitStep {
    /// Package variables (blank ones included as their own objects).
    pub lhs: Vec<Obj>,
    pub rhs: ExprId,
}

/// The checked package.
#[derive(Debug)]
pub struct Info {
    pub pkg: Pkg,
    /// By `ExprId`.
    pub types: Vec<TypeAndValue>,
    /// By `IdentId`: the object an identifier declares. (The symbolic variable of a type
    /// switch has no entry here: see `implicits`.)
    pub defs: Vec<Option<Obj>>,
    /// By `IdentId`: the object an identifier refers to. In `x := 1` that reuses an existing
    /// `x`, the identifier is a use.
    pub uses: Vec<Option<Obj>>,
    /// By selector expression.
    pub selections: HashMap<ExprId, Selection>,
    /// Instantiated generic functions: by the identifier that names the function, its type
    /// arguments (inferred or given).
    pub instances: HashMap<IdentId, Vec<Ty>>,
    /// Variable declared by clause number `usize` of a type switch with a binding.
    pub implicits: HashMap<(StmtId, usize), Obj>,
    /// By `ast::FuncId`: the signature type of each declared function and literal.
    pub func_types: Vec<Option<Ty>>,
    /// By `ast::FuncId`: parameter objects (receiver first for methods), then results;
    /// unnamed and blank ones have objects too.
    pub func_params: Vec<Vec<Obj>>,
    pub func_results: Vec<Vec<Obj>>,
    /// Package variable initialisation in order.
    pub init_order: Vec<InitStep>,
    /// `init` functions in source order.
    pub inits: Vec<FuncId>,
    /// All package-level functions and methods with their AST function.
    pub funcs: Vec<(Obj, FuncId)>,
    /// All package-level variables.
    pub vars: Vec<Obj>,
}

/// A package ready for lowering.
pub struct CheckedPackage {
    pub ast: Ast,
    pub info: Info,
    /// Functions whose bodies were left out, with what the loader knows them by.
    pub later: HashMap<FuncId, u32>,
}

impl CheckedPackage {
    /// A package with all its bodies.
    pub fn new(ast: Ast, info: Info) -> CheckedPackage {
        let later = HashMap::default();
        CheckedPackage { ast, info, later }
    }
}
