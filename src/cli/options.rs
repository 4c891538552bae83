//! Flags, commands, exit codes and the help text.

use crate::base::render::Format;
use crate::race::report::Form;
use crate::stdlib::sandbox::Rules;

/// Exit codes, as `--help` lists them.
pub mod exit {
    pub const OK: i32 = 0;
    /// Compile errors, unreadable input.
    pub const FAILED: i32 = 1;
    /// Panics, fatal errors, wrong usage.
    pub const FATAL: i32 = 2;
}

pub const HELP: &str = "\
gosub runs Go programs without a build step.

examples:
    gosub prog.gosub a b              run a program or script with arguments
    gosub -e 'fmt.Println(6 * 7)'     run code from the command line
    gosub                             start an interactive session
    gosub test -v ./...               run the tests below this directory
    gosub -race prog.go               look for data races while it runs
    gosub check --error-format=json prog.go

usage:
    gosub [run] [flags] FILE [args]   run a program (.go or .gosub), several files, a
                                      directory, or - (standard input); what follows
                                      belongs to the program. A file other than .go may be a
                                      script: statements at the top level, packages of the
                                      standard library are imported by use
    gosub [run] -e CODE [args]        run CODE as a script
    gosub repl [FILE...]              interactive session (:help there), after these files
    gosub test [flags] [PACKAGES]     run tests of directories or files, with the flags of
                                      go test: -run -skip -v -count -timeout -parallel -short
                                      -failfast -shuffle -bench -benchtime -benchmem -json
                                      -list -cpu -vet -args; coverage: -cover -covermode
                                      -coverprofile -coverpkg; profiles: -cpuprofile -memprofile
                                      -trace -outputdir; fuzzing: -fuzz -fuzztime
                                      -fuzzminimizetime; -leak fails tests that leave
                                      goroutines behind; with -race, -explore=false
                                      leaves out runs under other schedules
    gosub check [flags] FILE...       report every error of a program, run nothing; also warns
                                      of what vet finds (with --error-format=short not of
                                      what may be meant, as unreachable code)
    gosub vet [flags] FILE...         report what compiles but is most likely wrong
    gosub explain [CODE]              explain an error with examples, or list all codes
    gosub doc PKG[.NAME[.METHOD]]     show documentation; PKG may be a file
    gosub fmt [-l] [-w] [-d] [PATH...]  lay out source files as gofmt does
    gosub dis FILE                    list the bytecode of a program
    gosub completions SHELL           completions for bash, zsh or fish
    gosub man                         manual page: gosub man | man -l -
    gosub version                     print the version
    gosub help [COMMAND]              print this text, or what concerns one command

flags (one or two dashes):
    -race                   report data races: accesses to the same memory by goroutines that
                            nothing orders; any race makes the exit code 66
    --race-format=FORMAT    text (as Go prints it; more on a terminal), human (always
                            more), json: one object a line, sarif
    --leaks                 list the goroutines that main leaves behind, by where they started
    -tags=LIST              build tags that hold, for the files of directories
    --error-format=FORMAT   short: file:line:col: message; human: with source; json: one
                            object a line (default: human on a terminal, else short)
    --max-memory=SIZE       run: die when more memory is in use, such as 512MB
    --max-goroutines=N      run: die when there are more goroutines
    --timeout=DURATION      run: die after this long, such as 10s; with all stacks
    --no-net                run: no sockets, no name lookup; like all refusals below, the
                            program gets an error value (fs.ErrPermission)
    --no-fs                 run: no files; open descriptors stay usable
    --read=DIR              run: as --no-fs, but what is below DIR may be read
    --no-exec               run: no other processes, no signals to them
    --color=WHEN            auto (default), always or never

environment:
    GOMAXPROCS     number of goroutines that run at the same instant (default: processors)
    GOGC           heap growth in percent before a collection (default 100, off)
    GORACE         options of -race, as for Go: halt_on_error, exitcode, log_path, ...
    GOMEMLIMIT     memory to stay below by collecting more often, such as 1GiB
    GOTRACEBACK    none, single (default), all, system or crash: what a dying program prints
    GODEBUG        schedtrace=N prints the scheduler's state every N ms; with scheddetail=1
                   every processor, thread and goroutine; gctrace=1 prints a line for each
                   collection; gccheckmark=1 checks what the collector marks beside the program
    NO_COLOR       no colours

exit codes:
    0  success              n  os.Exit(n)
    1  compile error        2  panic, fatal error (deadlock, ...) or wrong usage
    66 data races (with -race)
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Run {
        file: String,
        args: Vec<String>,
    },
    /// `-e CODE`
    Eval {
        code: String,
        args: Vec<String>,
    },
    Check {
        files: Vec<String>,
    },
    Dis {
        file: String,
    },
    /// The interactive session, after these files.
    Repl {
        files: Vec<String>,
    },
    Completions {
        shell: String,
    },
    /// Arguments after `test`.
    Test {
        args: Vec<String>,
    },
    Vet {
        files: Vec<String>,
    },
    Explain {
        code: Option<String>,
    },
    Doc {
        args: Vec<String>,
    },
    Fmt(super::fmt::FmtOptions),
    Man,
    Version,
    /// The help text, or the part about one command.
    Help {
        of: Option<String>,
    },
}

/// A parsed command line.
#[derive(Debug)]
pub struct Options {
    pub command: Command,
    pub format: Option<Format>,
    /// Run under the race detector.
    pub race: bool,
    pub race_form: Form,
    /// List goroutines left behind at the end.
    pub leaks: bool,
    /// What the program must not do.
    pub rules: Rules,
}

/// `test` has its own flags; only the error format is everybody's.
fn test_command(args: &[String]) -> Result<Options, String> {
    let mut format = None;
    let mut rest = Vec::new();
    let mut it = args.iter();
    while let Some(a) = it.next() {
        if is_help(a) {
            return Ok(Options {
                command: help_of("test"),
                format,
                race: false,
                race_form: Form::Text,
                leaks: false,
                rules: Rules::default(),
            });
        }
        match a.trim_start_matches('-').split_once('=') {
            Some(("error-format", v)) if a.starts_with('-') => format = Some(error_format(v)?),
            Some(("color", v)) if a.starts_with('-') => super::color::set(v)?,
            _ => rest.push(a.clone()),
        }
        if a == "-args" || a == "--args" {
            rest.extend(it.by_ref().cloned());
        }
    }
    Ok(Options {
        command: Command::Test { args: rest },
        format,
        race: false,
        race_form: Form::Text,
        leaks: false,
        rules: Rules::default(),
    })
}

fn error_format(v: &str) -> Result<Format, String> {
    match v {
        "short" => Ok(Format::Short),
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        other => Err(format!(
            "unknown error format {other:?}: want short, human or json"
        )),
    }
}

fn is_help(a: &str) -> bool {
    matches!(a, "-h" | "-help" | "--help")
}

fn help_of(verb: &str) -> Command {
    Command::Help {
        of: Some(verb.to_string()),
    }
}

/// The part of the help text about one command: its examples, its usage, and the flags, if
/// it runs or checks programs. None: there is no such command.
pub fn help_text(of: &str) -> Option<String> {
    let heads = [format!("    gosub {of} "), format!("    gosub [{of}] ")];
    let ours = |l: &str| heads.iter().any(|h| format!("{l} ").starts_with(h));
    let mut sections = HELP.split("\n\n");
    let examples = sections.find(|s| s.starts_with("examples:"))?;
    let usage = sections.find(|s| s.starts_with("usage:"))?;
    let flags = sections.find(|s| s.starts_with("flags"))?;
    let mut out = String::from("usage:\n");
    let mut inside = false;
    for l in usage.lines().skip(1) {
        if !l.starts_with("     ") {
            inside = ours(l);
        }
        if inside {
            out.push_str(l);
            out.push('\n');
        }
    }
    if out == "usage:\n" {
        return None;
    }
    let mut shown: Vec<&str> = examples.lines().skip(1).filter(|l| ours(l)).collect();
    if of == "run" {
        shown = examples.lines().skip(1).take(2).collect();
    }
    if !shown.is_empty() {
        out = format!("examples:\n{}\n\n{out}", shown.join("\n"));
    }
    if matches!(of, "run" | "check" | "vet" | "test") {
        out.push('\n');
        let mut inside = true;
        for l in flags.lines() {
            // Flags that only one command has say so.
            if l.starts_with("    -") {
                inside = match of {
                    "run" => true,
                    "test" => !l.contains(" run: ") && !l.starts_with("    --leaks"),
                    _ => ["-tags", "--error", "--color"]
                        .iter()
                        .any(|f| l.trim_start().starts_with(f)),
                };
            }
            if inside {
                out.push_str(l);
                out.push('\n');
            }
        }
    }
    out.push_str("\ngosub help prints everything\n");
    Some(out)
}

/// Parses the arguments (without the program's own name).
pub fn parse(args: &[String]) -> Result<Options, String> {
    if args.first().is_some_and(|a| a == "test") {
        return test_command(&args[1..]);
    }
    let mut format = None;
    let mut race = false;
    let mut leaks = false;
    let mut race_form = Form::Text;
    let mut rest = args.iter().cloned().peekable();
    let verb = match rest.peek().map(String::as_str) {
        None if std::io::IsTerminal::is_terminal(&std::io::stdin()) => {
            return Ok(Options {
                command: Command::Repl { files: Vec::new() },
                format,
                race,
                race_form,
                leaks,
                rules: Rules::default(),
            });
        }
        None => return Err("no file given; gosub - reads the program from standard input".into()),
        Some("fmt") if args[1..].iter().any(|a| is_help(a)) => {
            return Ok(Options {
                command: help_of("fmt"),
                format,
                race,
                race_form,
                leaks,
                rules: Rules::default(),
            });
        }
        Some("fmt") => {
            return Ok(Options {
                command: Command::Fmt(super::fmt::parse(rest.skip(1))?),
                format,
                race,
                race_form,
                leaks,
                rules: Rules::default(),
            });
        }
        Some(
            v @ ("run" | "repl" | "completions" | "check" | "vet" | "explain" | "doc" | "dis"
            | "version" | "man" | "help"),
        ) => {
            let v = v.to_string();
            rest.next();
            v
        }
        Some(_) => "run".to_string(),
    };
    let explicit = args.first() == Some(&verb);
    let mut rules = Rules::default();
    let mut files = Vec::new();
    let mut tail = Vec::new();
    while let Some(a) = rest.next() {
        if a == "--" {
            files.extend(rest.by_ref());
            break;
        }
        if !a.starts_with('-') || a == "-" {
            let is_command = super::complete::COMMANDS.iter().any(|c| c.0 == a);
            if !explicit && is_command && !std::path::Path::new(&a).exists() {
                // Flags may come before the command.
                let flags = args.len() - 1 - rest.len();
                let mut again = vec![a];
                again.extend_from_slice(&args[..flags]);
                again.extend(rest);
                return parse(&again);
            }
            files.push(a);
            if verb == "run" {
                tail = rest.by_ref().collect();
                break;
            }
            continue;
        }
        let flag = a.trim_start_matches('-');
        let (name, value) = match flag.split_once('=') {
            Some((n, v)) => (n, Some(v.to_string())),
            None => (flag, None),
        };
        match name {
            "h" | "help" => {
                return Ok(Options {
                    command: if explicit {
                        help_of(&verb)
                    } else {
                        Command::Help { of: None }
                    },
                    format,
                    race,
                    race_form,
                    leaks,
                    rules,
                });
            }
            "version" => {
                return Ok(Options {
                    command: Command::Version,
                    format,
                    race,
                    race_form,
                    leaks,
                    rules,
                });
            }
            "error-format" => {
                let v = value
                    .or_else(|| rest.next())
                    .ok_or("--error-format needs short, human or json")?;
                format = Some(error_format(&v)?);
            }
            "e" if verb == "run" => {
                let code = value.or_else(|| rest.next()).ok_or("-e needs code")?;
                return Ok(Options {
                    command: Command::Eval {
                        code,
                        args: rest.collect(),
                    },
                    format,
                    race,
                    race_form,
                    leaks,
                    rules,
                });
            }
            "race" => {
                race = !value.is_some_and(|v| v == "false" || v == "0");
                super::constraint::set_race(race);
            }
            "tags" => {
                let v = value.or_else(|| rest.next()).ok_or("-tags needs a list")?;
                super::constraint::set_tags(&v);
            }
            "leaks" => leaks = !value.is_some_and(|v| v == "false" || v == "0"),
            "race-format" => {
                let v = value
                    .or_else(|| rest.next())
                    .ok_or("--race-format needs text, human, json or sarif")?;
                race_form = match v.as_str() {
                    "text" => Form::Text,
                    "human" => Form::Human,
                    "json" => Form::Json,
                    "sarif" => Form::Sarif,
                    other => {
                        return Err(format!(
                            "unknown race format {other:?}: want text, human, json or sarif"
                        ));
                    }
                };
            }
            "max-memory" | "max-goroutines" | "timeout" if verb == "run" => {
                let v = value
                    .or_else(|| rest.next())
                    .ok_or_else(|| format!("--{name} needs a value"))?;
                crate::runtime::limits::set(name, &v)?;
            }
            "no-net" | "no-fs" | "no-exec" if verb == "run" => {
                let on = !value.is_some_and(|v| v == "false" || v == "0");
                match name {
                    "no-net" => rules.no_net = on,
                    "no-fs" => rules.no_fs = on,
                    _ => rules.no_exec = on,
                }
            }
            "read" if verb == "run" => {
                let v = value
                    .or_else(|| rest.next())
                    .ok_or("--read needs a folder")?;
                rules.read.push(v.into());
            }
            "color" => {
                let v = value
                    .or_else(|| rest.next())
                    .ok_or("--color needs auto, always or never")?;
                super::color::set(&v)?;
            }
            other => {
                use super::complete::{FLAGS, RUN};
                let known = RUN.iter().chain(FLAGS).copied();
                let hint = match other {
                    "c" | "eval" => "; -e CODE runs code".into(),
                    "i" => "; gosub repl is the interactive session".into(),
                    "v" | "V" => {
                        "; gosub version prints the version, gosub test -v names tests".into()
                    }
                    _ => super::suggest::closest(other, known)
                        .map_or(String::new(), |k| format!("; did you mean --{k}?")),
                };
                let dashes = if other.len() == 1 { "-" } else { "--" };
                return Err(format!("unknown flag {dashes}{other}{hint}"));
            }
        }
    }
    let one = |files: Vec<String>| -> Result<String, String> {
        let mut f = files.into_iter();
        match (f.next(), f.next()) {
            (Some(a), None) => Ok(a),
            (None, _) => Err("no file given".into()),
            (_, Some(b)) => Err(format!("one file expected, but also got {b}")),
        }
    };
    let command = match verb.as_str() {
        "version" => Command::Version,
        "help" => Command::Help {
            of: files.into_iter().next(),
        },
        "man" => Command::Man,
        "repl" => Command::Repl { files },
        "completions" => Command::Completions {
            shell: one(files).map_err(|_| "completions needs bash, zsh or fish")?,
        },
        "check" | "vet" if files.is_empty() => return Err("no file given".into()),
        "check" => Command::Check { files },
        "vet" => Command::Vet { files },
        "explain" => Command::Explain {
            code: files.into_iter().next(),
        },
        "doc" if files.is_empty() => return Err("no package given".into()),
        "doc" => Command::Doc { args: files },
        "dis" => Command::Dis { file: one(files)? },
        _ => Command::Run {
            file: one(files)?,
            args: tail,
        },
    };
    Ok(Options {
        command,
        format,
        race,
        race_form,
        leaks,
        rules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(s: &str) -> Vec<String> {
        s.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn every_command_has_a_help_text() {
        for (c, _) in super::super::complete::COMMANDS {
            if *c != "help" {
                let text = help_text(c).unwrap_or_default();
                assert!(
                    text.contains(&format!("gosub {c}")) || *c == "run",
                    "{c}: {text}"
                );
            }
        }
        let run = help_text("run").unwrap_or_default();
        assert!(
            run.starts_with("examples:") && run.contains("--no-net") && run.contains("-e CODE")
        );
        let vet = help_text("vet").unwrap_or_default();
        assert!(!vet.contains("--no-net") && vet.contains("--error-format"));
        assert_eq!(help_text("nosuch"), None);
    }

    #[test]
    fn flags_after_the_file_belong_to_the_program() {
        let o = parse(&words("run --error-format=json a.go -race x")).expect("valid");
        assert_eq!(
            o.command,
            Command::Run {
                file: "a.go".into(),
                args: words("-race x")
            }
        );
        assert_eq!(o.format, Some(Format::Json));
    }

    #[test]
    fn a_bare_file_runs() {
        let o = parse(&words("a.gosub 1 2")).expect("valid");
        assert_eq!(
            o.command,
            Command::Run {
                file: "a.gosub".into(),
                args: words("1 2")
            }
        );
    }

    #[test]
    fn flags_may_come_before_the_command() {
        for line in [
            "--error-format=json check a.go",
            "-race -tags x vet a.go",
            "-race test .",
        ] {
            let mut words = words(line);
            let there = parse(&words).expect("valid");
            let command = words.iter().position(|w| !w.contains('-') && w.len() > 2);
            let command = words.remove(command.expect("a command"));
            words.insert(0, command);
            assert_eq!(
                there.command,
                parse(&words).expect("valid").command,
                "{line}"
            );
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for bad in [
            "",
            "run",
            "check",
            "dis a b",
            "--nope a.go",
            "check --error-format=x a",
        ] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
    }
}
