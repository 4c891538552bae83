//! From checked syntax to bytecode, one function at a time and on demand: a function is
//! compiled when it is first called (or listed), so a program pays for what it runs.
//!
//! [`Lowerer`] is the process-wide state: packages, descriptors, function numbers and the
//! jobs that say how to compile each number. [`func::Fb`] compiles one function.

mod aggregate;
mod assign;
mod big;
mod body;
mod builtin;
mod call;
mod closure;
mod compare;
mod convert;
mod expr;
mod flow;
mod func;
mod intrinsic;
mod operator;
mod order;
mod place;
mod range;
mod rangefunc;
mod reflect;
mod stmt;
mod thunk;

use rustc_hash::FxHashMap as HashMap;
use std::rc::Rc;

use crate::base::intern::Name;
use crate::base::span::SourceMap;
use crate::bytecode::layout::{Layouts, shape, size_align, type_key};
use crate::bytecode::program::{AllocDesc, Proto, alloc_desc, funcs};
use crate::heap::map::MapType;
use crate::heap::rtti::{FuncId, Rtti};
use crate::syntax::ast;
use crate::types::info::CheckedPackage;
use crate::types::lookup::MethodEntry;
use crate::types::subst::subst;
use crate::types::ty::{Obj, ObjKind, Ty, Type};
use crate::types::world::{World, world};

/// Substitution of type parameters by types for one instance.
pub type Env = Rc<[(Ty, Ty)]>;

/// What is behind a function number.
#[derive(Clone)]
pub(crate) enum Job {
    /// A declared function or method.
    Decl { obj: Obj, env: Env },
    /// A function literal with what it captures.
    Lit {
        pkg: usize,
        func: ast::FuncId,
        env: Env,
        caps: Vec<func::Capture>,
        name: String,
        /// Stands inside another function.
        nested: bool,
    },
    /// The body of a loop over a function.
    RangeBody {
        pkg: usize,
        stmt: ast::StmtId,
        env: Env,
        caps: Vec<func::Capture>,
        name: String,
        of: rangefunc::BodyOf,
    },
    /// Interface-table adapter: data word in, method call out.
    Adapter {
        recv: Ty,
        direct: bool,
        entry: Rc<MethodEntry>,
    },
    /// `T.m` as a function whose first parameter is the receiver.
    MethodExpr {
        recv: Ty,
        name: Name,
        pkg: Option<crate::types::ty::Pkg>,
        sig: Ty,
        targs: Vec<Ty>,
    },
    /// `x.m` bound: the receiver is captured.
    Bound {
        recv: Ty,
        name: Name,
        pkg: Option<crate::types::ty::Pkg>,
        sig: Ty,
        targs: Vec<Ty>,
    },
    /// A deferred or started call with its operands captured.
    Thunk(thunk::Thunk),
    /// `func([]any) []any` that calls the captured function of this type.
    Caller { sig: &'static Rtti },
    /// A function of this type that calls the captured `func([]any) []any`.
    Made { sig: &'static Rtti },
    /// Variable initialisers and `init` functions of a package.
    Init { pkg: usize },
    /// All package initialisers, then `main.main`.
    Entry,
}

/// Resolves native functions by `pkg.Func` or `pkg.(*T).Method`.
pub type NativeLookup = fn(&str) -> Option<u32>;

/// Where the bodies of functions are that were left out of their packages.
pub trait Bodies {
    /// The whole of a function, checked as a package of its own.
    fn body(&mut self, number: u32) -> CheckedPackage;
    /// The package with what only the machine itself needs, if it was left out; once.
    fn machine(&mut self) -> Option<CheckedPackage>;
}

/// A declared function: the package and its place there.
#[derive(Clone, Copy)]
struct Declared {
    pkg: usize,
    func: ast::FuncId,
    /// The body is still to be fetched by this number.
    later: Option<u32>,
}

/// Process-wide lowering state. Used by one thread at a time.
pub struct Lowerer {
    pub(crate) pkgs: Vec<&'static CheckedPackage>,
    pub(crate) pos_of: HashMap<String, usize>,
    pub(crate) layouts: Layouts,
    pub(crate) jobs: Vec<Option<Job>>,
    decls: HashMap<Obj, Declared>,
    bodies: Option<Box<dyn Bodies>>,
    /// The objects with which left out bodies were checked, by those they are known by.
    whole: HashMap<Obj, Obj>,
    /// The objects, types and numbers of all packages.
    pub world: &'static World,
    by_key: HashMap<String, FuncId>,
    globals: HashMap<Obj, usize>,
    global_chunks: Vec<(usize, usize)>,
    global_free: (usize, usize),
    map_types: HashMap<usize, &'static MapType>,
    descs: HashMap<usize, &'static AllocDesc>,
    static_closures: HashMap<FuncId, u64>,
    strings: HashMap<Vec<u8>, (u64, u64)>,
    pub(crate) natives: NativeLookup,
    /// Record where variables lie.
    pub names_locals: bool,
    /// Errors that only lowering can see (limits).
    pub errors: Vec<crate::base::diag::Diagnostic>,
    /// Depth of the deepest tree.
    depth: usize,
}

impl Lowerer {
    pub fn new(natives: NativeLookup) -> Lowerer {
        Lowerer {
            pkgs: Vec::new(),
            pos_of: HashMap::default(),
            layouts: Layouts::new(),
            jobs: Vec::new(),
            decls: HashMap::default(),
            bodies: None,
            whole: HashMap::default(),
            world: world(),
            by_key: HashMap::default(),
            globals: HashMap::default(),
            global_chunks: Vec::new(),
            global_free: (0, 0),
            map_types: HashMap::default(),
            descs: HashMap::default(),
            static_closures: HashMap::default(),
            strings: HashMap::default(),
            natives,
            names_locals: false,
            errors: Vec::new(),
            depth: 0,
        }
    }

    /// Says where bodies are that packages leave out.
    pub fn set_bodies(&mut self, bodies: Box<dyn Bodies>) {
        self.bodies = Some(bodies);
    }

    /// Adds a checked package; imported packages come first.
    pub fn add_package(&mut self, p: CheckedPackage) {
        self.pos_of.insert(p.info.pkg.path.clone(), self.pkgs.len());
        self.add(p);
    }

    /// Adds what the machine itself needs of the library, if it is not there yet.
    pub fn add_machine(&mut self) {
        if let Some(p) = self.bodies.as_mut().and_then(|b| b.machine()) {
            self.add_package(p);
        }
    }

    /// Adds the functions of a package or of a part of one.
    fn add(&mut self, p: CheckedPackage) {
        let p: &'static CheckedPackage = Box::leak(Box::new(p));
        let pkg = self.pkgs.len();
        for (obj, func) in &p.info.funcs {
            let later = p.later.get(func).copied();
            let func = *func;
            self.decls.insert(*obj, Declared { pkg, func, later });
        }
        // A type may hold all types declared before it, one in the other.
        const TYPES_PER_LEVEL: usize = 8;
        let types = |d: &ast::Decl| match d {
            ast::Decl::Type(specs) => specs.len(),
            _ => 0,
        };
        let decls = p.ast.files.iter().flat_map(|f| &f.decls);
        let types = decls.map(types).sum::<usize>() / TYPES_PER_LEVEL;
        self.depth = self.depth.max(types).max(p.ast.depth as usize);
        self.pkgs.push(p);
    }

    /// Function that initialises everything and runs `main.main`.
    pub fn entry(&mut self) -> FuncId {
        self.reserve(Job::Entry)
    }

    /// Number of a function literal without captures of package `pkg`, run as `name`.
    pub fn input(&mut self, pkg: usize, func: ast::FuncId, name: String) -> FuncId {
        self.reserve(Job::Lit {
            pkg,
            func,
            env: Vec::new().into(),
            caps: Vec::new(),
            nested: false,
            name,
        })
    }

    /// A function value that initialises a package.
    pub fn init_closure(&mut self, pkg: usize) -> u64 {
        let id = self.reserve(Job::Init { pkg });
        self.static_closure(id)
    }

    /// Number of packages added so far.
    pub fn packages(&self) -> usize {
        self.pkgs.len()
    }

    /// Whether a function's declaration has a body that can be compiled by itself.
    pub fn decl_is_known(&self, obj: Obj) -> bool {
        self.decls.contains_key(&obj) && !self.is_bodyless(obj)
    }

    /// The code of a function that has been compiled, or is now.
    pub fn code_of(&mut self, obj: Obj) -> Option<&'static Proto> {
        let id = self.func_for(obj, &[]);
        self.compile(id).or_else(|| funcs().current(id))
    }

    /// A function value for a package-level function without parameters.
    pub fn closure_of(&mut self, obj: Obj) -> u64 {
        let id = self.func_for(obj, &[]);
        self.static_closure(id)
    }

    /// Makes calls of function `old` run `new`, which has the same type.
    pub fn redirect(&mut self, old: Obj, new: Obj) {
        let Some(&id) = self.by_key.get(&format!("f{}", old.id)) else {
            return;
        };
        let env: Env = Vec::new().into();
        self.jobs[id as usize] = Some(Job::Decl { obj: new, env });
        funcs().renew(id);
        // The new function is reached by the same number.
        self.by_key.insert(format!("f{}", new.id), id);
    }

    pub(crate) fn reserve(&mut self, job: Job) -> FuncId {
        let id = funcs().reserve();
        if self.jobs.len() <= id as usize {
            self.jobs.resize(id as usize + 1, None);
        }
        self.jobs[id as usize] = Some(job);
        id
    }

    fn keyed(&mut self, key: String, job: impl FnOnce() -> Job) -> FuncId {
        if let Some(&id) = self.by_key.get(&key) {
            return id;
        }
        let id = self.reserve(job());
        self.by_key.insert(key, id);
        id
    }

    /// Number of a declared function or method with its (receiver's) type arguments.
    pub(crate) fn func_for(&mut self, obj: Obj, targs: &[Ty]) -> FuncId {
        let mut key = format!("f{}", obj.id);
        for t in targs {
            key.push(',');
            key.push_str(&type_key(*t));
        }
        let env = self.env_for(obj, targs);
        self.keyed(key, || Job::Decl { obj, env })
    }

    fn env_for(&self, obj: Obj, targs: &[Ty]) -> Env {
        let mut pairs = Vec::new();
        if !targs.is_empty()
            && let Some(t) = obj.ty.get()
            && let Type::Signature(sig) = &*t
        {
            // A generic method has its receiver's parameters and its own.
            let params = sig.recv_tparams.iter().chain(&sig.tparams);
            pairs.extend(params.copied().zip(targs.iter().copied()));
        }
        pairs.into()
    }

    /// Number of the native behind a bodyless function, by its qualified name.
    pub(crate) fn native_of(&self, obj: Obj) -> Option<u32> {
        let ObjKind::Func { .. } = obj.kind else {
            return None;
        };
        if !self.is_bodyless(obj) {
            return None;
        }
        (self.natives)(&self.qualified_name(obj))
    }

    /// Whether a declared function has no body.
    pub(crate) fn is_bodyless(&self, obj: Obj) -> bool {
        self.decls
            .get(&obj)
            .is_some_and(|d| d.later.is_none() && self.pkgs[d.pkg].ast.func(d.func).body.is_none())
    }

    /// `pkg/path.Func`, `pkg/path.T.Method` or `pkg/path.(*T).Method`, without type arguments.
    pub(crate) fn qualified_name(&self, obj: Obj) -> String {
        let pkg = obj.pkg.map_or("", |p| p.0.path.as_str());
        let recv = obj.ty.get().and_then(|t| match &*t {
            Type::Signature(s) => s.recv,
            _ => None,
        });
        match recv {
            None => format!("{pkg}.{}", obj.name),
            Some(r) => {
                let (base, ptr) = crate::types::predicates::deref(r);
                let name = match &*base {
                    Type::Named(n) => n.obj.name.as_str(),
                    _ => "?",
                };
                if ptr {
                    format!("{pkg}.(*{name}).{}", obj.name)
                } else {
                    format!("{pkg}.{name}.{}", obj.name)
                }
            }
        }
    }

    /// Compiles function `id` if it is not yet.
    pub fn compile(&mut self, id: FuncId) -> Option<&'static Proto> {
        let mut job = self.jobs.get_mut(id as usize)?.take()?;
        if let Job::Decl { obj, env } = &mut job {
            self.fetch_body(obj, env);
        }
        let proto = func::compile(self, id, job);
        if cfg!(debug_assertions)
            && let Err(e) = crate::bytecode::verify::verify(&proto)
        {
            panic!(
                "bad code for {}: {e}\n{}",
                proto.name,
                crate::bytecode::disasm::listing(&proto, &SourceMap::new())
            );
        }
        Some(funcs().install(proto))
    }

    /// If a function's body was left out, fetches it: `obj` becomes the object that the
    /// body was checked with, `env` is put in terms of its type parameters.
    fn fetch_body(&mut self, obj: &mut Obj, env: &mut Env) {
        let Some(number) = self.decls.get(obj).and_then(|d| d.later) else {
            return;
        };
        let body = match self.whole.get(obj) {
            Some(o) => *o,
            None => {
                let bodies = self.bodies.as_mut().expect("bodies were left out");
                let p = bodies.body(number);
                let whole = p.info.funcs.first().expect("a function").0;
                self.add(p);
                self.whole.insert(*obj, whole);
                whole
            }
        };
        let targs: Vec<Ty> = env.iter().map(|e| e.1).collect();
        *env = self.env_for(body, &targs);
        *obj = body;
    }

    /// How many bytes of stack compiling takes when some function's tree or some type may
    /// be unusually deep.
    pub fn stack_needed(&self) -> Option<usize> {
        const USUAL: usize = 300;
        const PER_LEVEL: usize = 8 << 10;
        (self.depth > USUAL).then(|| (4 << 20) + self.depth * PER_LEVEL)
    }

    /// Compiles everything reachable from what has been reserved so far.
    pub fn compile_all(&mut self) {
        let mut id = 0;
        while id < self.jobs.len() {
            self.compile(id as FuncId);
            id += 1;
        }
    }

    /// Compiles every function of one package and the literals inside; for listings.
    pub fn compile_package(&mut self, pkg: usize) -> Vec<&'static Proto> {
        let objs: Vec<Obj> = self.pkgs[pkg].info.funcs.iter().map(|f| f.0).collect();
        let mut out = Vec::new();
        for o in objs {
            let generic = o.ty.get().is_some_and(|t| match &*t {
                Type::Signature(s) => !s.tparams.is_empty() || !s.recv_tparams.is_empty(),
                _ => false,
            });
            if !generic && !self.is_bodyless(o) {
                self.func_for(o, &[]);
            }
        }
        let mut id = 0;
        while id < self.jobs.len() {
            let mine = match &self.jobs[id] {
                Some(Job::Decl { obj, .. }) => self.decl(*obj).is_some_and(|d| d.0 == pkg),
                Some(Job::Lit { pkg: p, .. } | Job::RangeBody { pkg: p, .. }) => *p == pkg,
                _ => false,
            };
            if mine {
                out.extend(self.compile(id as FuncId));
            }
            id += 1;
        }
        out
    }

    /// Descriptor of a type.
    pub(crate) fn rtti(&mut self, t: Ty) -> &'static Rtti {
        let mut layouts = std::mem::take(&mut self.layouts);
        let r = layouts.rtti(t, &mut |_, recv, direct, entry| {
            self.adapter(recv, direct, entry)
        });
        self.layouts = layouts;
        r
    }

    /// Function for an interface table: the method itself when it takes the data word as it is.
    fn adapter(&mut self, recv: Ty, direct: bool, entry: &MethodEntry) -> FuncId {
        if direct
            && crate::bytecode::layout::slots(recv) == 1
            && entry.path.is_empty()
            && let Some(obj) = entry.obj
            && !self.is_bodyless(obj)
        {
            let (base, is_ptr) = crate::types::predicates::deref(recv);
            let ptr_recv = matches!(&obj.kind, ObjKind::Func { ptr_recv, .. } if ptr_recv.get());
            if is_ptr == ptr_recv {
                let targs = named_args(base);
                return self.func_for(obj, &targs);
            }
        }
        let key = format!(
            "a{}.{}.{}",
            type_key(recv),
            entry.pkg.map_or("", |p| p.0.path.as_str()),
            entry.name
        );
        let e = Rc::new(entry.clone());
        self.keyed(key, || Job::Adapter {
            recv,
            direct,
            entry: e,
        })
    }

    pub(crate) fn alloc_desc(&mut self, t: Ty) -> &'static AllocDesc {
        let key = self.rtti(t) as *const Rtti as usize;
        self.descs
            .entry(key)
            .or_insert_with(|| alloc_desc(&shape(t)))
    }

    pub(crate) fn map_type(&mut self, t: Ty) -> &'static MapType {
        let r = self.rtti(t);
        self.map_types
            .entry(r as *const Rtti as usize)
            .or_insert_with(|| crate::vm::natives::map_type_of(r))
    }

    /// Address of a package variable.
    pub(crate) fn global(&mut self, obj: Obj) -> usize {
        if let Some(&a) = self.globals.get(&obj) {
            return a;
        }
        let t = obj.ty.get().expect("checked variable has a type");
        let size = size_align(t).0.max(1).next_multiple_of(16);
        if self.global_free.1 < size {
            // Small programs have few; a chunk is cleared as a whole.
            let bytes = size.max(4 << 10 << self.global_chunks.len().min(4));
            let base = if crate::race::on() {
                // In the heap, where memory has a shadow.
                let mut cache = crate::heap::AllocCache::new();
                cache.alloc_noscan(bytes) as usize
            } else {
                let words: &'static mut [u128] =
                    Box::leak(vec![0u128; bytes / 16].into_boxed_slice());
                words.as_mut_ptr() as usize
            };
            assert!(base != 0, "no memory for package variables");
            self.global_chunks.push((base, bytes));
            crate::vm::roots::add_globals(base, bytes);
            self.global_free = (base, bytes);
        }
        let a = self.global_free.0;
        self.global_free = (a + size, self.global_free.1 - size);
        self.globals.insert(obj, a);
        a
    }

    /// Where a package variable lies and its type, if code that uses it was compiled.
    pub fn variable(&mut self, obj: Obj) -> Option<(usize, &'static Rtti)> {
        let at = *self.globals.get(&obj)?;
        let t = obj.ty.get()?;
        Some((at, self.rtti(t)))
    }

    /// A function value for a function without captures.
    pub fn static_closure(&mut self, id: FuncId) -> u64 {
        *self.static_closures.entry(id).or_insert_with(|| {
            let cell: &'static [u128; 1] = Box::leak(Box::new([id as u128]));
            cell.as_ptr() as u64
        })
    }

    /// Pointer and length of a string constant.
    pub(crate) fn string(&mut self, bytes: &[u8]) -> (u64, u64) {
        if bytes.is_empty() {
            return (0, 0);
        }
        if let Some(&s) = self.strings.get(bytes) {
            return s;
        }
        let leaked: &'static [u8] = Box::leak(bytes.to_vec().into_boxed_slice());
        let s = (leaked.as_ptr() as u64, leaked.len() as u64);
        self.strings.insert(bytes.to_vec(), s);
        s
    }

    pub(crate) fn decl(&self, obj: Obj) -> Option<(usize, ast::FuncId)> {
        self.decls.get(&obj).map(|d| (d.pkg, d.func))
    }
    /// Finds a package-level object by package path and name.
    pub fn find(&self, path: &str, name: &str) -> Option<Obj> {
        let p = self.pkgs[*self.pos_of.get(path)?];
        p.info.pkg.scope.borrow().get(&Name::new(name)).copied()
    }
    /// Descriptor of the pointer to a package-level type.
    pub fn rtti_pointer(&mut self, path: &str, name: &str) -> Option<&'static Rtti> {
        let t = self.find(path, name)?.ty.get()?;
        Some(self.rtti(Ty::new(Type::Pointer(t))))
    }
    /// Descriptor of a package-level type, for the VM's own values.
    pub fn rtti_string(&mut self) -> &'static Rtti {
        self.rtti(crate::types::universe::basic(
            crate::types::ty::Basic::String,
        ))
    }
    pub fn rtti_named(&mut self, path: &str, name: &str) -> Option<&'static Rtti> {
        let t = self.find(path, name)?.ty.get()?;
        Some(self.rtti(t))
    }
}

/// Type arguments of an instance, empty otherwise.
pub(crate) fn named_args(t: Ty) -> Vec<Ty> {
    match &*t {
        Type::Named(n) => n.targs.clone(),
        _ => Vec::new(),
    }
}

/// `t` under an instance's substitution.
pub(crate) fn apply(env: &Env, t: Ty) -> Ty {
    if env.is_empty() { t } else { subst(t, env) }
}
