//! What `reflect` needs of the compiler: adapters between functions of any type and
//! `func([]any) []any`, methods as function values, and types made at run time.
//!
//! An adapter moves values between frame slots and a `[]any` by natives of `internal/rt`
//! that get the function type's descriptor; the call itself is an ordinary one.

use super::func::Fb;
use super::{Job, Lowerer};
use crate::base::intern::Name;
use crate::base::span::Span;
use crate::bytecode::instr::Op;
use crate::bytecode::layout::frame_slots;
use crate::bytecode::program::word;
use crate::heap::rtti::{FuncId, Rtti};
use crate::syntax::ast::ChanDir;
use crate::types::lookup::method_set;
use crate::types::predicates::underlying;
use crate::types::ty::{Field, Param, Signature, Ty, Type};

/// Slots that values of these types fill one after another.
pub fn slots_of(types: &[&'static Rtti]) -> usize {
    types.iter().map(|t| frame_slots(t)).sum()
}

impl Fb<'_> {
    fn native(&mut self, base: u16, name: &str) {
        let n = (self.lw.natives)(name).expect("adapters' natives are bound");
        self.emit32(Op::CallN, base, n);
    }
    fn descriptor(&mut self, at: u16, t: &'static Rtti) {
        self.emit(Op::LdK, at, 0, 0);
        self.ext(word(t));
    }

    /// Body of [`Job::Caller`].
    pub fn caller_body(&mut self, sig: &'static Rtti) -> (usize, usize) {
        let parts = sig.parts();
        let (nres, nargs) = (slots_of(&parts.results), slots_of(&parts.params));
        self.name = "reflect.Value.call".into();
        self.alloc(4);
        let f = self.alloc(1);
        self.emit(Op::LdCap, f, 0, 0);
        let u = self.alloc(3 + nargs);
        self.descriptor(u, sig);
        self.mov_slots(u + 1, 2, 2);
        self.native(u, "internal/rt.unpackArgs");
        let base = self.call_base();
        self.alloc(nres + nargs);
        self.mov_slots(base + nres as u16, u + 3, nargs);
        self.emit(Op::CallC, base, f, 0);
        let q = self.alloc(3 + nres);
        self.descriptor(q + 2, sig);
        self.mov_slots(q + 3, base, nres);
        self.native(q, "internal/rt.packResults");
        self.mov_slots(0, q, 2);
        self.emit(Op::Ret, 0, 0, 0);
        (2, 2)
    }

    /// Body of [`Job::Made`].
    pub fn made_body(&mut self, sig: &'static Rtti) -> (usize, usize) {
        let parts = sig.parts();
        let (nres, nargs) = (slots_of(&parts.results), slots_of(&parts.params));
        self.name = "reflect.makeFuncStub".into();
        self.alloc(nres + nargs);
        let f = self.alloc(1);
        self.emit(Op::LdCap, f, 0, 0);
        let q = self.alloc(3 + nargs);
        self.descriptor(q + 2, sig);
        self.mov_slots(q + 3, nres as u16, nargs);
        self.native(q, "internal/rt.packArgs");
        let base = self.call_base();
        self.alloc(4);
        self.mov_slots(base + 2, q, 2);
        self.emit(Op::CallC, base, f, 0);
        let u = self.alloc(3 + nres);
        self.descriptor(u, sig);
        self.mov_slots(u + 1, base, 2);
        self.native(u, "internal/rt.unpackResults");
        self.mov_slots(0, u + 3, nres);
        self.emit(Op::Ret, 0, 0, 0);
        (nres, nargs)
    }
}

impl Lowerer {
    fn checked(&self, t: &Rtti) -> Ty {
        let t = self.layouts.type_of(t);
        t.expect("descriptors of a program come from its types")
    }

    /// `*t`
    pub fn pointer_to(&mut self, t: &'static Rtti) -> &'static Rtti {
        let e = self.checked(t);
        self.rtti(Ty::new(Type::Pointer(e)))
    }
    /// `[]t`
    pub fn slice_of(&mut self, t: &'static Rtti) -> &'static Rtti {
        let e = self.checked(t);
        self.rtti(Ty::new(Type::Slice(e)))
    }
    /// `[n]t`
    pub fn array_of(&mut self, t: &'static Rtti, n: i64) -> &'static Rtti {
        let e = self.checked(t);
        self.rtti(Ty::new(Type::Array(e, n)))
    }
    /// `map[k]t`
    pub fn map_of(&mut self, k: &'static Rtti, t: &'static Rtti) -> &'static Rtti {
        let (k, e) = (self.checked(k), self.checked(t));
        self.rtti(Ty::new(Type::Map(k, e)))
    }
    /// `chan t`; direction 1 sends only, 2 receives only.
    pub fn chan_of(&mut self, t: &'static Rtti, dir: i64) -> &'static Rtti {
        let e = self.checked(t);
        let dir = match dir {
            1 => ChanDir::Send,
            2 => ChanDir::Recv,
            _ => ChanDir::Both,
        };
        self.rtti(Ty::new(Type::Chan(dir, e)))
    }
    /// `func(params) results`
    pub fn func_of(
        &mut self,
        params: &[&'static Rtti],
        results: &[&'static Rtti],
        variadic: bool,
    ) -> &'static Rtti {
        let list = |lw: &Self, ts: &[&'static Rtti]| {
            let param = |t: &&'static Rtti| Param {
                name: Name::EMPTY,
                ty: lw.checked(t),
            };
            ts.iter().map(param).collect()
        };
        let sig = Signature {
            params: list(self, params),
            results: list(self, results),
            variadic,
            ..Signature::default()
        };
        self.rtti(Ty::new(Type::Signature(sig)))
    }
    /// A struct type of exported (or embedded) fields: name, type, tag, embedded.
    pub fn struct_of(&mut self, fields: &[(String, &'static Rtti, String, bool)]) -> &'static Rtti {
        let fields = fields
            .iter()
            .map(|(name, t, tag, embedded)| Field {
                name: Name::new(name),
                ty: self.checked(t),
                embedded: *embedded,
                tag: tag.clone(),
                pkg: None,
                span: Span::NONE,
            })
            .collect();
        self.rtti(Ty::new(Type::Struct(fields)))
    }

    /// Function that calls the captured function of type `sig` with a `[]any`.
    pub fn caller(&mut self, sig: &'static Rtti) -> FuncId {
        self.keyed(format!("call{}", sig.id), || Job::Caller { sig })
    }
    /// Function of type `sig` that calls the captured `func([]any) []any`.
    pub fn made(&mut self, sig: &'static Rtti) -> FuncId {
        self.keyed(format!("made{}", sig.id), || Job::Made { sig })
    }

    /// The exported method called `name` of `t`: a function that has the receiver
    /// captured in frame form.
    pub fn bound_method(&mut self, t: &'static Rtti, name: &str) -> Option<FuncId> {
        let recv = self.checked(t);
        let (n, sig) = self.method_of(recv, name)?;
        Some(self.keyed(format!("bound{}.{name}", t.id), || Job::Bound {
            recv,
            name: n,
            pkg: None,
            sig,
            targs: Vec::new(),
        }))
    }
    /// The exported method called `name` of `t` as a function with the receiver first,
    /// and that function's type.
    pub fn method_expr(&mut self, t: &'static Rtti, name: &str) -> Option<(FuncId, &'static Rtti)> {
        let recv = self.checked(t);
        let (n, sig) = self.method_of(recv, name)?;
        let Type::Signature(s) = &*underlying(sig) else {
            return None;
        };
        let mut full = s.clone();
        let first = Param {
            name: Name::EMPTY,
            ty: recv,
        };
        full.params.insert(0, first);
        full.recv = None;
        let full = Ty::new(Type::Signature(full));
        let id = self.keyed(format!("expr{}.{name}", t.id), || Job::MethodExpr {
            recv,
            name: n,
            pkg: None,
            sig: full,
            targs: Vec::new(),
        });
        Some((id, self.rtti(full)))
    }
    fn method_of(&self, recv: Ty, name: &str) -> Option<(Name, Ty)> {
        if let Type::Interface(_) = &*underlying(recv) {
            let set = crate::types::typeset::type_set(underlying(recv));
            let m = set.methods.iter().find(|m| m.name.as_str() == name)?;
            return Some((m.name, m.sig));
        }
        let m = method_set(recv)
            .into_iter()
            .find(|m| m.name.as_str() == name)?;
        Some((m.name, m.sig))
    }
}
