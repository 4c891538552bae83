//! The options of the environment variable GORACE.

use std::sync::OnceLock;

/// See `go.dev/doc/articles/race_detector`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `log_path`: `stdout`, `stderr` or a prefix to which the process number is added.
    pub log_path: String,
    pub exit_code: i32,
    pub strip_path_prefix: String,
    pub halt_on_error: bool,
    pub atexit_sleep_ms: u64,
    /// `schedule`: see `race::pause`.
    pub schedule: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            log_path: "stderr".into(),
            exit_code: 66,
            strip_path_prefix: String::new(),
            halt_on_error: false,
            // Go waits a second for the reports of other threads. Ours are complete.
            atexit_sleep_ms: 0,
            schedule: None,
        }
    }
}

impl Options {
    /// Reads `name=value` words; unknown ones (`history_size`, ...) change nothing, because
    /// the history is unlimited.
    pub fn parse(text: &str) -> Options {
        let mut o = Options::default();
        for word in text.split([' ', ',', ':', '\n', '\t']) {
            let Some((name, v)) = word.split_once('=') else {
                continue;
            };
            let v = v.trim_matches(['"', '\'']);
            let flag = matches!(v, "1" | "true" | "yes");
            match name {
                "log_path" => o.log_path = v.to_string(),
                "exitcode" => o.exit_code = v.parse().unwrap_or(o.exit_code),
                "strip_path_prefix" => o.strip_path_prefix = v.to_string(),
                "halt_on_error" => o.halt_on_error = flag,
                "schedule" => o.schedule = v.parse().ok(),
                "atexit_sleep_ms" => o.atexit_sleep_ms = v.parse().unwrap_or(0),
                _ => {}
            }
        }
        o
    }
}

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// Chooses a schedule for this process, whose options were not asked for yet. Its reports
/// go to standard error.
pub fn choose_schedule(n: u64) {
    let mut o = Options::parse(&std::env::var("GORACE").unwrap_or_default());
    o.schedule = Some(n);
    o.log_path = Options::default().log_path;
    o.atexit_sleep_ms = 0;
    let _ = OPTIONS.set(o);
}

/// The options of this process.
pub fn options() -> &'static Options {
    OPTIONS.get_or_init(|| Options::parse(&std::env::var("GORACE").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let o = Options::parse("log_path=/x/r halt_on_error=1 exitcode=7 history_size=3 nonsense");
        assert_eq!(o.log_path, "/x/r");
        assert!(o.halt_on_error);
        assert_eq!(o.exit_code, 7);
        assert_eq!(Options::parse(""), Options::default());
    }
}
