//! Every magic number of the runtime, with its reason.

/// Slots of a P's local ring: Go's number; the ring stays in a few cache lines when
/// short and a burst of spawns rarely reaches the global lock.
#[cfg(not(loom))]
pub const RUNQ_CAP: usize = 256;
/// Under the model checker: small enough to reach the full and wrapped states.
#[cfg(loom)]
pub const RUNQ_CAP: usize = 4;

/// Every so many scheduler ticks the global queue goes first, so that two Gs that keep
/// readying each other cannot starve it. Prime, so it does not beat with guest loops.
pub const GLOBAL_TICK: u32 = 61;

/// At most this many Gs move from the global queue to a local one at once.
pub const GLOBAL_BATCH: usize = RUNQ_CAP / 2;

/// Rounds over all victims before an M gives up; the last also takes `runnext` and timers.
pub const STEAL_ROUNDS: u32 = 4;

/// How long a thief watches a P before it takes its `runnext`: in that time the owner
/// normally parks its current G and runs the G itself, with warm caches. In pauses
/// (about 40 ns each on x86), together a few µs.
pub const RUNNEXT_GRACE_PAUSES: u32 = 100;

/// A wake-up for a G that sits alone in `runnext` mostly comes too late: the owner runs
/// it first. After each wake-up that found nothing the next `2^n` are left out; `n` is
/// capped here so a ping-pong at 40 ns a switch loses at most a wake-up per 300 µs.
pub const WAKE_BACKOFF_MAX: u32 = 13;

/// A G may run this long before it is asked to yield (Go's 10 ms).
pub const SLICE_NS: i64 = 10_000_000;

/// A program runs so long without sysmon when nothing needs it: longer than a program that
/// prints a line, shorter than a slice.
pub const SYSMON_LATE_NS: i64 = 2_000_000;
/// Sysmon's first pause, which is also how quickly a P is retaken from a blocking call.
pub const SYSMON_MIN_NS: i64 = 50_000;
/// Sysmon's longest pause while any P is busy: half a slice would be 5 ms; 10 ms keeps
/// its own cost at zero and slices below 20 ms.
pub const SYSMON_MAX_NS: i64 = 10_000_000;
/// Longest pause while wake-ups are being left out (see `WAKE_BACKOFF_MAX`): sysmon is
/// then the one who notices that a G in `runnext` really waits.
pub const SYSMON_BACKOFF_NS: i64 = 1_000_000;
/// After so many uneventful rounds sysmon doubles its pause.
pub const SYSMON_CALM_ROUNDS: u32 = 20;
/// A P in a blocking call with nothing queued is left alone this long.
pub const BLOCKING_IDLE_NS: i64 = 10_000_000;

/// Re-send the stop request this often while the world is stopping: a G that was just
/// being switched in may have overwritten its poisoned limit.
pub const STOP_RETRY_NS: i64 = 100_000;

/// Most Ms that may exist (Go's default); more is `fatal error: thread exhaustion`.
pub const MAX_MS: usize = 10_000;
/// Most Ps.
pub const MAX_PS: usize = 1024;
/// Stack of an M in bytes (virtual): interpreter frames do not nest, natives are shallow.
pub const M_STACK: usize = 2 << 20;

/// Gs in one registry chunk: about 14 KiB, of which the first is made at every start.
pub const G_CHUNK: usize = 64;
/// Dead Gs a P keeps; half go to the global list beyond that.
pub const G_FREE_MAX: usize = 64;
/// Goroutine ids a P takes at once.
pub const ID_BATCH: u64 = 16;
/// Spare sudogs a P keeps for `select`.
pub const SUDOG_FREE_MAX: usize = 128;

/// Tries of a taken `RawLock` before its processor is offered to others.
pub const LOCK_SPINS: u32 = 6;
/// Pauses between them, some 2 µs: the holder gets through several operations on the same
/// object while its cache lines stay where they are. Looking again after every fourth pause
/// made a channel that two threads fight for four times as slow.
pub const LOCK_PAUSES: u32 = 50;
/// Then the processor is offered to others this often: the holder was descheduled.
pub const LOCK_YIELDS: u32 = 50;
/// Then nap this long between tries, so a descheduled holder costs no CPU.
pub const LOCK_NAP_US: u64 = 50;

/// Buckets of the semaphore table (prime): 100,000 distinct contended addresses make
/// chains of about 100.
pub const SEMA_BUCKETS: usize = 1021;

/// A waiter that failed for this long switches its mutex to starvation mode (Go's 1 ms).
pub const STARVATION_NS: i64 = 1_000_000;
/// Rounds a running G spins on a taken mutex before it queues, when other Ps run.
pub const MUTEX_SPINS: u32 = 4;
/// Pauses in each such round.
pub const MUTEX_SPIN_PAUSES: u32 = 30;

/// Children per node of a timer heap: half the depth of a binary heap, and four 16-byte
/// entries share a cache line.
pub const HEAP_ARITY: usize = 4;
/// With timers pending, the clock is read in every so many scheduler rounds (a power of
/// two); in between the coarse clock decides.
pub const TIMER_CHECK_TICKS: u32 = 8;

/// Cases of a `select` that fit in the stack scratch.
pub const SELECT_INLINE: usize = 16;

/// Descriptors in one chunk of the netpoller's table, and chunks: half a million descriptors.
pub const POLL_CHUNK: usize = 256;
/// See `POLL_CHUNK`.
pub const POLL_CHUNKS: usize = 2048;
/// Events taken from the system at once (Go's number).
pub const POLL_EVENTS: usize = 128;
/// Sysmon polls the net when nobody has for this long (Go's 10 ms).
pub const POLL_OVERDUE_NS: i64 = 10_000_000;
/// How long the dump of a dying process waits for goroutines to stop.
pub const DUMP_WAIT_NS: i64 = 1_000_000_000;

/// With a limit on memory, how often the process's size is looked at.
pub const MEMORY_CHECK_NS: i64 = 10_000_000;
/// So many looks in a row must find too much: collections get a chance before the end.
pub const MEMORY_LOOKS: u32 = 10;
