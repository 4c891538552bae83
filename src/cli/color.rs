//! Whether to colour output: `--color`, then `NO_COLOR` and what the terminal can do.

use std::sync::atomic::{AtomicU8, Ordering};

const AUTO: u8 = 0;
const ALWAYS: u8 = 1;
const NEVER: u8 = 2;
static WISH: AtomicU8 = AtomicU8::new(AUTO);

/// `--color=WHEN`
pub fn set(when: &str) -> Result<(), String> {
    let wish = match when {
        "auto" => AUTO,
        "always" => ALWAYS,
        "never" => NEVER,
        other => {
            return Err(format!(
                "unknown colour {other:?}: want auto, always or never"
            ));
        }
    };
    WISH.store(wish, Ordering::Relaxed);
    Ok(())
}

/// Whether to colour what goes to a terminal (or not: `tty`).
pub fn on(tty: bool) -> bool {
    match WISH.load(Ordering::Relaxed) {
        ALWAYS => true,
        NEVER => false,
        _ => {
            tty && std::env::var_os("NO_COLOR").is_none()
                && std::env::var("TERM").is_ok_and(|t| t != "dumb")
        }
    }
}
