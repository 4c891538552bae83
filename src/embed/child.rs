//! The program's process: a hook that runs before the host's `main`, and the program's half
//! of calls to the host.
#![allow(unsafe_code)]

use std::io::Write;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::value::{self, Value};
use crate::cli::run;
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};

/// Says to the hook that this process is to be a program.
pub const VARIABLE: &str = "GOSUB_EMBEDDED";
/// The descriptor on which it talks to the host.
const FD: i32 = 3;

// SAFETY: a C function without arguments, as the loader expects in this section. It does
// nothing unless the variable is set, and does not return then.
#[used]
#[unsafe(link_section = ".init_array")]
static HOOK: extern "C" fn() = {
    extern "C" fn hook() {
        if std::env::var_os(VARIABLE).is_some() {
            std::process::exit(become_program());
        }
    }
    hook
};

/// Makes the linker keep the hook.
pub fn present() {
    std::hint::black_box(&HOOK);
}

/// Gives the child `fd` under the number it looks for.
pub fn keep(c: &mut Command, fd: i32) {
    // SAFETY: only calls that may be made between fork and exec.
    unsafe {
        c.pre_exec(move || {
            if fd == FD {
                libc::fcntl(fd, libc::F_SETFD, 0);
            } else if libc::dup2(fd, FD) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            // It does not outlive the host.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

static HOST: Mutex<Option<UnixStream>> = Mutex::new(None);

fn texts(v: Option<&Value>) -> Vec<String> {
    let Some(Value::List(l)) = v else {
        return Vec::new();
    };
    let text = |v: &Value| match v {
        Value::Str(s) => Some(s.clone()),
        _ => None,
    };
    l.iter().filter_map(text).collect()
}

fn become_program() -> i32 {
    // SAFETY: the descriptor that `keep` left; nothing else runs yet.
    let mut s = unsafe {
        std::env::remove_var(VARIABLE);
        std::env::remove_var("LD_LIBRARY_PATH");
        libc::fcntl(FD, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        UnixStream::from_raw_fd(FD)
    };
    let Ok(Value::List(job)) = value::receive(&mut s) else {
        let _ = std::io::stderr().write_all(b"gosub: no program to run\n");
        return 2;
    };
    let (Some(Value::Str(mode)), Some(Value::Str(name)), Some(Value::Str(source))) =
        (job.first(), job.get(1), job.get(2))
    else {
        return 2;
    };
    for pair in texts(job.get(5)).chunks_exact(2) {
        // Names that no environment can hold are dropped.
        let fine = !pair[0].is_empty() && !pair[0].contains(['=', '\0']) && !pair[1].contains('\0');
        if fine {
            // SAFETY: this process has one thread so far.
            unsafe { std::env::set_var(&pair[0], &pair[1]) };
        }
    }
    *HOST.lock().unwrap_or_else(PoisonError::into_inner) = Some(s);
    run::embedded(mode, name, source, &texts(job.get(3)), &texts(job.get(4)))
}

/// Sends a call, encoded by the guest, and returns the encoded answer.
unsafe fn exchange(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let request = c.bytes().to_vec();
    let reply = crate::stdlib::blocking(c.cx, true, || {
        let mut s = HOST.lock().unwrap_or_else(PoisonError::into_inner);
        let s = s.as_mut()?;
        s.write_all(&(request.len() as u32).to_le_bytes()).ok()?;
        s.write_all(&request).ok()?;
        value::receive_bytes(s).ok()
    });
    match reply {
        Some(b) => {
            crate::try_exit!(c.ret_bytes(&b)).ret_bool(true);
        }
        None => {
            c.ret(0).ret(0).ret_bool(false);
        }
    }
    Exit::Next
}

pub const NATIVES: &[Entry] = &[("gosub/host.exchange", exchange)];
