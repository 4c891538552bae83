//! The commands.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::options::{self, Command, HELP, Options, exit};
use super::{color, complete, repl, suggest, test};
use crate::base::diag::Diagnostic;
use crate::base::render::{Format, render};
use crate::base::span::SourceMap;
use crate::load::{Loaded, load_program, read_source};
use crate::lower::Lowerer;
use crate::race::report::Form;
use crate::types::check::CheckOptions;
use crate::vm;

/// Stack on which programs are parsed, checked and compiled: deep nesting is bounded by the
/// parser so that recursion fits.
const COMPILER_STACK: usize = 512 << 20;

/// Runs the command line; the exit code.
pub fn main(args: Vec<String>) -> i32 {
    if args.first().is_some_and(|a| a == test::CHILD) {
        return on_big_stack(move || test::run_child(&args[1..]));
    }
    let opts = match options::parse(&args) {
        Ok(o) => o,
        Err(e) => {
            eprintln!("gosub: {e}\nrun 'gosub --help' for usage");
            return exit::FATAL;
        }
    };
    if let Err(e) = crate::stdlib::sandbox::set(opts.rules.clone()) {
        eprintln!("gosub: {e}");
        return exit::FATAL;
    }
    on_big_stack(move || command(opts))
}

/// Runs or checks a source for a host program (see `embed`); the exit code.
pub fn embedded(mode: &str, name: &str, source: &str, flags: &[String], args: &[String]) -> i32 {
    let mut line: Vec<String> = vec!["run".into(), "--error-format=short".into()];
    line.extend(flags.iter().cloned());
    line.push(name.to_string());
    line.extend(args.iter().cloned());
    let opts = options::parse(&line).and_then(|o| {
        crate::stdlib::sandbox::set(o.rules.clone())?;
        Ok(o)
    });
    let opts = match opts {
        Ok(o) => o,
        Err(e) => {
            eprintln!("gosub: {e}");
            return exit::FATAL;
        }
    };
    let text = vec![(name.to_string(), source.to_string())];
    let (name, args, check) = (name.to_string(), args.to_vec(), mode == "check");
    on_big_stack(
        move || match load_texts(&text, &opts).and_then(|l| runnable(l, &name)) {
            Ok(_) if check => exit::OK,
            Ok(l) => {
                race_mode(&opts);
                run(l, &name, &args)
            }
            Err(code) => code,
        },
    )
}

fn on_big_stack(f: impl FnOnce() -> i32) -> i32 {
    crate::base::stack::on_stack(COMPILER_STACK, f).unwrap_or_else(|| {
        eprintln!("gosub: cannot start: no address space");
        exit::FATAL
    })
}

fn command(opts: Options) -> i32 {
    match opts.command {
        Command::Help { ref of } => match of.as_deref().map(options::help_text) {
            None => {
                print!("{HELP}");
                exit::OK
            }
            Some(Some(text)) => {
                print!("{text}");
                exit::OK
            }
            Some(None) => {
                let word = of.as_deref().unwrap_or_default();
                let all = complete::COMMANDS.iter().map(|c| c.0);
                let hint = suggest::closest(word, all)
                    .map_or(String::new(), |c| format!("; did you mean {c}?"));
                eprintln!("gosub: no command {word:?}{hint}\nrun 'gosub --help' for usage");
                exit::FATAL
            }
        },
        Command::Man => {
            print!("{}", super::man::page());
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
        Command::Repl { ref files } => {
            let color = color::on(std::io::stdout().is_terminal());
            repl::main(color, opts.race, files)
        }
        Command::Completions { ref shell } => match complete::script(shell) {
            Some(s) => {
                print!("{s}");
                exit::OK
            }
            None => {
                eprintln!("gosub: no completions for {shell}: want bash, zsh or fish");
                exit::FATAL
            }
        },
        Command::Test { ref args } => test::main(args, opts.format),
        Command::Fmt(ref o) => super::fmt::main(o, opts.format),
        Command::Check { ref files } => match load(files, &opts) {
            Ok(l) => {
                let mut found = super::vet::findings(&l);
                if opts.format == Some(Format::Short) {
                    found.retain(|d| !super::vet::harmless(d));
                }
                report(&l.sources, &found, &opts);
                exit::OK
            }
            Err(code) => code,
        },
        Command::Explain { ref code } => super::explain::main(code.as_deref()),
        Command::Doc { ref args } => super::doc::main(args),
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
        Command::Run { ref file, ref args } => {
            if let Some(hint) = meant_command(file) {
                eprintln!(
                    "gosub: no command or file {file:?}; {hint}\n\
                     run 'gosub --help' for usage"
                );
                return exit::FATAL;
            }
            let (files, args) = program_files(file, args);
            match load(&files, &opts).and_then(|l| runnable(l, file)) {
                Ok(l) => {
                    race_mode(&opts);
                    run(l, file, args)
                }
                Err(code) => code,
            }
        }
        Command::Eval { ref code, ref args } => {
            let text = vec![("-e".to_string(), code.clone())];
            match load_texts(&text, &opts).and_then(|l| runnable(l, "-e")) {
                Ok(l) => {
                    race_mode(&opts);
                    run(l, "-e", args)
                }
                Err(code) => code,
            }
        }
    }
}

/// What a word that is no file was probably meant to be.
fn meant_command(word: &str) -> Option<String> {
    if word.contains(['.', '/']) || word == "-" || Path::new(word).exists() {
        return None;
    }
    match word {
        "build" | "install" => {
            return Some("programs run without being built: gosub FILE".into());
        }
        "mod" | "get" | "work" | "list" | "generate" => {
            return Some("there are no modules, only the packages that are built in".into());
        }
        _ => {}
    }
    let all = complete::COMMANDS.iter().map(|c| c.0);
    suggest::closest(word, all).map(|c| format!("did you mean gosub {c}?"))
}

/// What was loaded, if it is a program.
fn runnable(l: Loaded, file: &str) -> Result<Loaded, i32> {
    let ast = l.packages.last().map(|p| &p.ast);
    let name = ast.and_then(|a| Some(a.name(a.files.first()?.package)));
    match name {
        Some(name) if name.as_str() != "main" => {
            eprintln!(
                "gosub: {file}: package {name} is not a main package, so there is nothing to \
                 run; gosub check reads it, gosub test runs its tests"
            );
            Err(exit::FAILED)
        }
        _ => Ok(l),
    }
}

/// The files of the program that starts with `file`, and what is left for the program: as
/// in Go, file arguments right after a program's file belong to it. A script stands alone.
fn program_files<'a>(file: &str, args: &'a [String]) -> (Vec<String>, &'a [String]) {
    let mut files = vec![file.to_string()];
    let ext = Path::new(file).extension();
    let alone = ext.is_none()
        || args.first().is_none_or(|a| Path::new(a).extension() != ext)
        || ext.is_some_and(|e| e != "go")
            && read_source(Path::new(file)).is_ok_and(|t| !has_package_clause(&t));
    if alone {
        return (files, args);
    }
    let more = args
        .iter()
        .take_while(|a| !a.starts_with('-') && Path::new(a).extension() == ext)
        .count();
    files.extend(args[..more].iter().cloned());
    (files, &args[more..])
}

/// Whether a source starts with `package`, after comments and a `#!` line.
fn has_package_clause(text: &str) -> bool {
    let lexed = crate::syntax::lex::lex(text, 0);
    let first = lexed.toks.first();
    first.is_some_and(|t| t.kind == crate::syntax::token::T::Package)
}

/// The sources of the package in a directory, tests excepted.
fn directory(dir: &Path) -> Result<Vec<String>, String> {
    let list = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut names: Vec<String> = list
        .flatten()
        .filter_map(|e| e.path().to_str().map(String::from))
        .filter(|p| {
            let name = p.rsplit('/').next().unwrap_or(p);
            let source = name.ends_with(".go") || name.ends_with(".gosub");
            source && !name.starts_with(['_', '.']) && !test::is_test(name)
        })
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(format!("no Go files in {}", dir.display()));
    }
    names.retain(|n| super::constraint::keeps(Path::new(n)));
    if names.is_empty() {
        return Err(format!(
            "build constraints exclude all Go files in {}",
            dir.display()
        ));
    }
    Ok(names)
}

/// Turns on what watches a run, if the command line says so.
fn race_mode(opts: &Options) {
    if opts.leaks {
        vm::exec::list_leaks();
    }
    if opts.leaks || opts.race && matches!(opts.race_form, Form::Text | Form::Human) {
        vm::exec::look_for_lost();
    }
    if opts.race {
        vm::exec::enable_race(opts.race_form);
    }
}

/// Reads and checks a program; reports what is wrong with it. `-` is standard input, a
/// directory stands for its files.
fn load(files: &[String], opts: &Options) -> Result<Loaded, i32> {
    let read = |f: &String| -> Result<(String, String), String> {
        if f == "-" {
            let mut text = Vec::new();
            std::io::stdin()
                .read_to_end(&mut text)
                .map_err(|e| format!("standard input: {e}"))?;
            return Ok((f.clone(), String::from_utf8_lossy(&text).into_owned()));
        }
        Ok((f.clone(), read_source(Path::new(f))?))
    };
    let all = match files {
        [dir] if Path::new(dir).is_dir() => directory(Path::new(dir)),
        _ => Ok(files.to_vec()),
    };
    match all.and_then(|all| all.iter().map(read).collect::<Result<Vec<_>, _>>()) {
        Ok(texts) => load_texts(&texts, opts),
        Err(e) => {
            eprintln!("gosub: {e}");
            Err(exit::FAILED)
        }
    }
}

/// Checks a program given as (name, text).
fn load_texts(texts: &[(String, String)], opts: &Options) -> Result<Loaded, i32> {
    let check = CheckOptions {
        ignore_missing_main: false,
        go_version: 27,
        stdlib: false,
    };
    let l = load_program(texts, &check);
    report(&l.sources, &l.diagnostics, opts);
    if l.has_errors() {
        Err(exit::FAILED)
    } else {
        Ok(l)
    }
}

/// Prints diagnostics on standard error, as for people when that is a terminal.
fn report(sources: &SourceMap, diags: &[Diagnostic], opts: &Options) {
    if diags.is_empty() {
        return;
    }
    let tty = std::io::stderr().is_terminal();
    let format = opts
        .format
        .unwrap_or(if tty { Format::Human } else { Format::Short });
    print_diagnostics(
        sources,
        diags,
        format,
        color::on(tty),
        &mut std::io::stderr().lock(),
    );
}

/// Prints what is wrong with a program.
pub fn print_diagnostics(
    sources: &SourceMap,
    diags: &[Diagnostic],
    format: Format,
    color: bool,
    out: &mut dyn Write,
) {
    // Nothing can be done when the output is gone.
    let _ = render(sources, diags, format, color, out);
    let _ = out.flush();
}

/// The compiler of a loaded program.
pub fn lowerer(l: Loaded) -> Lowerer {
    let sources = Arc::new(l.sources);
    vm::traceback::set_sources(sources.clone());
    let mut lw = Lowerer::new(vm::natives::lookup);
    lw.set_bodies(l.bodies.within(sources));
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
    let sources = Arc::new(l.sources);
    let mut lw = Lowerer::new(vm::natives::lookup);
    lw.set_bodies(l.bodies.within(sources.clone()));
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
