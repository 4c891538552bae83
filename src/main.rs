//! The `gosub` command.
#![allow(unsafe_code)]
#![cfg_attr(all(target_os = "linux", target_env = "gnu", not(test)), no_main)]

mod memory;

#[global_allocator]
static GLOBAL: memory::Memory = memory::Memory;

/// Runs before Rust's own start-up code, whose first allocations would otherwise have
/// whole big pages cleared for them.
// SAFETY: a C function without arguments, as the loader expects in this section; it
// makes one system call and needs nothing that is set up later.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = {
    extern "C" fn early() {
        gosub::heap::block::allow_huge_pages(false);
    }
    early
};

/// Where the C library hands arguments to Rust by itself, the program does without Rust's
/// start-up code: it asks for the bounds of the stack, which costs as much as reading and
/// checking a small program.
#[cfg(all(target_os = "linux", target_env = "gnu", not(test)))]
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    // SAFETY: as the start-up code left out does it. A broken pipe is an error of the write.
    // Descriptors 0 to 2 must not be given to files that are opened later.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        for fd in 0..3 {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
    let code = run();
    let _ = std::io::Write::flush(&mut std::io::stdout());
    // SAFETY: this only ends the process.
    unsafe { libc::_exit(code) }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(test))))]
fn main() {
    std::process::exit(run());
}

fn run() -> i32 {
    memory::begin();
    let args = std::env::args_os()
        .skip(1)
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    gosub::cli::run::main(args)
}

/// What dependencies need of the C library's mathematics: with these the command does
/// without a shared library whose loading takes as long as checking a small program.
mod mathematics {
    macro_rules! functions {
        ($($name:ident)*) => { $(
            // SAFETY: the C function of this name, with its type and meaning.
            #[unsafe(no_mangle)]
            extern "C" fn $name(x: f64) -> f64 {
                libm::$name(x)
            }
        )* };
    }
    functions!(cos exp log log2 sin);
}
