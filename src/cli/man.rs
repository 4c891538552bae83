//! `gosub man`: the help text as a manual page (`gosub man | man -l -`).

use super::options::HELP;

/// Text with what roff would take for commands made harmless.
fn plain(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

/// The page. Sections are the help text's own: a word and a colon at the left margin.
pub fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut out = format!(".TH GOSUB 1 \"\" \"gosub {version}\" \"User Commands\"\n.SH NAME\n");
    let mut open = false;
    for (i, line) in HELP.lines().enumerate() {
        if i == 0 {
            let what = line.trim_start_matches("gosub ").trim_end_matches('.');
            out.push_str(&format!("gosub \\- {}\n", plain(what)));
            continue;
        }
        let head = line.strip_suffix(':').or_else(|| {
            line.starts_with("flags (")
                .then(|| line.trim_end_matches(':'))
        });
        match head.filter(|_| !line.starts_with(' ')) {
            Some(h) => {
                if open {
                    out.push_str(".fi\n");
                }
                out.push_str(&format!(".SH {}\n.nf\n", plain(&h.to_uppercase())));
                open = true;
            }
            None => {
                out.push_str(&plain(line.strip_prefix("    ").unwrap_or(line)));
                out.push('\n');
            }
        }
    }
    if open {
        out.push_str(".fi\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_section_and_line() {
        let p = page();
        for section in ["NAME", "EXAMPLES", "USAGE", "ENVIRONMENT", "EXIT CODES"] {
            assert!(p.contains(&format!("\n.SH {section}\n")), "{section}: {p}");
        }
        assert_eq!(p.matches(".nf\n").count(), p.matches(".fi\n").count());
        for line in HELP.lines().skip(1).filter(|l| l.starts_with("    ")) {
            assert!(p.contains(&plain(line.trim_start())), "{line}");
        }
        // No line is a roff command by accident.
        let commands = p.lines().filter(|l| l.starts_with('.'));
        let known = [".TH", ".SH", ".nf", ".fi"];
        for c in commands {
            assert!(known.iter().any(|k| c.starts_with(k)), "{c}");
        }
    }
}
