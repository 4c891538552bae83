//! `internal/poll`: descriptors in the netpoller, sockets, what names are looked up with. Calls
//! that must wait park the goroutine so that it makes the same call again (see
//! `runtime::netpoll`).
//! Errors travel as error numbers, -1 for a closed descriptor, -2 for a passed deadline.
#![allow(unsafe_code)]

use super::os::{check, errno};
use crate::runtime::netpoll::{Guard, Mode, Refused};
use crate::vm::cx::{Cx, Exit};
use crate::vm::goroutine::{self, Word};
use crate::vm::natives::{Call, Entry};

const CLOSED: i64 = -1;
const DEADLINE: i64 = -2;

fn refusal(r: Refused) -> i64 {
    match r {
        Refused::Closed => CLOSED,
        Refused::DeadlineExceeded => DEADLINE,
    }
}

/// How an attempt at a non-blocking operation ended.
enum Tried {
    /// A result.
    Done(i64),
    /// An error number or code.
    Failed(i64),
    Parked,
}

/// Tries `op` (a system call that gives a count or -1) until it does something. No result
/// may be written before, because a parked call starts again.
#[inline]
fn attempt(cx: &mut Cx, h: u64, mode: Mode, mut op: impl FnMut(&Guard) -> (i64, bool)) -> Tried {
    let (w, g) = (cx.w(), cx.g());
    let Some(guard) = w.rt().net.enter(h) else {
        return Tried::Failed(CLOSED);
    };
    loop {
        if let Err(r) = guard.check(mode) {
            return Tried::Failed(refusal(r));
        }
        let taken = guard.take_ready(mode);
        if taken != 0 {
            let (n, all) = op(&guard);
            if n >= 0 {
                guard.done(mode, taken, all && guard.is_stream());
                return Tried::Done(n);
            }
            match errno() as i32 {
                libc::EAGAIN => {}
                libc::EINTR => {
                    guard.done(mode, taken, false);
                    continue;
                }
                code => {
                    guard.done(mode, taken, false);
                    return Tried::Failed(code as i64);
                }
            }
        }
        // The goroutine goes on at this very call.
        goroutine::set(g, Word::Pc, cx.pc as usize);
        if guard.park(w, g, mode) {
            return Tried::Parked;
        }
    }
}

/// Writes (count, code).
fn finish(c: &mut Call, t: Tried) -> Exit {
    match t {
        Tried::Done(n) => c.ret_int(n).ret_int(0),
        Tried::Failed(code) => c.ret_int(0).ret_int(code),
        Tried::Parked => return Exit::Parked,
    };
    Exit::Next
}

sys_native!(open, 2, |c| {
    let (fd, stream, fresh) = (c.int(), c.bool(), c.bool());
    let rt = c.cx.w().rt();
    match rt.net.open(rt, fd as i32, stream, fresh) {
        Ok(h) => c.ret(h).ret(0),
        Err(code) => c.ret(0).ret_int(code as i64),
    };
});
sys_native!(close, 1, |c| {
    let h = c.word();
    let w = c.cx.w();
    let code = if w.rt().net.close(w, h) { 0 } else { CLOSED };
    c.ret_int(code);
});
sys_native!(read, 2, |c| {
    let (h, b) = (c.word(), c.slice());
    let t = attempt(c.cx, h, Mode::Read, |g| {
        let n = libc::read(g.fd(), b.ptr as *mut libc::c_void, b.len) as i64;
        (n, n > 0 && (n as usize) < b.len)
    });
    if let Tried::Done(n) = t {
        crate::race::file_read(b.ptr, n.max(0) as usize);
    }
    return finish(&mut c, t);
});
sys_native!(write, 2, |c| {
    let (h, b) = (c.word(), c.slice());
    crate::race::file_write(b.ptr, b.len);
    let t = attempt(c.cx, h, Mode::Write, |g| {
        let n = libc::write(g.fd(), b.ptr as *const libc::c_void, b.len) as i64;
        (n, (n as usize) < b.len)
    });
    return finish(&mut c, t);
});
sys_native!(wait, 1, |c| {
    let (h, write) = (c.word(), c.bool());
    let mode = if write { Mode::Write } else { Mode::Read };
    let code = match attempt(c.cx, h, mode, |_| (0, true)) {
        Tried::Done(_) => 0,
        Tried::Failed(code) => code,
        Tried::Parked => return Exit::Parked,
    };
    c.ret_int(code);
});
sys_native!(set_deadline, 1, |c| {
    let (h, r, w, after) = (c.word(), c.bool(), c.bool(), c.int());
    let m = c.cx.w();
    let ok = m.rt().net.set_deadline(m, h, r, w, after);
    c.ret_int(if ok { 0 } else { CLOSED });
});
sys_native!(accept, 2, |c| {
    let h = c.word();
    let t = attempt(c.cx, h, Mode::Read, |g| {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let fd = libc::accept4(g.fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags);
        (fd as i64, false)
    });
    return finish(&mut c, t);
});
sys_native!(dup, 2, |c| {
    let h = c.word();
    let (fd, code) = match c.cx.w().rt().net.enter(h) {
        Some(g) => {
            let fd = libc::fcntl(g.fd(), libc::F_DUPFD_CLOEXEC, 0) as i64;
            (fd, check(fd))
        }
        None => (-1, CLOSED),
    };
    c.ret_int(fd).ret_int(code);
});
sys_native!(number, 1, |c| {
    let h = c.word();
    let fd = c.cx.w().rt().net.enter(h).map_or(-1, |g| g.fd());
    c.ret_int(fd as i64);
});
sys_native!(set_option, 1, |c| {
    let (h, level, name, value) = (c.word(), c.int(), c.int(), c.int() as i32);
    let code = match c.cx.w().rt().net.enter(h) {
        Some(g) => check(set_int_option(g.fd(), level, name, value)),
        None => CLOSED,
    };
    c.ret_int(code);
});
fn set_int_option(fd: i32, level: i64, name: i64, value: i32) -> i64 {
    // SAFETY: the value is a live int of the length given.
    let r = unsafe {
        libc::setsockopt(
            fd,
            level as i32,
            name as i32,
            (&raw const value).cast(),
            size_of::<i32>() as u32,
        )
    };
    r as i64
}
sys_native!(set_fd_option, 1, |c| {
    let (fd, level, name, value) = (c.int(), c.int(), c.int(), c.int() as i32);
    c.ret_int(check(set_int_option(fd as i32, level, name, value)));
});
sys_native!(set_linger, 1, |c| {
    let (h, sec) = (c.word(), c.int());
    let l = libc::linger {
        l_onoff: i32::from(sec >= 0),
        l_linger: sec.max(0) as i32,
    };
    let code = match c.cx.w().rt().net.enter(h) {
        Some(g) => check(libc::setsockopt(
            g.fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const l).cast(),
            size_of::<libc::linger>() as u32,
        ) as i64),
        None => CLOSED,
    };
    c.ret_int(code);
});
sys_native!(socket_error, 1, |c| {
    let h = c.word();
    let code = match c.cx.w().rt().net.enter(h) {
        Some(g) => {
            let (mut e, mut n) = (0i32, size_of::<i32>() as u32);
            let r = libc::getsockopt(
                g.fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut e).cast(),
                &mut n,
            );
            if r < 0 { errno() } else { e as i64 }
        }
        None => CLOSED,
    };
    c.ret_int(code);
});
sys_native!(again, 0, |c| {
    let h = c.word();
    if let Some(g) = c.cx.w().rt().net.enter(h) {
        g.again();
    }
});
sys_native!(shutdown, 1, |c| {
    let (h, how) = (c.word(), c.int());
    let code = match c.cx.w().rt().net.enter(h) {
        Some(g) => check(libc::shutdown(g.fd(), how as i32) as i64),
        None => CLOSED,
    };
    c.ret_int(code);
});
sys_native!(set_nonblock, 1, |c| {
    let (fd, on) = (c.int() as i32, c.bool());
    let old = libc::fcntl(fd, libc::F_GETFL);
    let code = if old < 0 {
        errno()
    } else {
        let new = if on {
            old | libc::O_NONBLOCK
        } else {
            old & !libc::O_NONBLOCK
        };
        check(libc::fcntl(fd, libc::F_SETFL, new) as i64)
    };
    c.ret_int(code);
});
sys_native!(is_nonblock, 1, |c| {
    let fd = c.int() as i32;
    let flags = libc::fcntl(fd, libc::F_GETFL);
    c.ret_bool(flags >= 0 && flags & libc::O_NONBLOCK != 0);
});
sys_native!(socket, 2, |c| {
    let (family, kind, proto) = (c.int(), c.int(), c.int());
    let kind = kind as i32 | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let fd = libc::socket(family as i32, kind, proto as i32) as i64;
    let code = check(fd);
    c.ret_int(fd).ret_int(code);
});
sys_native!(close_fd, 0, |c| {
    let fd = c.int();
    libc::close(fd as i32);
});

// ----- addresses -----

/// An address as guest words: family, high and low half of the IP (network order read as a
/// number), port, zone; and a path for Unix sockets, where a first @ stands for NUL.
struct Addr {
    store: libc::sockaddr_storage,
    len: u32,
}

impl Addr {
    fn empty() -> Addr {
        Addr {
            // SAFETY: all-zero bytes are a valid address of no family.
            store: unsafe { std::mem::zeroed() },
            len: size_of::<libc::sockaddr_storage>() as u32,
        }
    }
    fn ptr(&self) -> *const libc::sockaddr {
        (&raw const self.store).cast()
    }
    fn ptr_mut(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.store).cast()
    }
    /// Reads the arguments; None: the path is too long.
    fn read(c: &mut Call) -> Option<Addr> {
        let (family, hi, lo) = (c.int() as i32, c.word(), c.word());
        let (port, zone, path) = (c.int() as u16, c.int() as u32, c.str());
        let mut a = Addr::empty();
        // SAFETY: the storage is large enough and aligned for every kind of address.
        unsafe {
            match family {
                libc::AF_INET => {
                    let s = &mut *(&raw mut a.store).cast::<libc::sockaddr_in>();
                    s.sin_family = family as u16;
                    s.sin_port = port.to_be();
                    s.sin_addr.s_addr = (lo as u32).to_be();
                    a.len = size_of::<libc::sockaddr_in>() as u32;
                }
                libc::AF_INET6 => {
                    let s = &mut *(&raw mut a.store).cast::<libc::sockaddr_in6>();
                    s.sin6_family = family as u16;
                    s.sin6_port = port.to_be();
                    let ip = u128::from(hi) << 64 | u128::from(lo);
                    s.sin6_addr.s6_addr = ip.to_be_bytes();
                    s.sin6_scope_id = zone;
                    a.len = size_of::<libc::sockaddr_in6>() as u32;
                }
                _ => {
                    let s = &mut *(&raw mut a.store).cast::<libc::sockaddr_un>();
                    s.sun_family = libc::AF_UNIX as u16;
                    if path.len() >= s.sun_path.len() {
                        return None;
                    }
                    for (to, from) in s.sun_path.iter_mut().zip(path) {
                        *to = *from as libc::c_char;
                    }
                    let mut n = 2 + path.len() + 1;
                    if path.first() == Some(&b'@') {
                        s.sun_path[0] = 0;
                        n -= 1;
                    } else if path.is_empty() {
                        n = 2;
                    }
                    a.len = n as u32;
                }
            }
        }
        Some(a)
    }
    /// Writes seven result slots.
    fn ret(&self, c: &mut Call) -> Result<(), Exit> {
        // SAFETY: the kernel filled in an address of the family it names.
        unsafe {
            match self.store.ss_family as i32 {
                libc::AF_INET => {
                    let s = &*(&raw const self.store).cast::<libc::sockaddr_in>();
                    c.ret_int(libc::AF_INET as i64)
                        .ret(0)
                        .ret(u32::from_be(s.sin_addr.s_addr) as u64)
                        .ret(u16::from_be(s.sin_port) as u64)
                        .ret(0)
                        .ret(0)
                        .ret(0);
                }
                libc::AF_INET6 => {
                    let s = &*(&raw const self.store).cast::<libc::sockaddr_in6>();
                    let ip = u128::from_be_bytes(s.sin6_addr.s6_addr);
                    c.ret_int(libc::AF_INET6 as i64)
                        .ret((ip >> 64) as u64)
                        .ret(ip as u64)
                        .ret(u16::from_be(s.sin6_port) as u64)
                        .ret(s.sin6_scope_id as u64)
                        .ret(0)
                        .ret(0);
                }
                family => {
                    let mut path = Vec::new();
                    let n = (self.len as usize).saturating_sub(2);
                    if family == libc::AF_UNIX && n > 0 {
                        let s = &*(&raw const self.store).cast::<libc::sockaddr_un>();
                        let n = n.min(s.sun_path.len());
                        path.extend(s.sun_path[..n].iter().map(|b| *b as u8));
                        if path[0] == 0 {
                            path[0] = b'@';
                        } else if let Some(end) = path.iter().position(|b| *b == 0) {
                            path.truncate(end);
                        }
                    }
                    c.ret_int(family as i64).ret(0).ret(0).ret(0).ret(0);
                    c.ret_str(&path)?;
                }
            }
        }
        Ok(())
    }
}

/// A call with a descriptor and an address.
macro_rules! with_addr {
    ($($name:ident $f:path;)*) => { $(
        sys_native!($name, 1, |c| {
            let fd = c.int() as i32;
            let code = match Addr::read(&mut c) {
                Some(a) => check($f(fd, a.ptr(), a.len) as i64),
                None => libc::EINVAL as i64,
            };
            c.ret_int(code);
        });
    )* };
}
with_addr! {
    bind libc::bind;
    connect libc::connect;
}
sys_native!(listen, 1, |c| {
    let (fd, n) = (c.int(), c.int());
    let r = libc::listen(fd as i32, n as i32);
    c.ret_int(check(r as i64));
});
sys_native!(sock_name, 8, |c| {
    let (fd, peer) = (c.int() as i32, c.bool());
    let mut a = Addr::empty();
    let p = a.ptr_mut();
    let r = if peer {
        libc::getpeername(fd, p, &mut a.len)
    } else {
        libc::getsockname(fd, p, &mut a.len)
    };
    let code = check(r as i64);
    crate::try_exit!(a.ret(&mut c));
    c.ret_int(code);
});
sys_native!(receive, 11, |c| {
    let (h, b, oob) = (c.word(), c.slice(), c.slice());
    let mut a = Addr::empty();
    let (mut flags, mut noob) = (0, 0);
    let t = attempt(c.cx, h, Mode::Read, |g| {
        let mut part = libc::iovec {
            iov_base: b.ptr as *mut libc::c_void,
            iov_len: b.len,
        };
        let mut m: libc::msghdr = std::mem::zeroed();
        m.msg_name = a.ptr_mut().cast();
        m.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
        m.msg_iov = &mut part;
        m.msg_iovlen = 1;
        if oob.len > 0 {
            m.msg_control = oob.ptr as *mut libc::c_void;
            m.msg_controllen = oob.len;
        }
        let n = libc::recvmsg(g.fd(), &mut m, libc::MSG_CMSG_CLOEXEC) as i64;
        a.len = m.msg_namelen;
        flags = m.msg_flags;
        noob = m.msg_controllen;
        (n, false)
    });
    if let Tried::Done(n) = t {
        crate::race::file_read(b.ptr, n.max(0) as usize);
    }
    let (n, code) = match t {
        Tried::Done(n) => (n, 0),
        Tried::Failed(code) => (0, code),
        Tried::Parked => return Exit::Parked,
    };
    c.ret_int(n).ret(noob as u64).ret_int(flags as i64);
    crate::try_exit!(a.ret(&mut c));
    c.ret_int(code);
});
sys_native!(send, 2, |c| {
    let (h, b, oob, named) = (c.word(), c.slice(), c.slice(), c.bool());
    let addr = if named { Addr::read(&mut c) } else { None };
    if named && addr.is_none() {
        c.ret(0).ret_int(libc::EINVAL as i64);
        return Exit::Next;
    }
    crate::race::file_write(b.ptr, b.len);
    let t = attempt(c.cx, h, Mode::Write, |g| {
        let mut part = libc::iovec {
            iov_base: b.ptr as *mut libc::c_void,
            iov_len: b.len,
        };
        let mut m: libc::msghdr = std::mem::zeroed();
        if let Some(a) = &addr {
            m.msg_name = a.ptr().cast_mut().cast();
            m.msg_namelen = a.len;
        }
        m.msg_iov = &mut part;
        m.msg_iovlen = 1;
        if oob.len > 0 {
            m.msg_control = oob.ptr as *mut libc::c_void;
            m.msg_controllen = oob.len;
        }
        (libc::sendmsg(g.fd(), &m, libc::MSG_NOSIGNAL) as i64, false)
    });
    return finish(&mut c, t);
});

// ----- what names are looked up with -----

/// The files that say how names are looked up, by number. A program may read these even where
/// the sandbox keeps it from files, as long as it has the network.
const SYSTEM_FILES: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];
/// The most that is read of one.
const SYSTEM_FILE_MAX: u64 = 64 << 20;

/// Content and stamp of a file; no content if the stamp is `seen`.
fn system_file(path: &str, seen: i64) -> std::io::Result<(Vec<u8>, i64)> {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    let m = std::fs::metadata(path)?;
    if !m.is_file() {
        return Err(std::io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mix = |a: i64, b: i64| a.wrapping_mul(0x9e37_79b9).wrapping_add(b);
    let place = mix(m.dev() as i64, m.ino() as i64);
    let time = mix(m.mtime(), m.mtime_nsec());
    // Never 0, which stands for no file.
    let stamp = mix(mix(place, time), m.size() as i64) | 1;
    let mut text = Vec::new();
    if stamp != seen {
        let f = std::fs::File::open(path)?;
        f.take(SYSTEM_FILE_MAX).read_to_end(&mut text)?;
    }
    Ok((text, stamp))
}

sys_native!(read_system_file, 4, |c| {
    let (which, seen) = (c.word() as usize, c.int());
    let Some(path) = SYSTEM_FILES.get(which) else {
        c.ret(0).ret(0).ret(0).ret_int(libc::EINVAL as i64);
        return Exit::Next;
    };
    let r = super::blocking(c.cx, false, || system_file(path, seen));
    let (text, stamp, code) = match r {
        Ok((text, stamp)) => (text, stamp, 0),
        // EPERM is what the sandbox says.
        Err(e) => match e.raw_os_error() {
            Some(libc::EPERM) | None => (Vec::new(), 0, libc::EACCES),
            Some(code) => (Vec::new(), 0, code),
        },
    };
    crate::try_exit!(c.ret_str(&text))
        .ret_int(stamp)
        .ret_int(code as i64);
});
// A number that nobody can guess.
sys_native!(random, 1, |c| {
    let mut n = 0u64;
    let r = libc::getrandom((&raw mut n).cast(), size_of::<u64>(), 0);
    if r != size_of::<u64>() as isize {
        return c.cx.fatal_text("net: failed to read random data");
    }
    c.ret(n);
});
// Interface addresses, one a line: number, name, flags, IP or -, bits.
sys_native!(interfaces, 3, |c| {
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    if libc::getifaddrs(&mut list) < 0 {
        let code = errno();
        c.ret(0).ret(0).ret_int(code);
        return Exit::Next;
    }
    let mut out = String::new();
    let mut at = list;
    while let Some(i) = at.as_ref() {
        at = i.ifa_next;
        let name = std::ffi::CStr::from_ptr(i.ifa_name);
        let index = libc::if_nametoindex(i.ifa_name);
        let (mut ip, mut bits) = (String::from("-"), 0);
        if let (Some(a), Some(m)) = (i.ifa_addr.as_ref(), i.ifa_netmask.as_ref()) {
            match a.sa_family as i32 {
                libc::AF_INET => {
                    let s = &*i.ifa_addr.cast::<libc::sockaddr_in>();
                    let n = &*std::ptr::from_ref(m).cast::<libc::sockaddr_in>();
                    ip = std::net::Ipv4Addr::from(u32::from_be(s.sin_addr.s_addr)).to_string();
                    bits = n.sin_addr.s_addr.count_ones();
                }
                libc::AF_INET6 => {
                    let s = &*i.ifa_addr.cast::<libc::sockaddr_in6>();
                    let n = &*std::ptr::from_ref(m).cast::<libc::sockaddr_in6>();
                    ip = std::net::Ipv6Addr::from(s.sin6_addr.s6_addr).to_string();
                    bits = n.sin6_addr.s6_addr.iter().map(|b| b.count_ones()).sum();
                }
                _ => {}
            }
        }
        out += &format!(
            "{index} {} {} {ip} {bits}\n",
            name.to_string_lossy(),
            i.ifa_flags
        );
    }
    libc::freeifaddrs(list);
    crate::try_exit!(c.ret_str(out.as_bytes())).ret_int(0);
});

pub const NATIVES: &[Entry] = &[
    ("internal/poll.Open", open),
    ("internal/poll.Close", close),
    ("internal/poll.Read", read),
    ("internal/poll.Write", write),
    ("internal/poll.Wait", wait),
    ("internal/poll.Again", again),
    ("internal/poll.SetDeadline", set_deadline),
    ("internal/poll.Accept", accept),
    ("internal/poll.Dup", dup),
    ("internal/poll.Number", number),
    ("internal/poll.SetOption", set_option),
    ("internal/poll.SetFdOption", set_fd_option),
    ("internal/poll.SetLinger", set_linger),
    ("internal/poll.SocketError", socket_error),
    ("internal/poll.Shutdown", shutdown),
    ("internal/poll.SetNonblock", set_nonblock),
    ("internal/poll.IsNonblock", is_nonblock),
    ("internal/poll.Socket", socket),
    ("internal/poll.CloseFd", close_fd),
    ("internal/poll.Bind", bind),
    ("internal/poll.Connect", connect),
    ("internal/poll.Listen", listen),
    ("internal/poll.SockName", sock_name),
    ("internal/poll.Receive", receive),
    ("internal/poll.Send", send),
    ("internal/poll.SystemFile", read_system_file),
    ("internal/poll.Random", random),
    ("internal/poll.Interfaces", interfaces),
];
