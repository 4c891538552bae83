//! Processes (`os.StartProcess`, `os/exec`) and the plain system calls of `syscall`. Calls
//! that may block let another thread have the processor meanwhile.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::ptr::null;
use std::sync::OnceLock;

use super::os::{check, errno, path};
use super::{blocking, brief};
use crate::vm::cx::Cx;
use crate::vm::natives::{Entry, Slice};

/// The limit on open files the process was started with: children get it back.
static OLD_FILES: OnceLock<libc::rlimit> = OnceLock::new();

/// Raises the limit on open files as far as allowed, as Go programs do.
pub fn raise_file_limit() {
    let mut l = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: valid structures.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut l) == 0 && l.rlim_cur < l.rlim_max {
            OLD_FILES.get_or_init(|| l);
            l.rlim_cur = l.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &l);
        }
    }
}

/// A guest's `[]string` as C strings.
///
/// # Safety
/// `s` is a slice of strings.
unsafe fn c_strings(s: Slice) -> Vec<CString> {
    (0..s.len)
        .map(|i| {
            // SAFETY: element i of the slice is a string header, read in one piece.
            unsafe {
                let (p, n) = crate::heap::mem::load128((s.ptr as *const u8).add(16 * i));
                path(crate::vm::ops::slow::bytes(p, n))
            }
        })
        .collect()
}

fn pointers(v: &[CString]) -> Vec<*const c_char> {
    v.iter().map(|s| s.as_ptr()).chain([null()]).collect()
}

/// What a child needs, prepared before the fork: afterwards it may not allocate.
struct Child {
    file: CString,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    dir: Option<CString>,
    /// Descriptor i of the child is this one of ours; -1: closed.
    fds: Vec<i32>,
    setsid: bool,
    pgid: Option<i32>,
    death: i32,
    report: i32,
}

impl Child {
    /// The child's part: never returns, sends an error number to the parent when something
    /// fails.
    ///
    /// # Safety
    /// Only in a freshly forked child.
    unsafe fn run(&mut self) -> ! {
        // SAFETY: only async-signal-safe calls, on memory prepared before the fork.
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
            if let Some(l) = OLD_FILES.get() {
                libc::setrlimit(libc::RLIMIT_NOFILE, l);
            }
            let ok = |r: i32| -> bool { r >= 0 };
            let mut fine = true;
            if self.setsid {
                fine = fine && ok(libc::setsid());
            }
            if let Some(p) = self.pgid {
                fine = fine && ok(libc::setpgid(0, p));
            }
            if self.death != 0 {
                fine = fine && ok(libc::prctl(libc::PR_SET_PDEATHSIG, self.death));
            }
            if let Some(d) = &self.dir {
                fine = fine && ok(libc::chdir(d.as_ptr()));
            }
            // First out of the way of the numbers that are to be filled.
            let n = self.fds.len() as i32;
            if self.report < n {
                self.report = libc::fcntl(self.report, libc::F_DUPFD_CLOEXEC, n);
            }
            for i in 0..self.fds.len() {
                let fd = self.fds[i];
                if fine && fd >= 0 && fd < i as i32 {
                    self.fds[i] = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, n);
                    fine = ok(self.fds[i]);
                }
            }
            for i in 0..self.fds.len() {
                let fd = self.fds[i];
                if !fine {
                    break;
                }
                if fd < 0 {
                    libc::close(i as i32);
                } else if fd == i as i32 {
                    fine = ok(libc::fcntl(fd, libc::F_SETFD, 0));
                } else {
                    fine = ok(libc::dup2(fd, i as i32));
                }
            }
            for i in n..3 {
                libc::close(i);
            }
            if fine {
                libc::execve(self.file.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
            }
            let code = *libc::__errno_location();
            libc::write(self.report, (&raw const code).cast(), 4);
            libc::_exit(253);
        }
    }
}

/// Forks and runs `child`; the process number or an error number.
///
/// # Safety
/// The pointers in `child` are live.
unsafe fn spawn(mut child: Child) -> Result<i32, i64> {
    let mut pipe = [0i32; 2];
    // SAFETY: plain system calls on valid structures; the child only does `run`.
    unsafe {
        if libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return Err(errno());
        }
        child.report = pipe[1];
        // No handler of ours may run in the child.
        let (mut all, mut old): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let pid = libc::fork();
        if pid == 0 {
            // Handlers would write to the copy of our memory: back to the defaults (what is
            // ignored stays so).
            for n in 1..=64 {
                let mut a: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(n, null(), &mut a) == 0
                    && a.sa_sigaction != libc::SIG_IGN
                    && a.sa_sigaction != libc::SIG_DFL
                {
                    libc::signal(n, libc::SIG_DFL);
                }
            }
            child.run();
        }
        let failed = errno();
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        libc::close(pipe[1]);
        if pid < 0 {
            libc::close(pipe[0]);
            return Err(failed);
        }
        let mut code = 0i32;
        let n = loop {
            let n = libc::read(pipe[0], (&raw mut code).cast(), 4);
            if n >= 0 || errno() != libc::EINTR as i64 {
                break n;
            }
        };
        libc::close(pipe[0]);
        if n == 4 {
            libc::waitpid(pid, std::ptr::null_mut(), 0);
            return Err(code as i64);
        }
        Ok(pid)
    }
}

sys_native!(start, 2, |c| {
    let (file, argv, env, dir) = (path(c.str()), c.slice(), c.slice(), c.str());
    let (fds, setsid, setpgid, pgid, death) = (c.slice(), c.bool(), c.bool(), c.int(), c.int());
    let (argv, env) = (c_strings(argv), c_strings(env));
    let child = Child {
        file,
        argv: pointers(&argv),
        envp: pointers(&env),
        dir: (!dir.is_empty()).then(|| path(dir)),
        fds: (0..fds.len)
            .map(|i| crate::heap::mem::load_u64((fds.ptr as *const u8).add(8 * i)) as i32)
            .collect(),
        setsid,
        pgid: setpgid.then_some(pgid as i32),
        death: death as i32,
        report: -1,
    };
    match blocking(c.cx, false, || spawn(child)) {
        Ok(pid) => c.ret_int(pid as i64).ret(0),
        Err(code) => c.ret_int(-1).ret_int(code),
    };
});

sys_native!(wait4, 6, |c| {
    let (pid, options) = (c.int() as i32, c.int() as i32);
    let (r, status, usage) = blocking(c.cx, options & libc::WNOHANG == 0, || {
        let mut status = 0;
        let mut usage: libc::rusage = std::mem::zeroed();
        loop {
            let r = libc::wait4(pid, &mut status, options, &mut usage) as i64;
            if r >= 0 {
                return (r, status, usage);
            }
            let e = errno();
            if e != libc::EINTR as i64 {
                return (-e, status, usage);
            }
        }
    });
    let ns = |t: libc::timeval| t.tv_sec * 1_000_000_000 + t.tv_usec * 1000;
    c.ret_int(r.max(0))
        .ret_int(status as i64)
        .ret_int(ns(usage.ru_utime))
        .ret_int(ns(usage.ru_stime))
        .ret_int(usage.ru_maxrss)
        .ret_int((-r).max(0));
});

/// How often a reader of a session's terminal looks whether it may go on.
const LOOK: i32 = 30;

/// Reads what is typed while an input of a session runs; at other times that is the line
/// editor's. Ctrl-C breaks the reading off.
fn shared_input(cx: &mut Cx, b: Slice) -> (i64, i64) {
    use crate::vm::session::{Turn, turn};
    let id = cx.g().id();
    let mut p = libc::pollfd {
        fd: 0,
        events: libc::POLLIN,
        revents: 0,
    };
    let r = blocking(cx, true, || {
        loop {
            match turn(id) {
                Turn::Never => return (-1, libc::EINTR as i64),
                Turn::Later => std::thread::sleep(std::time::Duration::from_millis(LOOK as u64)),
                // SAFETY: one valid entry.
                Turn::Now
                    if unsafe { libc::poll(&mut p, 1, LOOK) } > 0 && turn(id) == Turn::Now =>
                {
                    // SAFETY: the guest's buffer, kept alive by the frame.
                    let n = unsafe { libc::read(0, b.ptr as *mut libc::c_void, b.len) };
                    return (n as i64, check(n as i64));
                }
                Turn::Now => {}
            }
        }
    });
    if turn(id) == Turn::Never {
        // It ends at its next call.
        cx.limit_ref()
            .store(0, std::sync::atomic::Ordering::Relaxed);
    }
    r
}

/// Reads or writes with a call that may block.
fn transfer(cx: &mut Cx, fd: i32, b: Slice, write: bool, slow: bool) -> (i64, i64) {
    if write && (fd == 1 || fd == 2) {
        // SAFETY: the guest's buffer, kept alive by the frame.
        let text = unsafe { crate::vm::ops::slow::bytes(b.ptr, b.len as u64) };
        if crate::vm::session::print_above(text) {
            return (b.len as i64, 0);
        }
    }
    let events = if write { libc::POLLOUT } else { libc::POLLIN };
    let mut p = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    if fd == 0 && !write && crate::vm::session::shares_input() {
        return shared_input(cx, b);
    }
    // SAFETY: one valid entry.
    let long = slow && unsafe { libc::poll(&mut p, 1, 0) } == 0;
    let once = || {
        // SAFETY: the guest's buffer, kept alive by the frame.
        let n = unsafe {
            if write {
                libc::write(fd, b.ptr as *const libc::c_void, b.len)
            } else {
                libc::read(fd, b.ptr as *mut libc::c_void, b.len)
            }
        };
        (n as i64, check(n as i64))
    };
    if !long {
        return brief(cx, once);
    }
    blocking(cx, true, || {
        loop {
            let r = once();
            if r.1 != libc::EINTR as i64 {
                return r;
            }
        }
    })
}
sys_native!(read, 2, |c| {
    let (fd, b, slow) = (c.int(), c.slice(), c.bool());
    let (n, code) = transfer(c.cx, fd as i32, b, false, slow);
    crate::race::file_read(b.ptr, n.max(0) as usize);
    c.ret_int(n.max(0)).ret_int(code);
});
sys_native!(write, 2, |c| {
    let (fd, b, slow) = (c.int(), c.slice(), c.bool());
    crate::race::file_write(b.ptr, b.len);
    let (n, code) = transfer(c.cx, fd as i32, b, true, slow);
    c.ret_int(n.max(0)).ret_int(code);
});
sys_native!(pipe2, 3, |c| {
    let flags = c.int();
    let mut fds = [0i32; 2];
    let r = libc::pipe2(fds.as_mut_ptr(), flags as i32);
    let code = check(r as i64);
    c.ret_int(fds[0] as i64)
        .ret_int(fds[1] as i64)
        .ret_int(code);
});
sys_native!(dup3, 2, |c| {
    let (old, new, flags) = (c.int() as i32, c.int() as i32, c.int() as i32);
    let r = if new < 0 {
        libc::dup(old)
    } else {
        libc::dup3(old, new, flags)
    } as i64;
    let code = check(r);
    c.ret_int(r).ret_int(code);
});
sys_native!(flock, 1, |c| {
    let (fd, how) = (c.int() as i32, c.int() as i32);
    let code = blocking(c.cx, how & libc::LOCK_NB == 0, || {
        check(libc::flock(fd, how) as i64)
    });
    c.ret_int(code);
});
sys_native!(get_limit, 3, |c| {
    let which = c.int();
    let mut l = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let code = check(libc::getrlimit(which as u32, &mut l) as i64);
    c.ret(l.rlim_cur).ret(l.rlim_max).ret_int(code);
});
sys_native!(set_limit, 1, |c| {
    let (which, rlim_cur, rlim_max) = (c.int(), c.word(), c.word());
    let l = libc::rlimit { rlim_cur, rlim_max };
    c.ret_int(check(libc::setrlimit(which as u32, &l) as i64));
});
sys_native!(umask, 1, |c| {
    let mask = c.int();
    c.ret_int(libc::umask(mask as libc::mode_t) as i64);
});
sys_native!(mkfifo, 1, |c| {
    let (name, mode) = (path(c.str()), c.word());
    c.ret_int(check(libc::mkfifo(name.as_ptr(), mode as u32) as i64));
});
sys_native!(socketpair, 3, |c| {
    let (family, kind, proto) = (c.int() as i32, c.int() as i32, c.int() as i32);
    let mut fds = [0i32; 2];
    let code = check(libc::socketpair(family, kind, proto, fds.as_mut_ptr()) as i64);
    c.ret_int(fds[0] as i64)
        .ret_int(fds[1] as i64)
        .ret_int(code);
});
sys_native!(exec, 1, |c| {
    let (file, argv, env) = (path(c.str()), c.slice(), c.slice());
    let (argv, env) = (c_strings(argv), c_strings(env));
    let (argv, env) = (pointers(&argv), pointers(&env));
    if let Some(l) = OLD_FILES.get() {
        libc::setrlimit(libc::RLIMIT_NOFILE, l);
    }
    libc::execve(file.as_ptr(), argv.as_ptr(), env.as_ptr());
    c.ret_int(errno());
});
// A write to standard output or error found nobody there: die as Unix programs do.
sys_native!(die_of_pipe, 0, |c| {
    let _ = &c;
    libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    let mut one: libc::sigset_t = std::mem::zeroed();
    libc::sigemptyset(&mut one);
    libc::sigaddset(&mut one, libc::SIGPIPE);
    libc::pthread_sigmask(libc::SIG_UNBLOCK, &one, std::ptr::null_mut());
    libc::raise(libc::SIGPIPE);
});

pub const NATIVES: &[Entry] = &[
    ("os.sysStart", start),
    ("os.sysRead", read),
    ("os.sysWrite", write),
    ("os.dieOfPipe", die_of_pipe),
    ("syscall.sysWait4", wait4),
    ("syscall.sysRead", read),
    ("syscall.sysWrite", write),
    ("syscall.sysPipe", pipe2),
    ("syscall.sysDup", dup3),
    ("syscall.sysFlock", flock),
    ("syscall.sysGetrlimit", get_limit),
    ("syscall.sysSetrlimit", set_limit),
    ("syscall.Umask", umask),
    ("syscall.sysMkfifo", mkfifo),
    ("syscall.sysSocketpair", socketpair),
    ("syscall.sysExec", exec),
];
