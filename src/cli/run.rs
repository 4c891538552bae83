//! The commands.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use super::options::{self, Command, HELP, Options, exit};
use crate::base::diag::Diagnostic;
use crate::base::render::{Format, render};
use crate::base::span::SourceMap;
use crate::load::{Loaded, load_program, read_source};
use crate::lower::Lowerer;
use crate::types::check::CheckOptions;
use crate::vm;

/// Stack of the thread that parses, checks and compiles: deep nesting is bounded by the
/// parser so that recursion fits.
const COMPILER_STACK: usize = 512 << 20;

/// Runs the command line; the exit code.
pub fn main(args: Vec<String>) -> i32 {
    let opts = match options::parse(&args) {
        Ok(o) => o,
        Err(e) => {
            eprintln!("gosub: {e}\nrun 'gosub --help' for usage");
            return exit::FATAL;
        }
    };
    let work = std::thread::Builder::new()
        .name("gosub".into())
        .stack_size(COMPILER_STACK)
        .spawn(move || command(opts));
    match work.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => exit::FATAL,
        Err(e) => {
            eprintln!("gosub: cannot start: {e}");
            exit::FATAL
        }
    }
}

fn command(opts: Options) -> i32 {
    match opts.command {
        Command::Help => {
            print!("{HELP}");
            exit::OK
        }
        Command::Version => {
            println!(
                "gosub version {} {}/{}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            );
            exit::OK
        }
        Command::Fmt(ref o) => super::fmt::main(o, opts.format),
        Command::Check { ref files } => match load(files, &opts) {
            Ok(l) => {
                report(&l.sources, &super::vet::findings(&l), &opts);
                exit::OK
            }
            Err(code) => code,
        },
        Command::Vet { ref files } => match load(files, &opts) {
            Ok(l) => {
                let mut found = super::vet::findings(&l);
                super::vet::as_errors(&mut found);
                report(&l.sources, &found, &opts);
                super::vet::code(&found)
            }
            Err(code) => code,
        },
        Command::Dis { ref file } => match load(std::slice::from_ref(file), &opts) {
            Ok(l) => disassemble(l),
            Err(code) => code,
        },
        Command::Run { ref file, ref args } => match load(std::slice::from_ref(file), &opts) {
            Ok(l) => run(l, file, args),
            Err(code) => code,
        },
    }
}

/// Reads and checks a program; reports what is wrong with it.
fn load(files: &[String], opts: &Options) -> Result<Loaded, i32> {
    let mut texts = Vec::new();
    for f in files {
        match read_source(Path::new(f)) {
            Ok(t) => texts.push((f.clone(), t)),
            Err(e) => {
                eprintln!("gosub: {e}");
                return Err(exit::FAILED);
            }
        }
    }
    let check = CheckOptions {
        ignore_missing_main: false,
        go_version: 27,
        stdlib: false,
    };
    let l = load_program(&texts, &check);
    report(&l.sources, &l.diagnostics, opts);
    if l.has_errors() {
        Err(exit::FAILED)
    } else {
        Ok(l)
    }
}

/// Prints diagnostics on standard error.
fn report(sources: &SourceMap, diags: &[Diagnostic], opts: &Options) {
    if diags.is_empty() {
        return;
    }
    let tty = std::io::stderr().is_terminal();
    let format = opts
        .format
        .unwrap_or(if tty { Format::Human } else { Format::Short });
    let color = tty
        && std::env::var_os("NO_COLOR").is_none()
        && std::env::var("TERM").is_ok_and(|t| t != "dumb");
    let mut err = std::io::stderr().lock();
    // Nothing can be done when standard error is gone.
    let _ = render(sources, diags, format, color, &mut err);
    let _ = err.flush();
}

fn lowerer(l: Loaded) -> Lowerer {
    vm::traceback::set_sources(Arc::new(l.sources));
    let mut lw = Lowerer::new(vm::natives::lookup);
    for p in l.packages {
        lw.add_package(p);
    }
    lw
}

fn run(l: Loaded, file: &str, args: &[String]) -> i32 {
    let mut argv = vec![file.to_string()];
    argv.extend(args.iter().cloned());
    crate::stdlib::os::set_args(argv.into_iter().map(String::into_bytes).collect());
    let lw = lowerer(l);
    vm::exec::run_program(lw, crate::stdlib::runtime::default_procs())
}

fn disassemble(l: Loaded) -> i32 {
    let user = l.packages.len() - 1;
    let sources = l.sources;
    let mut lw = Lowerer::new(vm::natives::lookup);
    for p in l.packages {
        lw.add_package(p);
    }
    let protos = lw.compile_package(user);
    let mut out = std::io::stdout().lock();
    for p in protos {
        if out
            .write_all(crate::bytecode::disasm::listing(p, &sources).as_bytes())
            .is_err()
        {
            return exit::FAILED;
        }
    }
    exit::OK
}
