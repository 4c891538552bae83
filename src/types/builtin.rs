//! Calls of builtin functions.

use super::call::CallParts;
use super::check::Checker;
use super::constant::{self, Const};
use super::info::Mode;
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::{self, basic};
use crate::syntax::ast::{BinOp, ChanDir, ExprId, ExprKind};

/// Name, least number of arguments, whether more are allowed.
fn shape(b: Builtin) -> (&'static str, usize, bool) {
    use Builtin::*;
    match b {
        Append => ("append", 1, true),
        Cap => ("cap", 1, false),
        Clear => ("clear", 1, false),
        Close => ("close", 1, false),
        Complex => ("complex", 2, false),
        Copy => ("copy", 2, false),
        Delete => ("delete", 2, false),
        Imag => ("imag", 1, false),
        Len => ("len", 1, false),
        Make => ("make", 1, true),
        Max => ("max", 1, true),
        Min => ("min", 1, true),
        New => ("new", 1, false),
        Panic => ("panic", 1, false),
        Print => ("print", 0, true),
        Println => ("println", 0, true),
        Real => ("real", 1, false),
        Recover => ("recover", 0, false),
        UnsafeAdd => ("Add", 2, false),
        UnsafeAlignof => ("Alignof", 1, false),
        UnsafeOffsetof => ("Offsetof", 1, false),
        UnsafeSizeof => ("Sizeof", 1, false),
        UnsafeSlice => ("Slice", 2, false),
        UnsafeSliceData => ("SliceData", 1, false),
        UnsafeString => ("String", 2, false),
        UnsafeStringData => ("StringData", 1, false),
    }
}

impl Checker<'_> {
    pub(super) fn builtin(&mut self, call: &CallParts, b: Builtin, args: &[ExprId]) -> Operand {
        let e = call.e;
        let bad = Operand::invalid(Some(e));
        let (name, least, more) = shape(b);
        if call.spread && b != Builtin::Append {
            let m = format!("invalid operation: invalid use of ... with built-in {name}");
            self.err("InvalidDotDotDot", self.espan(e), m);
            self.use_exprs(args);
            return bad;
        }
        // Types and unevaluated operands are looked at by the builtins themselves.
        let own = matches!(b, Builtin::Make | Builtin::New | Builtin::UnsafeOffsetof);
        let had_call = std::mem::replace(&mut self.env.has_call, false);
        let mut xs = if own { Vec::new() } else { self.arg_list(args) };
        let arg_calls = self.env.has_call;
        self.env.has_call |= had_call;
        if xs.iter().any(Operand::is_invalid) {
            return bad;
        }
        let n = if own { args.len() } else { xs.len() };
        let problem = if n < least {
            Some("not enough")
        } else if !more && n > least {
            Some("too many")
        } else {
            None
        };
        if let Some(p) = problem {
            let m = format!(
                "invalid operation: {p} arguments for {} (expected {least}, found {n})",
                self.estr(e)
            );
            self.err("WrongArgCount", self.espan(e), m);
            if own {
                self.use_exprs(args);
            }
            return bad;
        }
        let value = |t: Ty| Operand::new(Mode::Value, t, Some(e));
        let none = || Operand::new(Mode::NoValue, universe::empty_tuple(), Some(e));
        match b {
            Builtin::Append => self.append(call, xs),
            Builtin::Len | Builtin::Cap => self.length(e, b, &mut xs[0], arg_calls),
            Builtin::Clear => {
                let ok = all(xs[0].ty, &|t| {
                    matches!(underlying(t).0, Type::Map(..) | Type::Slice(_))
                });
                if !ok || xs[0].is_nil() {
                    let m = format!(
                        "invalid argument: cannot clear {}: argument must be (or constrained by) map or slice",
                        self.describe(&xs[0])
                    );
                    self.err("InvalidClear", self.ospan(&xs[0]), m);
                    return bad;
                }
                none()
            }
            Builtin::Close => {
                let what = match core_type(xs[0].ty).map(|t| t.0) {
                    Some(Type::Chan(ChanDir::Recv, _)) => "receive-only channel",
                    Some(Type::Chan(..)) => return none(),
                    _ => "non-channel",
                };
                let m = format!(
                    "invalid operation: cannot close {what} {}",
                    self.describe(&xs[0])
                );
                self.err("InvalidClose", self.ospan(&xs[0]), m);
                bad
            }
            Builtin::Complex => self.complex(e, xs),
            Builtin::Real | Builtin::Imag => self.real_imag(e, b, &mut xs[0]),
            Builtin::Copy => self.copy(e, &mut xs),
            Builtin::Delete => {
                let Some(Type::Map(k, _)) = core_type(xs[0].ty).map(|t| t.0) else {
                    let m = format!("invalid argument: {} is not a map", self.describe(&xs[0]));
                    self.err("InvalidDelete", self.ospan(&xs[0]), m);
                    return bad;
                };
                self.assignment(&mut xs[1], Some(*k), "argument to delete");
                if xs[1].is_invalid() { bad } else { none() }
            }
            Builtin::Make => self.make(e, args),
            Builtin::Max | Builtin::Min => self.min_max(e, b, xs),
            Builtin::New => {
                let mut x = self.expr_or_type(args[0]);
                match x.mode {
                    Mode::Invalid => return bad,
                    Mode::TypeExpr => {
                        let (t, span) = (x.ty, self.espan(args[0]));
                        self.later(move |c| c.check_var_type(t, span));
                    }
                    _ => {
                        self.assignment(&mut x, None, "argument to new");
                        if x.is_invalid() {
                            return bad;
                        }
                    }
                }
                value(Ty::new(Type::Pointer(x.ty)))
            }
            Builtin::Panic => {
                self.assignment(&mut xs[0], Some(universe::any_ty()), "argument to panic");
                if xs[0].is_invalid() { bad } else { none() }
            }
            Builtin::Print | Builtin::Println => {
                let ctx = format!("argument to built-in {name}");
                for x in &mut xs {
                    self.assignment(x, None, &ctx);
                    if x.is_invalid() {
                        return bad;
                    }
                }
                none()
            }
            Builtin::Recover => value(universe::any_ty()),
            Builtin::UnsafeAlignof | Builtin::UnsafeSizeof => {
                let ctx = format!("argument to unsafe.{name}");
                self.assignment(&mut xs[0], None, &ctx);
                if xs[0].is_invalid() {
                    return bad;
                }
                let t = xs[0].ty;
                let n = if b == Builtin::UnsafeSizeof {
                    super::sizes::size_of(t)
                } else {
                    super::sizes::align_of(t)
                };
                self.size_result(e, n)
            }
            Builtin::UnsafeOffsetof => self.offsetof(e, args[0]),
            Builtin::UnsafeAdd => {
                let up = basic(Basic::UnsafePointer);
                self.assignment(&mut xs[0], Some(up), "argument to unsafe.Add");
                if xs[0].is_invalid() {
                    return bad;
                }
                self.convert_untyped(&mut xs[1], basic(Basic::Int));
                if !xs[1].is_invalid() && !all_integer(xs[1].ty) {
                    let m = format!(
                        "invalid argument: {} must be integer",
                        self.describe(&xs[1])
                    );
                    self.err("InvalidUnsafeAdd", self.ospan(&xs[1]), m);
                    return bad;
                }
                value(up)
            }
            Builtin::UnsafeSlice => match core_type(xs[0].ty).map(|t| t.0) {
                Some(Type::Pointer(elem)) => {
                    if !self.valid_index(&mut xs[1], "length") {
                        return bad;
                    }
                    value(Ty::new(Type::Slice(*elem)))
                }
                _ => {
                    let m = format!(
                        "invalid argument: {} is not a pointer",
                        self.describe(&xs[0])
                    );
                    self.err("InvalidUnsafeSlice", self.ospan(&xs[0]), m);
                    bad
                }
            },
            Builtin::UnsafeSliceData => match core_type(xs[0].ty).map(|t| t.0) {
                Some(Type::Slice(elem)) => value(Ty::new(Type::Pointer(*elem))),
                _ => {
                    let m = format!("invalid argument: {} is not a slice", self.describe(&xs[0]));
                    self.err("InvalidUnsafeSliceData", self.ospan(&xs[0]), m);
                    bad
                }
            },
            Builtin::UnsafeString => {
                let p = Ty::new(Type::Pointer(universe::byte_ty()));
                self.assignment(&mut xs[0], Some(p), "argument to unsafe.String");
                if xs[0].is_invalid() || !self.valid_index(&mut xs[1], "length") {
                    return bad;
                }
                value(basic(Basic::String))
            }
            Builtin::UnsafeStringData => {
                let s = basic(Basic::String);
                self.assignment(&mut xs[0], Some(s), "argument to unsafe.StringData");
                if xs[0].is_invalid() {
                    return bad;
                }
                value(Ty::new(Type::Pointer(universe::byte_ty())))
            }
        }
    }

    /// A constant of type uintptr, or a value when it depends on type parameters.
    fn size_result(&mut self, e: ExprId, n: Option<i64>) -> Operand {
        let t = basic(Basic::Uintptr);
        match n {
            Some(n) => {
                let mut x = Operand::new(Mode::Constant, t, Some(e));
                x.val = Some(Const::from_i64(n));
                x
            }
            None => Operand::new(Mode::Value, t, Some(e)),
        }
    }

    fn offsetof(&mut self, e: ExprId, arg: ExprId) -> Operand {
        let inner = self.ast.unparen(arg);
        let ExprKind::Selector { .. } = self.ast.expr(inner).kind else {
            self.use_exprs(&[arg]);
            let m = format!(
                "invalid argument: {} is not a selector expression",
                self.estr(arg)
            );
            self.err("BadOffsetofSyntax", self.espan(arg), m);
            return Operand::invalid(Some(e));
        };
        let x = self.expr(arg, None);
        if x.is_invalid() {
            return Operand::invalid(Some(e));
        }
        let Some(sel) = self.info.selections.get(&inner).cloned() else {
            let m = format!(
                "invalid argument: {} is not a selector expression",
                self.estr(arg)
            );
            self.err("BadOffsetofSyntax", self.espan(arg), m);
            return Operand::invalid(Some(e));
        };
        if sel.kind != super::info::SelKind::Field {
            let m = format!("invalid argument: {} is a method value", self.estr(arg));
            self.err("InvalidOffsetof", self.espan(arg), m);
            return Operand::invalid(Some(e));
        }
        let (base, _) = deref(sel.recv);
        let mut total = Some(0);
        let mut at = base;
        for (step, &i) in sel.path.iter().enumerate() {
            let t = match underlying(at).0 {
                Type::Pointer(b) => {
                    if step > 0 {
                        let m = format!(
                            "invalid argument: field {} is embedded via a pointer in {}",
                            self.estr(arg),
                            self.tstr(base)
                        );
                        self.err("InvalidOffsetof", self.espan(arg), m);
                        return Operand::invalid(Some(e));
                    }
                    *b
                }
                _ => at,
            };
            let Some(fields) = as_struct(t) else { break };
            let off = super::sizes::field_offset(fields, i);
            total = match (total, off) {
                (Some(a), Some(b)) => Some(a + b),
                _ => None,
            };
            let Some(f) = fields.get(i) else { break };
            at = f.ty;
        }
        self.size_result(e, total)
    }

    fn append(&mut self, call: &CallParts, mut xs: Vec<Operand>) -> Operand {
        let e = call.e;
        let s = xs[0].ty;
        if xs[0].is_nil() {
            let m = "invalid append: argument must be a slice; have untyped nil";
            self.err("InvalidAppend", self.ospan(&xs[0]), m);
            return Operand::invalid(Some(e));
        }
        let Some(Type::Slice(elem)) = core_type(s).map(|t| t.0) else {
            let m = format!(
                "invalid append: argument must be a slice; have {}",
                self.describe(&xs[0])
            );
            self.err("InvalidAppend", self.ospan(&xs[0]), m);
            return Operand::invalid(Some(e));
        };
        // append([]byte, "..."...)
        if call.spread
            && xs.len() == 2
            && matches!(underlying(*elem).0, Type::Basic(Basic::Uint8, _))
            && core_string(xs[1].ty).is_some_and(is_string)
            && !xs[1].is_nil()
        {
            if is_untyped(xs[1].ty) {
                self.convert_untyped(&mut xs[1], basic(Basic::String));
            }
            return Operand::new(Mode::Value, s, Some(e));
        }
        let param = |ty: Ty| Param {
            name: crate::base::intern::Name::EMPTY,
            ty,
        };
        let sig = Signature {
            params: vec![param(s), param(Ty::new(Type::Slice(*elem)))],
            results: vec![param(s)],
            variadic: true,
            ..Signature::default()
        };
        // The result is a slice whatever becomes of the other arguments.
        self.arguments(call, &sig, None, xs, Some("argument to append"));
        Operand::new(Mode::Value, s, Some(e))
    }

    fn length(&mut self, e: ExprId, b: Builtin, x: &mut Operand, arg_calls: bool) -> Operand {
        let is_len = b == Builtin::Len;
        let mut r = Operand::new(Mode::Value, basic(Basic::Int), Some(e));
        let fits = |t: Ty| -> bool {
            let u = match underlying(t).0 {
                Type::Pointer(p) if matches!(underlying(*p).0, Type::Array(..)) => underlying(*p),
                _ => underlying(t),
            };
            match u.0 {
                Type::Basic(..) => is_len && is_string(u),
                Type::Array(..) | Type::Slice(_) | Type::Chan(..) => true,
                Type::Map(..) => is_len,
                _ => false,
            }
        };
        let mut ok = !x.is_nil() && all(x.ty, &fits);
        if ok && is_type_param(x.ty) {
            ok = type_set_types(x.ty).is_some();
        }
        if !ok {
            if is_valid(x.ty) {
                let name = if is_len { "len" } else { "cap" };
                let m = format!("invalid argument: {} for built-in {name}", self.describe(x));
                self.err(
                    if is_len { "InvalidLen" } else { "InvalidCap" },
                    self.ospan(x),
                    m,
                );
            }
            return Operand::invalid(Some(e));
        }
        if is_type_param(x.ty) {
            return r;
        }
        let u = match underlying(x.ty).0 {
            Type::Pointer(p) => underlying(*p),
            _ => underlying(x.ty),
        };
        match (u.0, &x.val) {
            (Type::Basic(..), Some(Const::Str(s))) if x.mode == Mode::Constant => {
                r.mode = Mode::Constant;
                r.val = Some(Const::from_i64(s.len() as i64));
            }
            (Type::Array(_, n), _) if !arg_calls => {
                r.mode = Mode::Constant;
                r.val = Some(Const::from_i64((*n).max(0)));
            }
            _ => {}
        }
        if is_untyped(x.ty) && is_string(x.ty) {
            self.convert_untyped(x, basic(Basic::String));
        }
        r
    }

    fn complex(&mut self, e: ExprId, mut xs: Vec<Operand>) -> Operand {
        let bad = Operand::invalid(Some(e));
        let (Some(mut y), Some(mut x)) = (xs.pop(), xs.pop()) else {
            return bad;
        };
        // Untyped operands take the other's type; two untyped constants become floats.
        match (is_untyped(x.ty), is_untyped(y.ty)) {
            (false, true) => {
                let t = x.ty;
                self.convert_untyped(&mut y, t);
            }
            (true, false) => {
                let t = y.ty;
                self.convert_untyped(&mut x, t);
            }
            (true, true) => {
                let both = x.mode == Mode::Constant && y.mode == Mode::Constant;
                let t = if both {
                    basic(Basic::UntypedFloat)
                } else {
                    basic(Basic::Float64)
                };
                for o in [&mut x, &mut y] {
                    if !both {
                        self.convert_untyped(o, t);
                    } else if is_numeric(o.ty)
                        && let Some(v) = o.val.as_ref().and_then(Const::to_float)
                    {
                        o.val = Some(v);
                        o.ty = t;
                    }
                }
            }
            _ => {}
        }
        if x.is_invalid() || y.is_invalid() {
            return bad;
        }
        if !identical(x.ty, y.ty) {
            let m = format!(
                "invalid operation: {} (mismatched types {} and {})",
                self.estr(e),
                self.tstr(x.ty),
                self.tstr(y.ty)
            );
            self.err("InvalidComplex", self.ospan(&x), m);
            return bad;
        }
        let result = match basic_kind(x.ty) {
            Some(Basic::Float32) => Basic::Complex64,
            Some(Basic::Float64) => Basic::Complex128,
            Some(Basic::UntypedFloat) => Basic::UntypedComplex,
            _ => {
                let m = format!(
                    "invalid argument: arguments have type {}, expected floating-point",
                    self.tstr(x.ty)
                );
                self.err("InvalidComplex", self.ospan(&x), m);
                return bad;
            }
        };
        let mut r = Operand::new(Mode::Value, basic(result), Some(e));
        if let (Mode::Constant, Mode::Constant, Some(a), Some(b)) = (x.mode, y.mode, &x.val, &y.val)
        {
            r.mode = Mode::Constant;
            // a + b*i
            let i = constant::binary(
                BinOp::Mul,
                b,
                &Const::parse_imag("1i").unwrap_or(Const::from_i64(0)),
                false,
            );
            r.val = i
                .and_then(|i| constant::binary(BinOp::Add, a, &i, false))
                .ok()
                .and_then(|c| c.to_complex());
        }
        r
    }

    fn real_imag(&mut self, e: ExprId, b: Builtin, x: &mut Operand) -> Operand {
        if is_untyped(x.ty) {
            if x.mode == Mode::Constant {
                if is_numeric(x.ty) {
                    x.ty = basic(Basic::UntypedComplex);
                }
            } else if is_numeric(x.ty) {
                self.convert_untyped(x, basic(Basic::Complex128));
                if x.is_invalid() {
                    return Operand::invalid(Some(e));
                }
            }
        }
        let result = match basic_kind(x.ty) {
            Some(Basic::Complex64) => Basic::Float32,
            Some(Basic::Complex128) => Basic::Float64,
            Some(Basic::UntypedComplex) => Basic::UntypedFloat,
            _ => {
                let m = format!(
                    "invalid argument: argument has type {}, expected complex type",
                    self.tstr(x.ty)
                );
                self.err("InvalidReal", self.ospan(x), m);
                return Operand::invalid(Some(e));
            }
        };
        let mut r = Operand::new(Mode::Value, basic(result), Some(e));
        if x.mode == Mode::Constant
            && let Some(v) = &x.val
        {
            r.mode = Mode::Constant;
            r.val = if b == Builtin::Real {
                v.real()
            } else {
                v.imag()
            };
        }
        r
    }

    fn copy(&mut self, e: ExprId, xs: &mut [Operand]) -> Operand {
        let bad = Operand::invalid(Some(e));
        let elem = |t: Ty| match core_string(t).map(|t| t.0) {
            Some(Type::Slice(el)) => Some(*el),
            Some(Type::Basic(Basic::String | Basic::UntypedString, _)) => Some(universe::byte_ty()),
            _ => None,
        };
        let dst = match core_type(xs[0].ty).map(|t| t.0) {
            Some(Type::Slice(el)) if !xs[0].is_nil() => Some(*el),
            _ => None,
        };
        let src = if xs[1].is_nil() { None } else { elem(xs[1].ty) };
        let (Some(d), Some(s)) = (dst, src) else {
            let x = if dst.is_none() { &xs[0] } else { &xs[1] };
            let have = if x.is_nil() {
                "untyped nil".to_string()
            } else {
                self.describe(x)
            };
            let m = format!("invalid copy: argument must be a slice; have {have}");
            self.err("InvalidCopy", self.ospan(x), m);
            return bad;
        };
        if !identical(d, s) {
            let m = format!(
                "invalid copy: arguments {} and {} have different element types {} and {}",
                self.describe(&xs[0]),
                self.describe(&xs[1]),
                self.tstr(d),
                self.tstr(s)
            );
            self.err("InvalidCopy", self.ospan(&xs[0]), m);
            return bad;
        }
        if is_untyped(xs[1].ty) {
            self.convert_untyped(&mut xs[1], basic(Basic::String));
        }
        Operand::new(Mode::Value, basic(Basic::Int), Some(e))
    }

    fn make(&mut self, e: ExprId, args: &[ExprId]) -> Operand {
        let bad = Operand::invalid(Some(e));
        let t = self.var_type(args[0]);
        if !is_valid(t) {
            self.use_exprs(&args[1..]);
            return bad;
        }
        let least = match core_type(t).map(|u| u.0) {
            Some(Type::Slice(_)) => 2,
            Some(Type::Map(..) | Type::Chan(..)) => 1,
            c => {
                let why = if c.is_none() {
                    "no specific type"
                } else {
                    "type must be slice, map, or channel"
                };
                let m = format!(
                    "invalid argument: cannot make {}: {why}",
                    self.estr(args[0])
                );
                self.err("InvalidMake", self.espan(args[0]), m);
                self.use_exprs(&args[1..]);
                return bad;
            }
        };
        if args.len() < least || args.len() > least + 1 {
            let m = format!(
                "invalid operation: {} expects {least} or {} arguments; found {}",
                self.estr(e),
                least + 1,
                args.len()
            );
            self.err("WrongArgCount", self.espan(e), m);
            self.use_exprs(&args[1..]);
            return bad;
        }
        let mut sizes = Vec::new();
        for &a in &args[1..] {
            let mut x = self.expr(a, None);
            if self.make_size(&mut x)
                && x.mode == Mode::Constant
                && let Some(v) = x.val.as_ref().and_then(Const::to_i64)
            {
                sizes.push(v);
            }
        }
        if let [a, b] = sizes[..]
            && a > b
        {
            self.err(
                "SwappedMakeArgs",
                self.espan(args[1]),
                "invalid argument: length and capacity swapped",
            );
        }
        Operand::new(Mode::Value, t, Some(e))
    }

    /// Sizes may also be untyped floats with integer values.
    fn make_size(&mut self, x: &mut Operand) -> bool {
        self.valid_index(x, "index")
    }

    fn min_max(&mut self, e: ExprId, b: Builtin, xs: Vec<Operand>) -> Operand {
        let bad = Operand::invalid(Some(e));
        let op = if b == Builtin::Max {
            BinOp::Gt
        } else {
            BinOp::Lt
        };
        for x in &xs {
            if x.is_nil() || !all_ordered(x.ty) {
                let m = format!("invalid argument: {} cannot be ordered", self.describe(x));
                self.err("InvalidMinMaxOperand", self.ospan(x), m);
                return bad;
            }
        }
        let exprs: Vec<Option<ExprId>> = xs.iter().map(|x| x.expr).collect();
        let mut it = xs.into_iter();
        let Some(mut x) = it.next() else { return bad };
        for mut a in it {
            self.match_types(&mut x, &mut a, false);
            if x.is_invalid() || a.is_invalid() {
                return bad;
            }
            if !identical(x.ty, a.ty) {
                let m = format!(
                    "invalid argument: mismatched types {} (previous argument) and {} (type of {})",
                    self.tstr(x.ty),
                    self.tstr(a.ty),
                    self.oexpr(&a)
                );
                self.err("MismatchedTypes", self.ospan(&a), m);
                return bad;
            }
            if let (Mode::Constant, Mode::Constant, Some(p), Some(q)) =
                (x.mode, a.mode, &x.val, &a.val)
            {
                if constant::compare(op, q, p) {
                    x.val = a.val;
                }
            } else {
                x.mode = Mode::Value;
                x.val = None;
            }
        }
        if x.mode != Mode::Constant {
            x.mode = Mode::Value;
            // Untyped results of non-constant operands have their default type.
            let t = default_type(x.ty);
            x.ty = t;
        }
        let t = x.ty;
        if is_typed(t) {
            for a in exprs.into_iter().flatten() {
                self.update_expr_type(a, t, true);
            }
        }
        x.expr = Some(e);
        x.text = None;
        x
    }
}
