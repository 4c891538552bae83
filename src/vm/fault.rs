//! Run-time faults: the numbers handlers raise and the texts users see (Go's own).

/// What went wrong. The meaning of the two operands stands at each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Code {
    None,
    /// nil pointer dereference
    Nil,
    /// index x, length y
    Index,
    /// `s[:x]`, capacity y
    SliceHiCap,
    /// `s[:x]` of a string, length y
    SliceHiLen,
    /// `s[x:y]` with x > y
    SliceLoHi,
    /// `s[::x]`, capacity y
    SliceMaxCap,
    /// `s[:x:y]` with x > y
    SliceHiMax,
    /// `s[x:y:]` with x > y
    SliceLoHi3,
    DivZero,
    Shift,
    MakeLen,
    MakeCap,
    /// length x, array length y
    SliceToArray,
    /// x = descriptor
    Unhashable,
    UnhashableKey,
    /// x = descriptor
    Uncomparable,
    /// dynamic descriptor x (or 0), target y; static type in the third operand
    Assert,
    NilMap,
    CloseClosed,
    CloseNil,
    SendClosed,
    MakeChan,
    /// A goroutine on a nil function.
    GoNil,
    StackOverflow,
    OutOfMemory,
    MapWrites,
    MapReadWrite,
    MapIterWrite,
    /// Calls of the body of a loop over a function that come too late.
    RangeDone,
    RangeExhausted,
    RangePanicked,
    /// The iterator swallowed a panic of the body.
    RangeSwallowed,
    MissingNative,
    TooLarge,
    /// Text in the context: a fatal error.
    FatalText,
    /// Text in the context: a plain panic of a string-like error.
    PanicText,
}

/// How a fault shows itself.
pub enum Shape {
    /// A `runtime.Error`; the text follows "runtime error: ".
    Runtime(String),
    /// A `runtime.Error` whose text stands alone.
    Plain(String),
    /// `fatal error: `, not recoverable.
    Fatal(String),
}

impl Code {
    /// Whether an index or bound is out of range.
    pub fn is_about_bounds(self) -> bool {
        use Code::*;
        matches!(
            self,
            Index
                | SliceHiCap
                | SliceHiLen
                | SliceLoHi
                | SliceMaxCap
                | SliceHiMax
                | SliceLoHi3
                | SliceToArray
        )
    }
    /// The text for operands `x` and `y`. Descriptor-valued operands are named by `name`.
    pub fn text(self, x: u64, y: u64, text: &str, name: &dyn Fn(u64) -> String) -> Shape {
        use Shape::*;
        let (sx, sy) = (x as i64, y as i64);
        match self {
            Code::None => Fatal("no fault".into()),
            Code::Nil | Code::GoNil => {
                Runtime("invalid memory address or nil pointer dereference".into())
            }
            Code::Index if sx < 0 => Runtime(format!("index out of range [{sx}]")),
            Code::Index => Runtime(format!("index out of range [{sx}] with length {sy}")),
            Code::SliceHiCap if sx < 0 => Runtime(format!("slice bounds out of range [:{sx}]")),
            Code::SliceHiCap => Runtime(format!(
                "slice bounds out of range [:{sx}] with capacity {sy}"
            )),
            Code::SliceHiLen if sx < 0 => Runtime(format!("slice bounds out of range [:{sx}]")),
            Code::SliceHiLen => Runtime(format!(
                "slice bounds out of range [:{sx}] with length {sy}"
            )),
            Code::SliceLoHi if sx < 0 => Runtime(format!("slice bounds out of range [{sx}:]")),
            Code::SliceLoHi => Runtime(format!("slice bounds out of range [{sx}:{sy}]")),
            Code::SliceMaxCap if sx < 0 => Runtime(format!("slice bounds out of range [::{sx}]")),
            Code::SliceMaxCap => Runtime(format!(
                "slice bounds out of range [::{sx}] with capacity {sy}"
            )),
            Code::SliceHiMax if sx < 0 => Runtime(format!("slice bounds out of range [:{sx}:]")),
            Code::SliceHiMax => Runtime(format!("slice bounds out of range [:{sx}:{sy}]")),
            Code::SliceLoHi3 if sx < 0 => Runtime(format!("slice bounds out of range [{sx}::]")),
            Code::SliceLoHi3 => Runtime(format!("slice bounds out of range [{sx}:{sy}:]")),
            Code::DivZero => Runtime("integer divide by zero".into()),
            Code::Shift => Runtime("negative shift amount".into()),
            Code::MakeLen => Runtime("makeslice: len out of range".into()),
            Code::MakeCap => Runtime("makeslice: cap out of range".into()),
            Code::SliceToArray => Runtime(format!(
                "cannot convert slice with length {sx} to array or pointer to array with length {sy}"
            )),
            Code::Unhashable => Runtime(format!("hash of unhashable type {}", name(x))),
            Code::UnhashableKey => Plain(format!("hash of unhashable type: {}", name(x))),
            Code::Uncomparable => Runtime(format!("comparing uncomparable type {}", name(x))),
            Code::Assert => Plain(text.into()),
            Code::NilMap => Plain("assignment to entry in nil map".into()),
            Code::CloseClosed => Plain("close of closed channel".into()),
            Code::CloseNil => Plain("close of nil channel".into()),
            Code::SendClosed => Plain("send on closed channel".into()),
            Code::MakeChan => Plain("makechan: size out of range".into()),
            Code::StackOverflow => Fatal("stack overflow".into()),
            Code::OutOfMemory => Fatal("out of memory".into()),
            Code::MapWrites => Fatal("concurrent map writes".into()),
            Code::MapReadWrite => Fatal("concurrent map read and map write".into()),
            Code::MapIterWrite => Fatal("concurrent map iteration and map write".into()),
            Code::RangeDone => Runtime(
                "range function continued iteration after function for loop body returned false"
                    .into(),
            ),
            Code::RangeExhausted => {
                Runtime("range function continued iteration after whole loop exit".into())
            }
            Code::RangePanicked => {
                Runtime("range function continued iteration after loop body panic".into())
            }
            Code::RangeSwallowed => Runtime(
                "range function recovered a loop body panic and did not resume panicking".into(),
            ),
            Code::MissingNative => {
                Fatal("call of a function without body that has no native implementation".into())
            }
            Code::TooLarge => Fatal("function too large".into()),
            Code::FatalText => Fatal(text.into()),
            Code::PanicText => Plain(text.into()),
        }
    }
    pub fn from_u16(n: u16) -> Code {
        if n <= Code::PanicText as u16 {
            // SAFETY: Code is repr(u16) with consecutive numbers from 0 to PanicText.
            unsafe { std::mem::transmute::<u16, Code>(n) }
        } else {
            Code::None
        }
    }
}
