//! `gosub completions SHELL`: scripts that make shells complete commands and flags.

use std::fmt::Write;

/// Commands with what they do, for completion and hints.
pub const COMMANDS: &[(&str, &str)] = &[
    ("run", "run a program"),
    ("repl", "start an interactive session"),
    ("test", "run tests"),
    ("check", "report errors, run nothing"),
    ("vet", "report what is most likely wrong"),
    ("fmt", "lay out source files"),
    ("explain", "explain an error"),
    ("doc", "show documentation"),
    ("dis", "list the bytecode of a program"),
    ("completions", "print completions for a shell"),
    ("man", "print the manual page"),
    ("version", "print the version"),
    ("help", "print help"),
];

/// Flags that every command takes.
pub const FLAGS: &[&str] = &["help", "version", "color", "error-format"];

/// Flags of `run`, of `check` and `vet` in part.
pub const RUN: &[&str] = &[
    "race",
    "race-format",
    "leaks",
    "tags",
    "max-memory",
    "max-goroutines",
    "timeout",
    "no-net",
    "no-fs",
    "no-exec",
    "read",
];

/// Flags of `test`.
const TEST: &[&str] = &[
    "run",
    "skip",
    "v",
    "count",
    "timeout",
    "parallel",
    "short",
    "failfast",
    "shuffle",
    "bench",
    "benchtime",
    "benchmem",
    "json",
    "list",
    "cpu",
    "leak",
    "lost",
    "explore",
    "vet",
    "tags",
    "race",
    "fullpath",
    "cover",
    "covermode",
    "coverprofile",
    "coverpkg",
    "outputdir",
    "cpuprofile",
    "memprofile",
    "blockprofile",
    "mutexprofile",
    "trace",
    "fuzz",
    "fuzztime",
    "fuzzminimizetime",
    "args",
];

/// Flags of `fmt`.
const FMT: &[&str] = &["l", "w", "d"];

/// Flags with a few known values.
const VALUES: &[(&str, &str)] = &[
    ("color", "auto always never"),
    ("error-format", "short human json"),
    ("race-format", "text human json sarif"),
];

/// The shells there are scripts for.
const SHELLS: &str = "bash zsh fish";

fn words<'a>(list: impl Iterator<Item = &'a str>, before: &str) -> String {
    list.map(|w| format!("{before}{w}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Commands with the words that may follow them.
fn arguments() -> Vec<(&'static str, String)> {
    let packages = crate::stdlib::paths().filter(|p| !p.starts_with("internal/"));
    let codes = crate::explain::entries();
    vec![
        ("completions", SHELLS.to_string()),
        ("help", words(COMMANDS.iter().map(|c| c.0), "")),
        ("doc", words(packages, "")),
        ("explain", words(codes.iter().map(|e| e.code), "")),
    ]
}

/// What the help text says of a flag, if it has a line of its own.
fn described(flag: &str) -> Option<&'static str> {
    super::options::HELP.lines().find_map(|l| {
        let rest = l
            .strip_prefix("    -")?
            .trim_start_matches('-')
            .strip_prefix(flag)?;
        let (name, text) = rest.split_once("  ")?;
        let whole = name.is_empty() || name.starts_with(['=', ' ']);
        let text = text
            .trim()
            .trim_start_matches("run: ")
            .trim_end_matches([',', ';']);
        whole.then(|| text.split([':', ';']).next().unwrap_or(text))
    })
}

/// The script for a shell; None for an unknown one.
pub fn script(shell: &str) -> Option<String> {
    Some(match shell {
        "bash" => bash(),
        "zsh" => zsh(),
        "fish" => fish(),
        _ => return None,
    })
}

/// The flags of commands as cases of a shell's `case`, each filled in by `line`.
fn flag_cases(line: impl Fn(&str) -> String) -> String {
    let run = || FLAGS.iter().chain(RUN).copied();
    // As they are typed, with one dash or two.
    let both = |list: Vec<&str>| {
        let one = words(list.iter().copied(), "-");
        one + " " + &words(list.iter().copied().filter(|f| f.len() > 1), "--")
    };
    let mut out = String::new();
    for (command, flags) in [
        ("test", both(TEST.iter().chain(FLAGS).copied().collect())),
        ("fmt", both(FMT.iter().chain(FLAGS).copied().collect())),
        ("*", both(run().collect())),
    ] {
        let _ = writeln!(out, "        {command}) {} ;;", line(&flags));
    }
    out
}

fn bash() -> String {
    let mut s = String::from(
        "_gosub() {\n\
         \x20   local cur=${COMP_WORDS[COMP_CWORD]} flag= list=\n\
         \x20   # The shell splits words at =.\n\
         \x20   if [ \"$cur\" = = ]; then\n\
         \x20       flag=${COMP_WORDS[COMP_CWORD-1]} cur=\n\
         \x20   elif [ \"${COMP_WORDS[COMP_CWORD-1]}\" = = ]; then\n\
         \x20       flag=${COMP_WORDS[COMP_CWORD-2]}\n\
         \x20   fi\n\
         \x20   case $flag in\n",
    );
    for (flag, values) in VALUES {
        let _ = writeln!(s, "    -{flag}|--{flag}) list=\"{values}\" ;;");
    }
    s.push_str("    esac\n    if [ -z \"$flag\" ] && [[ $cur == -* ]]; then\n        case ${COMP_WORDS[1]} in\n");
    s.push_str(&flag_cases(|flags| format!("list=\"{flags}\"")));
    s.push_str("        esac\n    elif [ -z \"$flag\" ] && [ \"$COMP_CWORD\" -gt 1 ]; then\n        case ${COMP_WORDS[1]} in\n");
    for (command, list) in arguments() {
        let _ = writeln!(s, "        {command}) list=\"{list}\" ;;");
    }
    let _ = write!(
        s,
        "        esac\n    elif [ -z \"$flag\" ]; then\n\
         \x20       COMPREPLY=($(compgen -W \"{}\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n\
         \x20       return\n    fi\n\
         \x20   if [ -n \"$list\" ]; then\n\
         \x20       COMPREPLY=($(compgen -W \"$list\" -- \"$cur\"))\n\
         \x20   else\n\
         \x20       COMPREPLY=($(compgen -f -- \"$cur\"))\n\
         \x20   fi\n\
         }}\ncomplete -o filenames -F _gosub gosub\n",
        words(COMMANDS.iter().map(|c| c.0), "")
    );
    s
}

fn zsh() -> String {
    let mut s = String::from("#compdef gosub\n_gosub() {\n    local -a commands\n    commands=(\n");
    for (name, what) in COMMANDS {
        let _ = writeln!(s, "        '{name}:{what}'");
    }
    s.push_str("    )\n    local cur=$words[CURRENT]\n    case $cur in\n");
    for (flag, values) in VALUES {
        let _ = writeln!(
            s,
            "    (-|--){flag}=*) compset -P '*='; compadd -- {values}; return ;;"
        );
    }
    s.push_str("    esac\n    if [[ $cur == -* ]]; then\n        case $words[2] in\n");
    s.push_str(&flag_cases(|flags| format!("compadd -- {flags}")));
    s.push_str("        esac\n    elif (( CURRENT == 2 )); then\n        _describe command commands\n        _files\n    else\n        case $words[2] in\n");
    for (command, list) in arguments() {
        let _ = writeln!(s, "        {command}) compadd -- {list} ;;");
    }
    s.push_str("        *) _files ;;\n        esac\n    fi\n}\ncompdef _gosub gosub\n");
    s
}

fn fish() -> String {
    let mut s = String::new();
    for (name, what) in COMMANDS {
        let _ = writeln!(
            s,
            "complete -c gosub -n __fish_use_subcommand -a {name} -d '{what}'"
        );
    }
    for (command, list) in arguments() {
        let _ = writeln!(
            s,
            "complete -c gosub -n '__fish_seen_subcommand_from {command}' -f -a '{list}'"
        );
    }
    let mut flags = |list: &[&str], only: &str, described_here: bool| {
        for f in list {
            let values = VALUES.iter().find(|v| v.0 == *f);
            let values = values.map_or(String::new(), |v| format!(" -x -a '{}'", v.1));
            let what = described(f).filter(|_| described_here);
            let what = what.map_or(String::new(), |t| format!(" -d '{}'", t.replace('\'', "")));
            // With one dash, as Go has it, and with two.
            let names = match f.len() {
                1 => format!("-s {f}"),
                _ => format!("-o {f} -l {f}"),
            };
            let _ = writeln!(s, "complete -c gosub{only} {names}{values}{what}");
        }
    };
    let other = " -n 'not __fish_seen_subcommand_from test fmt'";
    flags(FLAGS, "", true);
    flags(RUN, other, true);
    flags(TEST, " -n '__fish_seen_subcommand_from test'", false);
    flags(FMT, " -n '__fish_seen_subcommand_from fmt'", false);
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in ["bash", "zsh", "fish"] {
            let s = script(shell).expect("known shell");
            for (c, _) in COMMANDS {
                assert!(s.contains(c), "{shell}: {c}");
            }
            assert!(s.contains("benchmem") && s.contains("no-net"), "{shell}");
            assert!(
                s.contains("encoding/json") && s.contains("UnusedVar"),
                "{shell}"
            );
            assert!(s.contains("auto always never"), "{shell}");
        }
        assert!(script("tcsh").is_none());
    }
}
