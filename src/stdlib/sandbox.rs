//! What `--no-net`, `--no-fs`, `--read` and `--no-exec` refuse.
//!
//! Every native that opens something of the outside world is listed here with the place of
//! its arguments. In a sandbox the table of natives holds a guard in its stead, which either
//! goes on to it or gives the program the error EPERM (`operation not permitted`,
//! `fs.ErrPermission`). Nothing else reaches the system: guests have no other way to make
//! a system call. Without a sandbox no guard exists.
//!
//! Descriptors that are open (standard input and output, pipes) stay usable. A path may be
//! read if what it leads to, links followed, lies below a folder given by `--read`; a guest
//! that may write nowhere cannot change that meanwhile.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::Native;

/// The rules of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub no_net: bool,
    pub no_exec: bool,
    pub no_fs: bool,
    /// Folders that may be read although `no_fs` holds.
    pub read: Vec<PathBuf>,
}

static RULES: OnceLock<Rules> = OnceLock::new();

/// Sets the rules, before anything runs. Folders must exist.
pub fn set(mut rules: Rules) -> Result<(), String> {
    for dir in &mut rules.read {
        let real = dir.canonicalize();
        *dir =
            real.map_err(|e| format!("--read={}: {}", dir.display(), crate::load::io_text(&e)))?;
    }
    rules.no_fs |= !rules.read.is_empty();
    RULES
        .set(rules)
        .map_err(|_| "the sandbox is already set".into())
}

/// The rules, if there are any.
pub fn rules() -> Option<&'static Rules> {
    RULES.get().filter(|r| r.no_net || r.no_exec || r.no_fs)
}

/// What a native does to the outside, and in which argument slots it says to what.
#[derive(Clone, Copy)]
enum Does {
    Net,
    /// A socket of the family in this slot; one of the file system makes files.
    Socket(usize),
    Exec,
    /// Opens the path in this slot with the flags two slots on.
    Open(usize),
    /// Reads about the path in this slot.
    Read(usize),
    /// As `Read`, unless the descriptor in the first slot is used instead.
    ReadAt(usize),
    Write,
    /// As `Write`, unless the descriptor in the first slot is used instead.
    WriteAt,
}

/// A native's name, the slots of its results (the last one is an error number), what it does.
type Guarded = (&'static str, usize, Does);

const GUARDED: [Guarded; 29] = [
    ("os.sysOpen", 3, Does::Open(0)),
    ("os.sysStat", 17, Does::ReadAt(1)),
    ("syscall.sysStat", 17, Does::ReadAt(1)),
    ("os.sysReadDir", 5, Does::Read(0)),
    ("os.sysTruncate", 1, Does::WriteAt),
    ("os.sysMkdir", 1, Does::Write),
    ("os.sysRemove", 1, Does::Write),
    ("os.sysRename", 1, Does::Write),
    ("os.sysLink", 1, Does::Write),
    ("os.sysSymlink", 1, Does::Write),
    ("os.sysReadlink", 3, Does::Read(0)),
    ("os.sysChmod", 1, Does::Write),
    ("os.sysChown", 1, Does::Write),
    ("os.sysChtimes", 1, Does::Write),
    ("os.sysChdir", 1, Does::Read(0)),
    ("os.sysKill", 1, Does::Exec),
    ("os.sysStart", 2, Does::Exec),
    ("syscall.sysKill", 1, Does::Exec),
    ("syscall.sysOpen", 3, Does::Open(0)),
    ("syscall.sysMkfifo", 1, Does::Write),
    ("syscall.sysSocketpair", 3, Does::Net),
    ("syscall.sysExec", 1, Does::Exec),
    ("syscall.sysSetrlimit", 1, Does::Exec),
    ("internal/poll.Socket", 2, Does::Socket(0)),
    ("internal/poll.Bind", 1, Does::Net),
    ("internal/poll.Connect", 1, Does::Net),
    ("internal/poll.Listen", 1, Does::Net),
    ("internal/poll.SystemFile", 4, Does::Net),
    ("internal/poll.Interfaces", 3, Does::Net),
];

static ORIGINALS: [AtomicUsize; GUARDED.len()] = [const { AtomicUsize::new(0) }; GUARDED.len()];

/// Whether what `path` leads to lies in a folder that may be read.
fn readable(r: &Rules, path: &Path) -> bool {
    let real = path.canonicalize().or_else(|e| {
        // What is not there may be looked for where it would be.
        let dir = path
            .parent()
            .filter(|_| e.kind() == std::io::ErrorKind::NotFound);
        let here = || Path::new(".").into();
        dir.map_or(Err(e), |d| {
            if d.as_os_str().is_empty() {
                here()
            } else {
                d.to_path_buf()
            }
            .canonicalize()
        })
    });
    real.is_ok_and(|p| r.read.iter().any(|dir| p.starts_with(dir)))
}

/// Whether the rules refuse this call.
///
/// # Safety
/// `args` are the argument slots of the native.
unsafe fn refused(r: &Rules, does: Does, args: *const u64) -> bool {
    // SAFETY: by the caller's promise; strings are headers of two slots.
    let slot = |i: usize| unsafe { *args.add(i) };
    let path = |i: usize| {
        // SAFETY: as above.
        let bytes = unsafe { crate::vm::ops::slow::bytes(slot(i), slot(i + 1)) };
        Path::new(OsStr::from_bytes(bytes))
    };
    let by_fd = || slot(0) as i64 >= 0;
    match does {
        Does::Net => r.no_net,
        Does::Socket(i) => r.no_net || r.no_fs && slot(i) as i32 == libc::AF_UNIX,
        Does::Exec => r.no_exec,
        Does::Open(i) => {
            let flags = slot(i + 2) as i32;
            let writes = flags & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) != 0
                || flags & libc::O_TMPFILE == libc::O_TMPFILE;
            r.no_fs && (writes || !readable(r, path(i)))
        }
        Does::Read(i) => r.no_fs && !readable(r, path(i)),
        Does::ReadAt(i) => r.no_fs && !by_fd() && !readable(r, path(i)),
        Does::Write => r.no_fs,
        Does::WriteAt => r.no_fs && !by_fd(),
    }
}

/// Stands before native `I` of the list.
unsafe fn guard<const I: usize>(cx: &mut Cx, base: *mut u64) -> Exit {
    let (_, results, does) = GUARDED[I];
    // SAFETY: called with the native's own slots; results come before arguments. The
    // original is a native, stored before anything ran.
    unsafe {
        if let Some(r) = rules()
            && refused(r, does, base.add(results))
        {
            for i in 0..results {
                *base.add(i) = 0;
            }
            *base.add(results - 1) = libc::EPERM as u64;
            return Exit::Next;
        }
        let f = ORIGINALS[I].load(Ordering::Relaxed);
        std::mem::transmute::<usize, Native>(f)(cx, base)
    }
}

/// Guards by number.
macro_rules! guards {
    ($($i:literal)*) => { [$(guard::<$i>),*] };
}
const GUARDS: [Native; GUARDED.len()] =
    guards!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28);

/// Puts the guards into the table of natives; `find` gives a native's place by its name.
pub fn install<'a>(mut place: impl FnMut(&str) -> Option<&'a mut Native>) {
    if rules().is_none() {
        return;
    }
    for (i, (name, ..)) in GUARDED.iter().enumerate() {
        let f = place(name).expect("a guarded native exists");
        ORIGINALS[i].store(*f as usize, Ordering::Relaxed);
        *f = GUARDS[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guarded_native_exists() {
        for (name, results, _) in GUARDED {
            assert!(crate::vm::natives::lookup(name).is_some(), "{name}");
            assert!(results > 0, "{name}");
        }
    }

    #[test]
    fn only_the_given_folders_are_readable() {
        let dir = std::env::temp_dir().join(format!("gosub-sandbox-{}", std::process::id()));
        let inside = dir.join("in");
        std::fs::create_dir_all(&inside).expect("writable");
        std::fs::write(inside.join("f"), "x").expect("writable");
        let _ = std::os::unix::fs::symlink("/etc", inside.join("out"));
        let r = Rules {
            no_fs: true,
            read: vec![inside.canonicalize().expect("there")],
            ..Rules::default()
        };
        for (path, ok) in [
            ("f", true),
            ("missing", true),
            ("../in/f", true),
            ("..", false),
            ("out", false),
            ("out/passwd", false),
            ("missing/missing", false),
        ] {
            assert_eq!(readable(&r, &inside.join(path)), ok, "{path}");
        }
        assert!(!readable(&r, Path::new("/etc/passwd")));
        assert!(!readable(&Rules::default(), &inside.join("f")));
        std::fs::remove_dir_all(&dir).expect("ours");
    }
}
