//! Composite literals.

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::BTreeMap;

use super::check::Checker;
use super::info::{Mode, SelKind, Selection};
use super::lookup::{Lookup, lookup, lookup_fold};
use super::operand::{Operand, is_valid};
use super::predicates::*;
use super::ty::*;
use super::universe::basic;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::base::span::{Pos, Span};
use crate::syntax::ast::{Elem, ExprId, ExprKind};

impl Checker<'_> {
    pub(super) fn composite_lit(
        &mut self,
        e: ExprId,
        ty: Option<ExprId>,
        elems: &[Elem],
        rbrace: Pos,
        hint: Option<Ty>,
    ) -> Operand {
        let mut open_array = None;
        let (mut typ, base) = match ty {
            Some(te) => {
                if let ExprKind::ArrayType { len: None, elem } = self.ast.expr(te).kind {
                    let el = self.var_type(elem);
                    open_array = Some((te, el));
                    let t = Ty::new(Type::Array(el, -1));
                    (t, t)
                } else {
                    let t = self.typ(te);
                    (t, t)
                }
            }
            None => match hint {
                Some(h) => {
                    let base = match core_type(h).map(|t| t.0) {
                        Some(Type::Pointer(b)) => *b,
                        _ => h,
                    };
                    (h, base)
                }
                None => {
                    self.err(
                        "UntypedLit",
                        self.espan(e),
                        "invalid composite literal type: missing type",
                    );
                    self.use_elems(elems);
                    return Operand::invalid(Some(e));
                }
            },
        };
        if !is_valid(base) || !is_valid(underlying(base)) {
            self.use_elems(elems);
            return Operand::invalid(Some(e));
        }
        match core_type(base).map(|t| t.0) {
            Some(Type::Struct(fields)) => {
                // The fields of a type parameter's common type.
                let of = match core_type(base) {
                    Some(core) if is_type_param(base) => core,
                    _ => base,
                };
                self.struct_lit(of, fields, elems, rbrace);
            }
            Some(Type::Array(elem, n)) => {
                let len = self.indexed_elems(elems, *elem, *n);
                if let Some((te, el)) = open_array {
                    typ = Ty::new(Type::Array(el, len));
                    self.record_type(te, typ);
                }
            }
            Some(Type::Slice(elem)) => {
                self.indexed_elems(elems, *elem, -1);
            }
            Some(Type::Map(k, v)) => self.map_lit(elems, *k, *v),
            c => {
                self.use_elems(elems);
                let element = if ty.is_none() { " element" } else { "" };
                let mut m = format!("invalid composite literal{element} type {}", self.tstr(typ));
                if c.is_none() && matches!(base.0, Type::TypeParam(_)) {
                    m += " (no common underlying type)";
                }
                self.err("InvalidLit", self.espan(e), m);
                return Operand::invalid(Some(e));
            }
        }
        Operand::new(Mode::Value, typ, Some(e))
    }

    fn use_elems(&mut self, elems: &[Elem]) {
        for el in elems {
            if let Some(k) = el.key
                && !matches!(self.ast.expr(k).kind, ExprKind::Ident(_))
                && !self.untyped_lit(k)
            {
                self.use_exprs(&[k]);
            }
            if !self.untyped_lit(el.value) {
                self.use_exprs(&[el.value]);
            }
        }
    }
    /// `{…}` without a type cannot be checked on its own.
    fn untyped_lit(&self, e: ExprId) -> bool {
        matches!(
            self.ast.expr(e).kind,
            ExprKind::CompositeLit { ty: None, .. }
        )
    }

    fn struct_lit(&mut self, base: Ty, fields: &[Field], elems: &[Elem], rbrace: Pos) {
        let Some(first) = elems.first() else { return };
        if first.key.is_some() {
            let mut set: BTreeMap<Vec<usize>, Name> = BTreeMap::new();
            for el in elems {
                let Some(k) = el.key else {
                    self.err(
                        "MixedStructLit",
                        self.espan(el.value),
                        "mixture of field:value and value elements in struct literal",
                    );
                    self.use_elems(std::slice::from_ref(el));
                    continue;
                };
                let ExprKind::Ident(id) = self.ast.expr(k).kind else {
                    let m = format!("invalid field name {} in struct literal", self.estr(k));
                    self.err("InvalidLitField", self.espan(k), m);
                    if !self.untyped_lit(el.value) {
                        self.use_exprs(&[el.value]);
                    }
                    continue;
                };
                let name = self.ast.name(id);
                let found = match lookup(base, false, Some(self.pkg), name) {
                    Lookup::Field { path, field, .. } if !name.is_blank() => Some((path, field)),
                    _ => None,
                };
                let Some((path, field)) = found else {
                    let m = self.unknown_field(fields, name, base);
                    let d = Diagnostic::error("MissingLitField", self.espan(k), m);
                    let d = self.hint_field(d, base, name);
                    self.report(d);
                    self.use_elems(std::slice::from_ref(el));
                    continue;
                };
                if through_pointer(base, &path) {
                    let m = format!("invalid implicit pointer indirection to reach {name}");
                    self.err("InvalidLitField", self.espan(k), m);
                    if !self.untyped_lit(el.value) {
                        self.use_exprs(&[el.value]);
                    }
                    continue;
                }
                // Fields of embedded structs may be named directly, but not together with
                // the struct that holds them.
                let whole = (1..path.len()).find_map(|n| set.get(&path[..n]));
                let clash = if set.contains_key(&path) {
                    Some(format!("duplicate field name {name} in struct literal"))
                } else if let Some(n) = whole {
                    Some(format!(
                        "cannot specify promoted field {name} and enclosing embedded field {n}"
                    ))
                } else {
                    // Paths that go on from this one follow it in order.
                    let mut after = set.range(path.clone()..);
                    after.next().filter(|(p, _)| p.starts_with(&path)).map(|(_, n)| {
                        format!(
                            "cannot specify embedded field {name} and enclosed promoted field {n}"
                        )
                    })
                };
                if let Some(m) = clash {
                    self.err("DuplicateLitField", self.espan(k), m);
                }
                set.insert(path.clone(), name);
                let t = field.ty;
                self.record(k, Mode::Variable, Some(t), None);
                let selection = Selection {
                    kind: SelKind::Field,
                    recv: base,
                    path,
                    method: None,
                    ty: t,
                };
                self.info.selections.insert(k, selection);
                let mut x = self.expr(el.value, Some(t));
                self.assignment(&mut x, Some(t), "struct literal");
            }
            return;
        }
        for (i, el) in elems.iter().enumerate() {
            if el.key.is_some() {
                self.err(
                    "MixedStructLit",
                    self.espan(el.key.unwrap_or(el.value)),
                    "mixture of field:value and value elements in struct literal",
                );
                self.use_elems(std::slice::from_ref(el));
                continue;
            }
            let Some(f) = fields.get(i) else {
                let x = self.expr(el.value, None);
                if !x.is_invalid() {
                    let m = format!(
                        "too many values in struct literal of type {}",
                        self.tstr(base)
                    );
                    self.err("InvalidStructLit", self.espan(el.value), m);
                }
                for rest in &elems[i + 1..] {
                    self.use_elems(std::slice::from_ref(rest));
                }
                return;
            };
            let mut x = self.expr(el.value, Some(f.ty));
            if !f.name.is_exported() && f.pkg != Some(self.pkg) {
                let m = format!(
                    "implicit assignment to unexported field {} in struct literal of type {}",
                    f.name,
                    self.tstr(base)
                );
                self.err("UnexportedLitField", self.espan(el.value), m);
                continue;
            }
            self.assignment(&mut x, Some(f.ty), "struct literal");
        }
        if elems.len() < fields.len() {
            let m = format!(
                "too few values in struct literal of type {}",
                self.tstr(base)
            );
            self.err("InvalidStructLit", Span::at(rbrace), m);
        }
    }

    fn unknown_field(&self, fields: &[Field], name: Name, base: Ty) -> String {
        let t = self.tstr(base);
        let other = match lookup_fold(base, false, name) {
            Lookup::Field { field, .. } if field.name != name => Some(field),
            _ => None,
        };
        let hidden = fields
            .iter()
            .any(|f| f.name == name && f.pkg != Some(self.pkg));
        if hidden {
            return format!(
                "cannot refer to unexported field {name} in struct literal of type {t}"
            );
        }
        match other {
            Some(f) if f.pkg == Some(self.pkg) || f.name.is_exported() => format!(
                "unknown field {name} in struct literal of type {t}, but does have {}",
                f.name
            ),
            _ => format!("unknown field {name} in struct literal of type {t}"),
        }
    }

    /// Elements of an array or slice literal; gives the length.
    fn indexed_elems(&mut self, elems: &[Elem], elem: Ty, length: i64) -> i64 {
        let mut seen: HashSet<i64> = HashSet::default();
        let mut next: i64 = 0;
        let mut max: i64 = 0;
        // Indices need remembering only when some are explicit.
        let keyed = elems.iter().any(|e| e.key.is_some());
        for el in elems {
            let mut valid = false;
            match el.key {
                Some(k) => {
                    let mut x = self.expr(k, None);
                    if self.valid_index(&mut x, "index") {
                        match (x.mode, x.val.as_ref().and_then(|v| v.to_i64())) {
                            (Mode::Constant, Some(v)) => {
                                if length >= 0 && v >= length {
                                    let m = format!(
                                        "invalid argument: index {v} out of bounds [0:{length}]"
                                    );
                                    self.err("InvalidIndex", self.espan(k), m);
                                } else {
                                    next = v;
                                    valid = true;
                                }
                            }
                            _ => {
                                let m = format!("index {} must be integer constant", self.estr(k));
                                self.err("InvalidIndex", self.espan(k), m);
                            }
                        }
                    }
                }
                None if length >= 0 && next >= length => {
                    let m = format!("index {next} is out of bounds (>= {length})");
                    self.err("OversizeArrayLit", self.espan(el.value), m);
                }
                None => valid = true,
            }
            if valid && keyed && !seen.insert(next) {
                let at = el.key.unwrap_or(el.value);
                let m = format!("duplicate index {next} in array or slice literal");
                self.err("DuplicateLitKey", self.espan(at), m);
            }
            next = next.saturating_add(1);
            max = max.max(next);
            let mut x = self.expr(el.value, Some(elem));
            self.assignment(&mut x, Some(elem), "array or slice literal");
        }
        max
    }

    fn map_lit(&mut self, elems: &[Elem], k: Ty, v: Ty) {
        let mut seen: HashMap<String, Vec<Ty>> = HashMap::default();
        let iface = matches!(underlying(k).0, Type::Interface(_));
        for el in elems {
            let Some(ke) = el.key else {
                self.err(
                    "MissingLitKey",
                    self.espan(el.value),
                    "missing key in map literal",
                );
                self.use_elems(std::slice::from_ref(el));
                continue;
            };
            let mut x = self.expr(ke, Some(k));
            self.assignment(&mut x, Some(k), "map literal");
            if !x.is_invalid()
                && x.mode == Mode::Constant
                && let Some(val) = &x.val
            {
                // Interface keys are equal only with equal types.
                let t = if iface { x.ty } else { basic(Basic::Invalid) };
                let types = seen.entry(super::switch::case_key(val)).or_default();
                if types.iter().any(|&o| identical(o, t)) {
                    let m = format!("duplicate key {} in map literal", val.display());
                    self.err("DuplicateLitKey", self.espan(ke), m);
                } else {
                    types.push(t);
                }
            }
            let mut x = self.expr(el.value, Some(v));
            self.assignment(&mut x, Some(v), "map literal");
        }
    }
}

/// Whether a field path goes through an embedded pointer.
fn through_pointer(base: Ty, path: &[usize]) -> bool {
    let mut t = base;
    for &i in path {
        if matches!(underlying(t).0, Type::Pointer(_)) {
            return true;
        }
        match as_struct(t).and_then(|f| f.get(i)) {
            Some(f) => t = f.ty,
            None => return false,
        }
    }
    false
}
