//! Why a goroutine does not run, in the words that dumps and deadlock reports print.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// Why a goroutine waits (or that it runs). `text` gives Go's exact words.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum WaitReason { $($(#[$doc])* $name),* }
        impl WaitReason {
            /// All reasons, in numeric order.
            pub const ALL: &'static [WaitReason] = &[$(WaitReason::$name),*];
            /// As printed in a goroutine header.
            pub const fn text(self) -> &'static str {
                match self { $(WaitReason::$name => $text),* }
            }
        }
    };
}

reasons! {
    /// Not waiting.
    None = "",
    Idle = "idle",
    Runnable = "runnable",
    Running = "running",
    Syscall = "syscall",
    ChanReceive = "chan receive",
    ChanSend = "chan send",
    ChanReceiveNil = "chan receive (nil chan)",
    ChanSendNil = "chan send (nil chan)",
    Select = "select",
    SelectNoCases = "select (no cases)",
    Sleep = "sleep",
    Semacquire = "semacquire",
    MutexLock = "sync.Mutex.Lock",
    RwMutexLock = "sync.RWMutex.Lock",
    RwMutexRLock = "sync.RWMutex.RLock",
    CondWait = "sync.Cond.Wait",
    WaitGroupWait = "sync.WaitGroup.Wait",
    IoWait = "IO wait",
    SynctestRun = "synctest.Run",
    SynctestWait = "synctest.Wait",
    Preempted = "preempted",
    FinalizerWait = "finalizer wait",
    GcAssistWait = "GC assist wait",
    ForceGcIdle = "force gc (idle)",
    /// A wait the executor itself composed.
    Other = "waiting",
}

impl WaitReason {
    /// The reason with this number (`Other` for an unknown one).
    pub fn from_u8(n: u8) -> WaitReason {
        Self::ALL
            .get(n as usize)
            .copied()
            .unwrap_or(WaitReason::Other)
    }
    /// Whether nobody can ever end this wait.
    pub fn is_for_ever(self) -> bool {
        matches!(
            self,
            Self::ChanReceiveNil | Self::ChanSendNil | Self::SelectNoCases
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for (i, r) in WaitReason::ALL.iter().enumerate() {
            assert_eq!(*r as usize, i);
            assert_eq!(WaitReason::from_u8(i as u8), *r);
        }
        assert_eq!(WaitReason::from_u8(250), WaitReason::Other);
    }
}
