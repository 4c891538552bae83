//! Limits that the command line or the program sets on a whole run: memory, goroutines,
//! time, threads. One program per process, so they are process-wide.

use super::tuning;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// 0: none.
static MEMORY: AtomicU64 = AtomicU64::new(0);
static GOROUTINES: AtomicUsize = AtomicUsize::new(usize::MAX);
/// 0: none.
static TIMEOUT_NS: AtomicI64 = AtomicI64::new(0);
static THREADS: AtomicUsize = AtomicUsize::new(tuning::MAX_MS);

/// Most bytes of memory the process may use, if there is a limit.
pub fn memory() -> Option<u64> {
    Some(MEMORY.load(Ordering::Relaxed)).filter(|n| *n != 0)
}
/// What is said when the program needs more memory than `limit` bytes.
pub fn exceeded(limit: u64) -> String {
    format!("out of memory: --max-memory={limit} bytes exceeded")
}
/// Most goroutines there may be.
pub fn goroutines() -> usize {
    GOROUTINES.load(Ordering::Relaxed)
}
/// How long the program may run, if there is a limit.
pub fn timeout_ns() -> Option<i64> {
    Some(TIMEOUT_NS.load(Ordering::Relaxed)).filter(|n| *n != 0)
}
/// Most threads that may run goroutines.
pub fn threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}
/// `debug.SetMaxThreads`: returns the old limit.
pub fn set_threads(n: usize) -> usize {
    THREADS.swap(n, Ordering::Relaxed)
}

/// Sets a limit by its flag's name.
pub fn set(flag: &str, value: &str) -> Result<(), String> {
    let bad = |what: &str| format!("--{flag} needs {what}, not {value:?}");
    match flag {
        "max-memory" => {
            let n = bytes(value).filter(|n| *n > 0);
            let n = n.ok_or_else(|| bad("a size such as 512MB"))?;
            MEMORY.store(n, Ordering::Relaxed);
        }
        "max-goroutines" => {
            let n = value.parse().ok().filter(|n| *n > 0);
            let n = n.ok_or_else(|| bad("a positive number"))?;
            GOROUTINES.store(n, Ordering::Relaxed);
        }
        _ => {
            let n = duration_ns(value).filter(|n| *n > 0);
            let n = n.ok_or_else(|| bad("a duration such as 10s"))?;
            TIMEOUT_NS.store(n, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// A size: a number with K, M, G or T, KB, KiB and so on (powers of 1024), or B.
pub fn bytes(s: &str) -> Option<u64> {
    let digits = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let n: u64 = s[..digits].parse().ok()?;
    let shift = match s[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    n.checked_mul(1 << shift)
}

/// A duration as Go writes it (`1m30s`, `250ms`), or a number of seconds.
fn duration_ns(s: &str) -> Option<i64> {
    if let Ok(seconds) = s.parse::<f64>() {
        return Some((seconds * 1e9) as i64);
    }
    let mut total = 0.0;
    let mut rest = s;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let n: f64 = rest[..unit_at].parse().ok()?;
        let after = &rest[unit_at..];
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        total += n * match &after[..end] {
            "h" => 3600e9,
            "m" => 60e9,
            "s" => 1e9,
            "ms" => 1e6,
            "us" | "µs" => 1e3,
            "ns" => 1.0,
            _ => return None,
        };
        rest = &after[end..];
    }
    Some(total as i64)
}

/// The value of a number in `GODEBUG`.
pub fn godebug(name: &str) -> i64 {
    let all = std::env::var("GODEBUG").unwrap_or_default();
    let mut parts = all.split(',').filter_map(|p| p.split_once('='));
    let value = parts.find(|(k, _)| *k == name).map(|(_, v)| v.parse());
    value.and_then(Result::ok).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(bytes("64"), Some(64));
        assert_eq!(bytes("2MB"), Some(2 << 20));
        assert_eq!(bytes("1GiB"), Some(1 << 30));
        assert_eq!(bytes("MB"), None);
        assert_eq!(bytes("1X"), None);
        assert_eq!(duration_ns("1m30s"), Some(90_000_000_000));
        assert_eq!(duration_ns("250ms"), Some(250_000_000));
        assert_eq!(duration_ns("2"), Some(2_000_000_000));
        assert_eq!(duration_ns("2x"), None);
        assert_eq!(duration_ns("s"), None);
    }
}
