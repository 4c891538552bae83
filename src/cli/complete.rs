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

/// The shells there are scripts for.
const SHELLS: &str = "bash zsh fish";

fn words<'a>(list: impl Iterator<Item = &'a str>, before: &str) -> String {
    list.map(|w| format!("{before}{w}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The script for a shell; None for an unknown one.
pub fn script(shell: &str) -> Option<String> {
    let commands = words(COMMANDS.iter().map(|c| c.0), "");
    let flags = words(FLAGS.iter().chain(RUN).copied(), "--");
    let test = words(TEST.iter().copied(), "-") + " --color --help";
    let mut s = String::new();
    match shell {
        "bash" => {
            let _ = write!(
                s,
                "_gosub() {{\n\
                 \x20   local cur=${{COMP_WORDS[COMP_CWORD]}}\n\
                 \x20   if [ \"$COMP_CWORD\" -eq 1 ] && [[ $cur != -* ]]; then\n\
                 \x20       COMPREPLY=($(compgen -W \"{commands}\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n\
                 \x20   elif [ \"${{COMP_WORDS[1]}}\" = test ] && [[ $cur == -* ]]; then\n\
                 \x20       COMPREPLY=($(compgen -W \"{test}\" -- \"$cur\"))\n\
                 \x20   elif [[ $cur == -* ]]; then\n\
                 \x20       COMPREPLY=($(compgen -W \"{flags}\" -- \"$cur\"))\n\
                 \x20   elif [ \"${{COMP_WORDS[1]}}\" = completions ]; then\n\
                 \x20       COMPREPLY=($(compgen -W \"{SHELLS}\" -- \"$cur\"))\n\
                 \x20   elif [ \"${{COMP_WORDS[1]}}\" = help ]; then\n\
                 \x20       COMPREPLY=($(compgen -W \"{commands}\" -- \"$cur\"))\n\
                 \x20   else\n\
                 \x20       COMPREPLY=($(compgen -f -- \"$cur\"))\n\
                 \x20   fi\n\
                 }}\n\
                 complete -o filenames -F _gosub gosub\n"
            );
        }
        "zsh" => {
            s.push_str("#compdef gosub\n_gosub() {\n    local -a commands\n    commands=(\n");
            for (name, what) in COMMANDS {
                let _ = writeln!(s, "        '{name}:{what}'");
            }
            let _ = write!(
                s,
                "    )\n    if (( CURRENT == 2 )); then\n\
                 \x20       _describe command commands\n        _files\n\
                 \x20   elif [[ $words[2] == test && $words[CURRENT] == -* ]]; then\n\
                 \x20       compadd -- {test}\n\
                 \x20   elif [[ $words[CURRENT] == -* ]]; then\n\
                 \x20       compadd -- {flags}\n\
                 \x20   elif [[ $words[2] == completions ]]; then\n\
                 \x20       compadd -- {SHELLS}\n\
                 \x20   elif [[ $words[2] == help ]]; then\n\
                 \x20       compadd -- {commands}\n\
                 \x20   else\n        _files\n    fi\n}}\ncompdef _gosub gosub\n"
            );
        }
        "fish" => {
            for (name, what) in COMMANDS {
                let _ = writeln!(
                    s,
                    "complete -c gosub -n __fish_use_subcommand -a {name} -d '{what}'"
                );
            }
            for (command, list) in [("completions", SHELLS), ("help", &commands)] {
                let _ = writeln!(
                    s,
                    "complete -c gosub -n '__fish_seen_subcommand_from {command}' -f -a '{list}'"
                );
            }
            for f in FLAGS.iter().chain(RUN) {
                let _ = writeln!(s, "complete -c gosub -l {f}");
            }
            for f in TEST {
                let _ = writeln!(
                    s,
                    "complete -c gosub -n '__fish_seen_subcommand_from test' -o {f}"
                );
            }
        }
        _ => return None,
    }
    Some(s)
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
        }
        assert!(script("tcsh").is_none());
    }
}
