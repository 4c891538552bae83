//! The `gosub` command.
#![allow(unsafe_code)]

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

fn main() {
    let args = std::env::args_os()
        .skip(1)
        .map(|a| a.to_string_lossy().into_owned())
        .collect();
    std::process::exit(gosub::cli::run::main(args));
}
