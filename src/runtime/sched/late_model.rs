//! Under the model checker sysmon is there from the beginning (and does nothing).

use super::Runtime;
use super::monitor;
use super::worker::Worker;

pub(crate) fn is_due() -> bool {
    false
}

pub(crate) fn arm(_: &Worker) -> bool {
    false
}

impl Runtime {
    /// Makes sysmon's thread unless it is there.
    pub(crate) fn begin_sysmon(&self) {
        if !self.sysmon.begun.swap(true, super::Ordering::SeqCst) {
            let rt = self.me.upgrade().expect("the runtime is alive");
            self.spawn_thread("sysmon", move || monitor::run(&rt));
        }
    }
}
