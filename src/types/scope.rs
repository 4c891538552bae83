//! Lexical scopes: blocks inside functions, one scope per file for imports, then the
//! package and the universe.

use rustc_hash::FxHashMap as HashMap;

use super::check::Checker;
use super::ty::{Obj, ObjKind};
use super::universe;
use crate::base::diag::Diagnostic;
use crate::base::intern::Name;
use crate::syntax::ast::IdentId;

/// Index of a scope in the checker's list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ScopeId(pub u32);

/// One block's or file's names.
#[derive(Debug, Default)]
pub struct Scope {
    pub(super) parent: Option<ScopeId>,
    pub(super) names: HashMap<Name, Obj>,
}

impl Scope {
    /// An empty scope; without parent it is a file scope, followed by the package's.
    pub fn new(parent: Option<ScopeId>) -> Scope {
        Scope {
            parent,
            names: HashMap::default(),
        }
    }
}

impl Checker<'_> {
    pub(super) fn new_scope(&mut self, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope::new(parent));
        ScopeId(self.scopes.len() as u32 - 1)
    }

    /// Opens a block scope; returns the one to go back to.
    pub(super) fn open_scope(&mut self) -> ScopeId {
        let old = self.env.scope;
        self.env.scope = self.new_scope(Some(old));
        old
    }
    pub(super) fn close_scope(&mut self, old: ScopeId) {
        self.env.scope = old;
    }

    /// The object `name` denotes here.
    pub(super) fn lookup_name(&mut self, name: Name) -> Option<Obj> {
        let mut at = Some(self.env.scope);
        while let Some(s) = at {
            let sc = &self.scopes[s.0 as usize];
            if let Some(&o) = sc.names.get(&name) {
                if let Some(&p) = self.dot_imports.get(&(s, name))
                    && let ObjKind::PkgName { used, .. } = &p.kind
                {
                    used.set(true);
                }
                return Some(o);
            }
            at = sc.parent;
        }
        if let Some(&o) = self.pkg.scope.borrow().get(&name) {
            return Some(o);
        }
        universe::universe().get(&name).copied()
    }

    /// Declares `obj` in the current block; reports a redeclaration.
    pub(super) fn declare(&mut self, id: Option<IdentId>, obj: Obj) {
        if let Some(i) = id {
            self.record_def(i, obj);
        }
        if obj.name.is_blank() || obj.name == Name::EMPTY {
            return;
        }
        let at = self.env.scope.0 as usize;
        if let Some(&old) = self.scopes[at].names.get(&obj.name) {
            self.redeclared(obj, old);
            return;
        }
        self.scopes[at].names.insert(obj.name, obj);
    }

    pub(super) fn redeclared(&mut self, obj: Obj, old: Obj) {
        let mut msg = format!("{} redeclared in this block", obj.name);
        if old.span.lo != 0 {
            msg += &format!(
                "\n\t{}: other declaration of {}",
                self.place(old.span.lo),
                old.name
            );
        }
        // One error is enough.
        if let Some(v) = obj.var_info() {
            v.used.set(true);
        }
        let d = Diagnostic::error("DuplicateDecl", obj.span, msg)
            .with_label(old.span, "other declaration");
        self.report(d);
    }
}
