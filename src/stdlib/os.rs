//! `os`: files through descriptors, the environment, the process. Errors travel as errno
//! numbers; the Go half makes them `*PathError`s.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{blocking, brief};
use crate::vm::cx::Exit;
use crate::vm::natives::{Call, Entry};

static ARGS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
/// Sets what the program sees as its arguments, once.
pub fn set_args(args: Vec<Vec<u8>>) {
    ARGS.get_or_init(|| args);
    super::process::raise_file_limit();
}

/// A test runs: leaving with success would hide that it did not finish.
pub static EXIT_0_PANICS: AtomicBool = AtomicBool::new(false);

/// Guards the environment: the C functions are not thread-safe.
static ENV: Mutex<()> = Mutex::new(());

pub(super) fn errno() -> i64 {
    std::io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or(libc::EIO) as i64
}
/// 0 or the error number of a C call that returned -1 on failure.
pub(super) fn check(r: i64) -> i64 {
    if r < 0 { errno() } else { 0 }
}
/// Count (-1 for an error) and error number of a call.
fn counted(n: isize) -> (i64, i64) {
    (n.max(0) as i64, check(n as i64))
}
/// A path for C. Names with a NUL inside do not exist.
pub(super) fn path(s: &[u8]) -> CString {
    CString::new(s).unwrap_or_else(|_| c"\x01invalid".to_owned())
}

sys_native!(args, 2, |c| {
    let empty = Vec::new();
    let list: Vec<&[u8]> = ARGS
        .get()
        .unwrap_or(&empty)
        .iter()
        .map(Vec::as_slice)
        .collect();
    crate::try_exit!(c.ret_strings(&list));
});
sys_native!(exit, 0, |c| {
    let code = c.int();
    if code == 0 && EXIT_0_PANICS.load(Ordering::Relaxed) {
        return c.panic("unexpected call to os.Exit(0) during test");
    }
    // Other goroutines may be running: leave without destructors. Output is not buffered.
    libc::_exit(crate::race::report::finish(code as i32));
});
sys_native!(errno_text, 2, |c| {
    let code = c.int() as i32;
    let mut buf = [0u8; 256];
    let text = if libc::strerror_r(code, buf.as_mut_ptr().cast(), buf.len()) == 0 {
        let s = CStr::from_ptr(buf.as_ptr().cast())
            .to_string_lossy()
            .into_owned();
        // Go's texts are the C library's in lower case.
        let mut ch = s.chars();
        match ch.next() {
            Some(f) if !s.starts_with("RFS") => f.to_lowercase().collect::<String>() + ch.as_str(),
            _ => s,
        }
    } else {
        format!("errno {code}")
    };
    crate::try_exit!(c.ret_str(text.as_bytes()));
});
sys_native!(open, 3, |c| {
    let (name, flag, perm) = (path(c.str()), c.int(), c.word());
    let (fd, kind, code) = blocking(c.cx, false, || {
        let fd = libc::open(name.as_ptr(), flag as i32 | libc::O_CLOEXEC, perm as u32);
        if fd < 0 {
            return (fd, 0, errno());
        }
        (fd, kind_of(fd), 0)
    });
    c.ret_int(fd as i64).ret_int(kind as i64).ret_int(code);
});
/// The type bits of an open file's mode.
fn kind_of(fd: i32) -> u32 {
    // SAFETY: a valid structure to fill in.
    unsafe {
        let mut st: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &mut st);
        st.st_mode & libc::S_IFMT
    }
}
sys_native!(kind_of_fd, 1, |c| {
    let fd = c.int();
    c.ret(kind_of(fd as i32) as u64);
});
sys_native!(close, 1, |c| {
    let fd = c.int();
    let r = libc::close(fd as i32);
    c.ret_int(check(r as i64));
});
sys_native!(write_string, 2, |c| {
    let (fd, b) = (c.int(), c.str());
    crate::race::file_write(0, 0);
    if (fd == 1 || fd == 2) && crate::vm::session::print_above(b) {
        c.ret_int(b.len() as i64).ret_int(0);
        return Exit::Next;
    }
    let (n, code) = brief(c.cx, || {
        counted(libc::write(fd as i32, b.as_ptr().cast(), b.len()))
    });
    c.ret_int(n).ret_int(code);
});
sys_native!(read_at, 2, |c| {
    let (fd, b, off) = (c.int(), c.slice(), c.int());
    let (n, code) = brief(c.cx, || {
        counted(libc::pread(
            fd as i32,
            b.ptr as *mut libc::c_void,
            b.len,
            off,
        ))
    });
    crate::race::file_read(b.ptr, n.max(0) as usize);
    c.ret_int(n).ret_int(code);
});
sys_native!(write_at, 2, |c| {
    let (fd, b, off) = (c.int(), c.slice(), c.int());
    crate::race::file_write(b.ptr, b.len);
    let (n, code) = brief(c.cx, || {
        counted(libc::pwrite(
            fd as i32,
            b.ptr as *const libc::c_void,
            b.len,
            off,
        ))
    });
    c.ret_int(n).ret_int(code);
});
sys_native!(seek, 2, |c| {
    let (fd, off, whence) = (c.int(), c.int(), c.int());
    let n = libc::lseek(fd as i32, off, whence as i32);
    c.ret_int(n.max(0)).ret_int(check(n));
});
sys_native!(stat, 17, |c| {
    let (fd, name, follow) = (c.int(), path(c.str()), c.bool());
    let mut st: libc::stat = std::mem::zeroed();
    let r = if fd >= 0 {
        libc::fstat(fd as i32, &mut st)
    } else if follow {
        libc::stat(name.as_ptr(), &mut st)
    } else {
        libc::lstat(name.as_ptr(), &mut st)
    };
    let code = check(r as i64);
    for v in [
        st.st_mode as i64,
        st.st_size,
        st.st_mtime,
        st.st_mtime_nsec,
        st.st_dev as i64,
        st.st_ino as i64,
        st.st_nlink as i64,
        st.st_uid as i64,
        st.st_gid as i64,
        st.st_rdev as i64,
        st.st_blksize as i64,
        st.st_blocks as i64,
        st.st_atime,
        st.st_atime_nsec,
        st.st_ctime,
        st.st_ctime_nsec,
    ] {
        c.ret_int(v);
    }
    c.ret_int(code);
});
sys_native!(read_dir, 5, |c| {
    let name = c.str().to_vec();
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut kinds: Vec<u32> = Vec::new();
    let mut code = 0;
    blocking(c.cx, false, || {
        match std::fs::read_dir(OsStr::from_bytes(&name)) {
            Ok(dir) => {
                for e in dir.flatten() {
                    use std::os::unix::fs::FileTypeExt;
                    let kind = e.file_type().map_or(0, |t| {
                        if t.is_dir() {
                            libc::S_IFDIR
                        } else if t.is_symlink() {
                            libc::S_IFLNK
                        } else if t.is_fifo() {
                            libc::S_IFIFO
                        } else if t.is_socket() {
                            libc::S_IFSOCK
                        } else if t.is_char_device() {
                            libc::S_IFCHR
                        } else if t.is_block_device() {
                            libc::S_IFBLK
                        } else {
                            libc::S_IFREG
                        }
                    });
                    names.push(e.file_name().into_vec());
                    kinds.push(kind);
                }
            }
            Err(e) => code = e.raw_os_error().unwrap_or(libc::EIO),
        }
    });
    // The strings must live in guest memory.
    let mut held: Vec<&[u8]> = Vec::new();
    for n in &names {
        let p = crate::try_exit!(c.alloc_bytes(n));
        held.push(crate::vm::ops::slow::bytes(p, n.len() as u64));
    }
    crate::try_exit!(c.ret_strings(&held));
    let bytes: Vec<u8> = kinds.iter().flat_map(|k| k.to_le_bytes()).collect();
    let p = crate::try_exit!(c.alloc_bytes(&bytes));
    let n = kinds.len();
    c.ret_slice(crate::vm::natives::Slice {
        ptr: p,
        len: n,
        cap: n,
    })
    .ret_int(code as i64);
});
sys_native!(truncate, 1, |c| {
    let (fd, name, size) = (c.int(), path(c.str()), c.int());
    let r = if fd >= 0 {
        libc::ftruncate(fd as i32, size)
    } else {
        libc::truncate(name.as_ptr(), size)
    };
    c.ret_int(check(r as i64));
});
sys_native!(sync, 1, |c| {
    let fd = c.int();
    let code = blocking(c.cx, false, || check(libc::fsync(fd as i32) as i64));
    c.ret_int(code);
});
sys_native!(mkdir, 1, |c| {
    let (name, perm) = (path(c.str()), c.word());
    let r = libc::mkdir(name.as_ptr(), perm as libc::mode_t);
    c.ret_int(check(r as i64));
});
sys_native!(remove, 1, |c| {
    let name = path(c.str());
    let mut r = libc::unlink(name.as_ptr());
    let mut code = check(r as i64);
    if r < 0 {
        r = libc::rmdir(name.as_ptr());
        // As Go: the directory's error unless it was no directory.
        let dir = check(r as i64);
        if r == 0 || dir != libc::ENOTDIR as i64 {
            code = dir;
        }
    }
    c.ret_int(code);
});
/// Two names and a C function.
macro_rules! two_names {
    ($($name:ident $f:path;)*) => { $(
        sys_native!($name, 1, |c| {
            let (a, b) = (path(c.str()), path(c.str()));
            let r = $f(a.as_ptr(), b.as_ptr());
            c.ret_int(check(r as i64));
        });
    )* };
}
two_names! {
    rename libc::rename;
    link libc::link;
    symlink libc::symlink;
}
sys_native!(readlink, 3, |c| {
    let name = c.str();
    match std::fs::read_link(OsStr::from_bytes(name)) {
        Ok(p) => {
            crate::try_exit!(c.ret_str(p.as_os_str().as_bytes())).ret_int(0);
        }
        Err(e) => {
            c.ret(0)
                .ret(0)
                .ret_int(e.raw_os_error().unwrap_or(libc::EIO) as i64);
        }
    }
});
sys_native!(chmod, 1, |c| {
    let (name, mode) = (path(c.str()), c.word());
    let r = libc::chmod(name.as_ptr(), mode as libc::mode_t);
    c.ret_int(check(r as i64));
});
sys_native!(chown, 1, |c| {
    let (name, uid, gid) = (path(c.str()), c.int(), c.int());
    let r = libc::chown(name.as_ptr(), uid as u32, gid as u32);
    c.ret_int(check(r as i64));
});
sys_native!(chtimes, 1, |c| {
    let (name, at, mt) = (path(c.str()), c.int(), c.int());
    let spec = |ns: i64| libc::timespec {
        tv_sec: ns.div_euclid(1_000_000_000),
        tv_nsec: ns.rem_euclid(1_000_000_000),
    };
    let times = [spec(at), spec(mt)];
    let r = libc::utimensat(libc::AT_FDCWD, name.as_ptr(), times.as_ptr(), 0);
    c.ret_int(check(r as i64));
});
sys_native!(chdir, 1, |c| {
    let name = path(c.str());
    let r = libc::chdir(name.as_ptr());
    c.ret_int(check(r as i64));
});
/// A name or an error number.
fn ret_name(c: &mut Call, r: std::io::Result<OsString>) -> Exit {
    match r {
        Ok(p) => {
            crate::try_exit!(c.ret_str(p.as_bytes())).ret_int(0);
        }
        Err(e) => {
            c.ret(0)
                .ret(0)
                .ret_int(e.raw_os_error().unwrap_or(libc::EIO) as i64);
        }
    }
    Exit::Next
}
sys_native!(getwd, 3, |c| {
    return ret_name(&mut c, std::env::current_dir().map(Into::into));
});
sys_native!(executable, 3, |c| {
    return ret_name(&mut c, std::env::current_exe().map(Into::into));
});
sys_native!(hostname, 3, |c| {
    let mut buf = [0u8; 256];
    let r = libc::gethostname(buf.as_mut_ptr().cast(), buf.len() - 1);
    let code = check(r as i64);
    let n = buf.iter().position(|b| *b == 0).unwrap_or(0);
    crate::try_exit!(c.ret_str(&buf[..n])).ret_int(code);
});
sys_native!(pipe, 3, |c| {
    let mut fds = [0i32; 2];
    let r = libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK);
    let code = check(r as i64);
    c.ret_int(fds[0] as i64)
        .ret_int(fds[1] as i64)
        .ret_int(code);
});
sys_native!(is_terminal, 1, |c| {
    let fd = c.int();
    let yes = libc::isatty(fd as i32) == 1;
    c.ret_bool(yes);
});
sys_native!(kill, 1, |c| {
    let (pid, sig) = (c.int(), c.int());
    let r = libc::kill(pid as i32, sig as i32);
    c.ret_int(check(r as i64));
});
sys_native!(ids, 6, |c| {
    let v = [
        libc::getpid() as i64,
        libc::getppid() as i64,
        libc::getuid() as i64,
        libc::geteuid() as i64,
        libc::getgid() as i64,
        libc::getegid() as i64,
    ];
    for x in v {
        c.ret_int(x);
    }
});
sys_native!(lookup_env, 3, |c| {
    let key = c.str();
    let _l = ENV.lock().unwrap_or_else(PoisonError::into_inner);
    let v = if key.is_empty() || key.contains(&b'=') || key.contains(&0) {
        None
    } else {
        std::env::var_os(OsStr::from_bytes(key))
    };
    match v {
        Some(v) => {
            crate::try_exit!(c.ret_str(v.as_bytes())).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
});
sys_native!(set_env, 0, |c| {
    let (k, v) = (path(c.str()), path(c.str()));
    let _l = ENV.lock().unwrap_or_else(PoisonError::into_inner);
    libc::setenv(k.as_ptr(), v.as_ptr(), 1);
});
sys_native!(unset_env, 0, |c| {
    let k = path(c.str());
    let _l = ENV.lock().unwrap_or_else(PoisonError::into_inner);
    libc::unsetenv(k.as_ptr());
});
sys_native!(environ, 2, |c| {
    let list: Vec<Vec<u8>> = {
        let _l = ENV.lock().unwrap_or_else(PoisonError::into_inner);
        std::env::vars_os()
            .map(|(k, v)| [k.as_bytes(), b"=", v.as_bytes()].concat())
            .collect()
    };
    let mut held: Vec<&[u8]> = Vec::new();
    for n in &list {
        let p = crate::try_exit!(c.alloc_bytes(n));
        held.push(crate::vm::ops::slow::bytes(p, n.len() as u64));
    }
    crate::try_exit!(c.ret_strings(&held));
});
sys_native!(clear_env, 0, |c| {
    let _l = ENV.lock().unwrap_or_else(PoisonError::into_inner);
    libc::clearenv();
    let _ = &c;
});
sys_native!(random_name, 2, |c| {
    let text = (crate::heap::hash::random() % 10_000_000_000).to_string();
    crate::try_exit!(c.ret_str(text.as_bytes()));
});

pub const NATIVES: &[Entry] = &[
    ("os.args", args),
    ("os.exit", exit),
    ("syscall.errnoText", errno_text),
    ("os.sysOpen", open),
    ("os.sysClose", close),
    ("os.sysWriteString", write_string),
    ("os.sysReadAt", read_at),
    ("os.sysWriteAt", write_at),
    ("os.sysSeek", seek),
    ("os.sysStat", stat),
    ("syscall.sysStat", stat),
    ("os.sysReadDir", read_dir),
    ("os.sysTruncate", truncate),
    ("os.sysSync", sync),
    ("os.sysMkdir", mkdir),
    ("os.sysRemove", remove),
    ("os.sysRename", rename),
    ("os.sysLink", link),
    ("os.sysSymlink", symlink),
    ("os.sysReadlink", readlink),
    ("os.sysChmod", chmod),
    ("os.sysChown", chown),
    ("os.sysChtimes", chtimes),
    ("os.sysChdir", chdir),
    ("os.sysGetwd", getwd),
    ("os.sysPipe", pipe),
    ("os.sysIsTerminal", is_terminal),
    ("os.sysKill", kill),
    ("syscall.sysKill", kill),
    ("syscall.sysOpen", open),
    ("syscall.sysClose", close),
    ("syscall.sysSeek", seek),
    ("syscall.ids", ids),
    ("syscall.Exit", exit),
    ("syscall.Environ", environ),
    ("os.kindOf", kind_of_fd),
    ("os.sysHostname", hostname),
    ("os.sysExecutable", executable),
    ("os.ids", ids),
    ("os.lookupEnv", lookup_env),
    ("os.setEnv", set_env),
    ("os.unsetEnv", unset_env),
    ("os.environ", environ),
    ("os.clearEnv", clear_env),
    ("os.randomName", random_name),
];
