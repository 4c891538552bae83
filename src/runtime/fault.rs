//! Texts of the run-time panics and fatal errors that the runtime itself detects.

/// What went wrong. A panic unwinds the goroutine and may be recovered; a fatal error
/// ends the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Exactly Go's words, without `panic: ` or `fatal error: `.
    pub text: &'static str,
    /// A fatal error, not a panic.
    pub fatal: bool,
}

const fn panic(text: &'static str) -> Fault {
    Fault { text, fatal: false }
}
const fn fatal(text: &'static str) -> Fault {
    Fault { text, fatal: true }
}

pub const SEND_CLOSED: Fault = panic("send on closed channel");
pub const CLOSE_CLOSED: Fault = panic("close of closed channel");
pub const CLOSE_NIL: Fault = panic("close of nil channel");
pub const WG_NEGATIVE: Fault = panic("sync: negative WaitGroup counter");
pub const WG_MISUSE: Fault = panic("sync: WaitGroup misuse: Add called concurrently with Wait");
pub const WG_REUSED: Fault = panic("sync: WaitGroup is reused before previous Wait has returned");
pub const UNLOCK_UNLOCKED: Fault = fatal("sync: unlock of unlocked mutex");
pub const RUNLOCK_UNLOCKED: Fault = fatal("sync: RUnlock of unlocked RWMutex");
pub const RW_UNLOCK_UNLOCKED: Fault = fatal("sync: Unlock of unlocked RWMutex");
pub const DEADLOCK: Fault = fatal("all goroutines are asleep - deadlock!");
pub const NO_GOROUTINES: Fault = fatal("no goroutines (main called runtime.Goexit) - deadlock!");
pub const FOREIGN_SEND: Fault = fatal("send on synctest channel from outside bubble");
pub const FOREIGN_RECEIVE: Fault = fatal("receive on synctest channel from outside bubble");
pub const FOREIGN_CLOSE: Fault = fatal("close of synctest channel from outside bubble");
pub const FOREIGN_SELECT: Fault = fatal("select on synctest channel from outside bubble");
pub const FOREIGN_STOP: Fault = fatal("stop of synctest timer from outside bubble");
pub const FOREIGN_RESET: Fault = fatal("reset of synctest timer from outside bubble");
pub const FOREIGN_WAKE: Fault = fatal("semaphore wake of synctest goroutine from outside bubble");
pub const WG_TWO_BUBBLES: Fault =
    fatal("sync: WaitGroup.Add called from multiple synctest bubbles");
pub const WG_HALF_BUBBLED: Fault =
    fatal("sync: WaitGroup.Add called from inside and outside synctest bubble");
pub const THREAD_EXHAUSTION: Fault = fatal("thread exhaustion");
