//! The instruction table: every instruction is declared once, here, with its meaning and
//! typed operands. Enum, names, disassembler, verifier and the handler table all come
//! from `for_each_instr!`; a missing handler does not compile.
//!
//! Encoding: one 64-bit word `op:16 a:16 b:16 c:16` (low to high), followed by the
//! instruction's extension words (pointers to descriptors, wide immediates, caches).
//! Register operands are 8-byte slots of the frame at `fp`. "Pair" operands are two
//! consecutive slots (string, slice, interface). A value wider than a slot lies in
//! consecutive slots in memory format; a scalar fills its slot canonically.
//!
//! Operand kinds: `D`/`S` slot written/read · `D2`/`S2` pair · `DV`/`SV` first slot of a
//! value whose size an extension word or descriptor gives · `X` optional slot (0xffff =
//! none) · `I` signed 16-bit immediate · `U` unsigned · `J` jump offset (i16, in words,
//! relative to this instruction) · `J32` jump offset in b and c · `I32`/`U32` immediate
//! in b and c · `F32` function number in b and c · `_` unused.

/// Calls `$m!` with the whole instruction table.
#[macro_export]
macro_rules! for_each_instr {
    ($m:ident) => {
        $m! {
            // name, a, b, c, extension words, meaning
            /// Never executed: marks corrupt code.
            Trap _ _ _ 0;
            /// a = b
            Mov D S _ 0;
            /// pair a = pair b
            Mov2 D2 S2 _ 0;
            /// c slots from b to a (may overlap)
            MovN DV SV U 0;
            /// a = sign-extended immediate
            LdI D I32 _ 0;
            /// a = extension word
            LdK D _ _ 1;
            /// pair a = two extension words
            LdK2 D2 _ _ 2;
            /// a = 0
            Zero D _ _ 0;
            /// pair a = 0
            Zero2 D2 _ _ 0;
            /// b slots from a = 0
            ZeroN DV U _ 0;

            /// a = b + c (wrapping, as all integer arithmetic)
            Add D S S 0;
            /// a = b - c
            Sub D S S 0;
            /// a = b * c
            Mul D S S 0;
            /// a = b / c signed; panics on zero
            Div D S S 0;
            /// a = b % c signed; panics on zero
            Rem D S S 0;
            /// a = b / c unsigned; panics on zero
            DivU D S S 0;
            /// a = b % c unsigned; panics on zero
            RemU D S S 0;
            /// a = b & c
            And D S S 0;
            /// a = b | c
            Or D S S 0;
            /// a = b ^ c
            Xor D S S 0;
            /// a = b &^ c
            AndNot D S S 0;
            /// a = b << c (0 when c >= 64)
            Shl D S S 0;
            /// a = b >> c arithmetic (sign when c >= 64)
            Shr D S S 0;
            /// a = b >> c logical (0 when c >= 64)
            ShrU D S S 0;
            /// panics when the signed shift count a is negative
            ShChk S _ _ 0;
            /// a = b + imm
            AddI D S I 0;
            /// a = b * imm
            MulI D S I 0;
            /// a = b / imm signed, imm > 0
            DivI D S I 0;
            /// a = b % imm signed, imm > 0
            RemI D S I 0;
            /// a = b & imm (sign-extended)
            AndI D S I 0;
            /// a = b | imm
            OrI D S I 0;
            /// a = b ^ imm
            XorI D S I 0;
            /// a = b << imm, 0 <= imm < 64
            ShlI D S U 0;
            /// a = b >> imm arithmetic
            ShrI D S U 0;
            /// a = b >> imm logical
            ShrUI D S U 0;
            /// a = -b
            Neg D S _ 0;
            /// a = ^b
            Com D S _ 0;
            /// a = !b (booleans)
            Not D S _ 0;
            /// a = low 8 bits of b, sign-extended
            Sx8 D S _ 0;
            /// a = low 16 bits of b, sign-extended
            Sx16 D S _ 0;
            /// a = low 32 bits of b, sign-extended
            Sx32 D S _ 0;
            /// a = low 8 bits of b
            Zx8 D S _ 0;
            /// a = low 16 bits of b
            Zx16 D S _ 0;
            /// a = low 32 bits of b
            Zx32 D S _ 0;
            /// a = int32(b + c)
            Add32 D S S 0;
            /// a = uint32(b + c)
            AddU32 D S S 0;
            /// a = uint32(b * c)
            MulU32 D S S 0;

            /// a = b + c (float64)
            AddF D S S 0;
            /// a = b - c (float64)
            SubF D S S 0;
            /// a = b * c (float64)
            MulF D S S 0;
            /// a = b / c (float64)
            DivF D S S 0;
            /// a = -b (float64)
            NegF D S _ 0;
            /// a = b + extension word (float64)
            AddFK D S _ 1;
            /// a = b - extension word (float64)
            SubFK D S _ 1;
            /// a = extension word - b (float64)
            RSubFK D S _ 1;
            /// a = b * extension word (float64)
            MulFK D S _ 1;
            /// a = b / extension word (float64)
            DivFK D S _ 1;
            /// a = extension word / b (float64)
            RDivFK D S _ 1;
            /// a = b + c (float32)
            AddF32 D S S 0;
            /// a = b - c (float32)
            SubF32 D S S 0;
            /// a = b * c (float32)
            MulF32 D S S 0;
            /// a = b / c (float32)
            DivF32 D S S 0;
            /// a = -b (float32)
            NegF32 D S _ 0;
            /// a = float64(int64 b)
            I2F D S _ 0;
            /// a = float64(uint64 b)
            U2F D S _ 0;
            /// a = int64(float64 b), truncating; out of range gives the least int64
            F2I D S _ 0;
            /// a = int32(float64 b), truncating; out of range gives the least int32
            F2I32 D S _ 0;
            /// a = uint64(float64 b); out of range gives 1<<63
            F2U D S _ 0;
            /// a = float32(float64 b)
            F2F32 D S _ 0;
            /// a = float64(float32 b)
            F32F D S _ 0;
            /// a = float32(int64 b)
            I2F32 D S _ 0;
            /// a = float32(uint64 b)
            U2F32 D S _ 0;
            /// pair a = pair b (op) pair c as complex128; op: 0 add 1 sub 2 mul 3 div in the extension word
            CplxOp D2 S2 S2 1;
            /// pair a = -pair b (complex128)
            CplxNeg D2 S2 _ 0;
            /// a = pair b == pair c (complex128)
            CplxEq D S2 S2 0;
            /// a = complex64(complex128 pair b)
            C128C64 D S2 _ 0;
            /// pair a = complex128(complex64 b)
            C64C128 D2 S _ 0;

            /// a = b == c
            Eq D S S 0;
            /// a = b != c
            Ne D S S 0;
            /// a = b < c signed
            Lt D S S 0;
            /// a = b <= c signed
            Le D S S 0;
            /// a = b < c unsigned
            LtU D S S 0;
            /// a = b <= c unsigned
            LeU D S S 0;
            /// a = b == c (float64)
            EqF D S S 0;
            /// a = b != c (float64)
            NeF D S S 0;
            /// a = b < c (float64)
            LtF D S S 0;
            /// a = b <= c (float64)
            LeF D S S 0;
            /// a = b == c (strings)
            EqS D S2 S2 0;
            /// a = b < c (strings)
            LtS D S2 S2 0;
            /// a = b <= c (strings)
            LeS D S2 S2 0;
            /// a = b == c (interfaces); panics for uncomparable dynamic types
            EqIf D S2 S2 0;
            /// a = value at b == value at c, of the type in the extension word
            EqV D SV SV 1;

            /// go to a+offset
            Jmp _ J32 _ 0;
            /// if a != 0 go to offset
            Jt S J32 _ 0;
            /// if a == 0 go to offset
            Jf S J32 _ 0;
            /// if a == b go
            Jeq S S J 0;
            /// if a != b go
            Jne S S J 0;
            /// if a < b go (signed)
            Jlt S S J 0;
            /// if a >= b go (signed)
            Jge S S J 0;
            /// if a < b go (unsigned)
            JltU S S J 0;
            /// if a >= b go (unsigned)
            JgeU S S J 0;
            /// if a == imm go
            JeqI S I J 0;
            /// if a != imm go
            JneI S I J 0;
            /// if a < imm go (signed)
            JltI S I J 0;
            /// if a <= imm go
            JleI S I J 0;
            /// if a > imm go
            JgtI S I J 0;
            /// if a >= imm go
            JgeI S I J 0;
            /// if a < b go (float64)
            JltF S S J 0;
            /// if a <= b go (float64)
            JleF S S J 0;
            /// unless a < b go (float64)
            JnltF S S J 0;
            /// unless a <= b go (float64)
            JnleF S S J 0;
            /// if a == b go (float64)
            JeqF S S J 0;
            /// if a != b go (float64)
            JneF S S J 0;
            /// if a < len(slice b) go
            JltLen S S2 J 0;
            /// if a >= len(slice b) go
            JgeLen S S2 J 0;
            /// a = a + 1; if a < len(slice b) go
            IncJltLen S S2 J 0;
            /// a = a + 1; if a < b go (signed)
            IncJlt S S J 0;
            /// a = a + 1; if a < imm go (signed)
            IncJltI S I J 0;
            /// jump table: go to the offset in extension word number a (c words follow; a >= c falls through)
            JTab S _ U 0;
            /// if the dynamic type of interface a is not the extension word's descriptor go
            JTypeNe S2 _ J 1;

            /// a = int8 at b + c; panics when b is nil (as all loads and stores)
            Ld8s D S U 0;
            /// a = uint8 at b + c
            Ld8u D S U 0;
            /// a = int16 at b + c
            Ld16s D S U 0;
            /// a = uint16 at b + c
            Ld16u D S U 0;
            /// a = int32 at b + c
            Ld32s D S U 0;
            /// a = uint32 at b + c
            Ld32u D S U 0;
            /// a = word at b + c
            Ld64 D S U 0;
            /// pair a = 16 bytes at b + c, one access
            Ld128 D2 S U 0;
            /// value a = extension-word bytes at b + c
            LdN DV S U 1;
            /// byte at b + c = a
            St8 S S U 0;
            /// 2 bytes at b + c = a
            St16 S S U 0;
            /// 4 bytes at b + c = a
            St32 S S U 0;
            /// word at b + c = a
            St64 S S U 0;
            /// 16 bytes at b + c = pair a, one access
            St128 S2 S U 0;
            /// extension-word bytes at b + c = value a
            StN SV S U 1;
            /// panics when a is nil
            NilChk S _ _ 0;
            /// a = b + extension word; panics when b is nil
            Lea D S _ 1;
            /// a = word at address (global) in extension word
            GLd D _ _ 1;
            /// word at address (global) in extension word = a
            GSt S _ _ 1;
            /// a = int8 at frame byte offset
            FLd8s D U32 _ 0;
            /// a = uint8 at frame byte offset
            FLd8u D U32 _ 0;
            /// a = int16 at frame byte offset
            FLd16s D U32 _ 0;
            /// a = uint16 at frame byte offset
            FLd16u D U32 _ 0;
            /// a = int32 at frame byte offset
            FLd32s D U32 _ 0;
            /// a = uint32 at frame byte offset
            FLd32u D U32 _ 0;
            /// value a = extension-word bytes at frame byte offset
            FLdN DV U32 _ 1;
            /// extension-word bytes at frame byte offset = value a
            FStN SV U32 _ 1;
            /// byte at frame byte offset = a
            FSt8 S U32 _ 0;
            /// 2 bytes at frame byte offset = a
            FSt16 S U32 _ 0;
            /// 4 bytes at frame byte offset = a
            FSt32 S U32 _ 0;

            /// a = int8 element c of slice b; panics when out of range (as all indexing)
            Ix8s D S2 S 0;
            /// a = uint8 element c of slice b
            Ix8u D S2 S 0;
            /// a = int16 element
            Ix16s D S2 S 0;
            /// a = uint16 element
            Ix16u D S2 S 0;
            /// a = int32 element
            Ix32s D S2 S 0;
            /// a = uint32 element
            Ix32u D S2 S 0;
            /// a = 8-byte element
            Ix64 D S2 S 0;
            /// pair a = 16-byte element
            Ix128 D2 S2 S 0;
            /// 1-byte element c of slice b = a
            SIx8 S S2 S 0;
            /// 2-byte element c of slice b = a
            SIx16 S S2 S 0;
            /// 4-byte element c of slice b = a
            SIx32 S S2 S 0;
            /// 8-byte element c of slice b = a
            SIx64 S S2 S 0;
            /// 16-byte element c of slice b = pair a
            SIx128 S2 S2 S 0;
            /// a = address of element c of slice b; extension word = element size
            IxAddr D S2 S 1;
            /// a = byte c of string b
            IxStr D S2 S 0;
            /// pair a = slice header over the array at b (nil-checked); extension words = byte offset, length
            ArrHdr D2 S _ 2;
            /// a = len(slice b)
            SlLen D S2 _ 0;
            /// a = cap(slice b)
            SlCap D S2 _ 0;
            /// pair a = slice b[lo:hi:max]; extension: slots lo,hi,max (0xffff = absent, 16 bits each), element size
            SliceOp D2 S2 _ 2;
            /// pair a = string b[lo:hi]; extension: slots as SliceOp
            SliceStr D2 S2 _ 1;
            /// a = pointer to the array under slice b; panics when its length is below extension word 1
            SliceArr D S2 _ 1;
            /// a = unsafe.Pointer(pointer b); extension = descriptor of what b points to
            ToUnsafe D S _ 1;
            /// a = (*T)(unsafe.Pointer b), checked; extension = descriptor of T
            OfUnsafe D S _ 1;
            /// pair a = unsafe.Slice(b, c); extension = element descriptor
            UnsafeSl D2 S S 1;
            /// pair a = unsafe.String(b, c); extension = descriptor of byte
            UnsafeStr D2 S S 1;
            /// a = unsafe.StringData(string b)
            StrData D S2 _ 0;
            /// pair a = make([]T, b, c); extension = element descriptor
            MkSlice D2 S S 1;
            /// pair a = append(slice b, 8-byte c); extension = element descriptor
            App64 D2 S2 S 1;
            /// pair a = append(slice b, value c); extension = element descriptor
            AppV D2 S2 SV 1;
            /// pair a = slice b longer by c zero elements, grown as append does; extension = element descriptor
            AppGrow D2 S2 U 1;
            /// pair a = append(slice b, slice c...); extension = element descriptor
            AppSl D2 S2 S2 1;
            /// pair a = append(slice b, string c...) for bytes; extension = element descriptor
            AppStr D2 S2 S2 1;
            /// a = copy(slice b, slice c); extension = element size
            CopySl D S2 S2 1;
            /// a = copy(slice b, string c)
            CopyStr D S2 S2 0;
            /// clear(slice a); extension = element size
            ClearSl S2 _ _ 1;

            /// pair a = concatenation of c strings in consecutive pairs from b
            Concat D2 SV U 0;
            /// pair a = string(bytes b)
            Bytes2Str D2 S2 _ 0;
            /// pair a = []byte(string b); c = 1 for no spare capacity, as with constants in Go
            Str2Bytes D2 S2 U 0;
            /// pair a = string(runes b)
            Runes2Str D2 S2 _ 0;
            /// pair a = []rune(string b); c as for Str2Bytes
            Str2Runes D2 S2 U 0;
            /// pair a = string(rune b)
            Rune2Str D2 S _ 0;
            /// range over string b at byte index a: a+1 = rune, a+2 = next index; if a >= len go
            StrNext DV S2 J 0;

            /// a = address of a new zero object; extension = allocation descriptor
            New D _ _ 1;
            /// interface pair a = value b; extension = type descriptor
            MkIf D2 SV _ 1;
            /// value a = interface b asserted to concrete type; c = ok slot or none; extension = type, static interface type
            AsT DV S2 X 2;
            /// pair a = interface b asserted to an interface type; c = ok slot or none; extension = type, static interface type
            AsI D2 S2 X 2;
            /// a = whether interface b's dynamic type implements the extension word's interface
            Impl D S2 _ 1;
            /// a = closure over function; b, c = function number; extension = captured words; then one word per capture follows via StCap
            MkClo D F32 _ 1;
            /// a = captured word number b of the running closure
            LdCap D U _ 0;

            /// call function; its frame starts at slot a
            Call DV F32 _ 0;
            /// call closure b; frame at slot a
            CallC DV S _ 0;
            /// call method of interface b; frame at a; c = slot that takes the data word; extension = method id, cached type, cached function
            CallI DV S2 U 3;
            /// call native; arguments at slot a
            CallN DV F32 _ 0;
            /// the block counter at the extension word: set (a = 0), counted (1), counted atomically (2)
            Cover U _ _ 1;
            /// stands in for a function that is not compiled yet; b, c = function number
            Lazy _ F32 _ 0;
            /// return; results stand in the first slots
            Ret _ _ _ 0;
            /// slot 0 = a; return
            Ret1 S _ _ 0;
            /// the text of an uncaught panic is ready: the program ends
            PanicDone _ _ _ 0;
            /// panics with the text at the extension word when pointer a is nil
            WrapChk S _ _ 1;
            /// end of a goroutine's entry function
            GExit _ _ _ 0;
            /// start a goroutine at function; b slots of frame from a are copied; extension = function number
            GoF SV U _ 1;
            /// start a goroutine on closure c; b slots of frame from a are copied
            GoC SV U S 0;

            /// push closure b on defer list a
            Defer S S _ 0;
            /// pop the newest closure of defer list a into b, or go when empty
            DeferPop S D J 0;
            /// like CallC, made by a function's own epilogue: what it calls may recover
            CallDefer DV S _ 0;
            /// end of an epilogue with defers: goes on unwinding when the frame is panicking, else returns
            DeferEnd _ _ _ 0;
            /// panic(interface a)
            Panic S2 _ _ 0;
            /// pair a = recover()
            Recover D2 _ _ 0;

            /// a = make(chan, b); extension = channel type descriptor
            MkChan D X _ 1;
            /// send value b on channel a
            Send S SV _ 0;
            /// value a = <-b; c = ok slot or none; extension = element bytes
            Recv DV S X 1;
            /// close(a)
            Close S _ _ 0;
            /// a = len(channel b)
            ChLen D S _ 0;
            /// a = cap(channel b)
            ChCap D S _ 0;
            /// select: a = chosen case, a+1 = ok; b = number of cases; c = 1 with default; b case words follow
            Select DV U U 0;

            /// a = atomic value at address b; extension = width: 0 int32, 1 uint32, 2 any 64 bits
            AtLd D S _ 1;
            /// atomic value at address a = b; extension = width
            AtSt S S _ 1;
            /// a = atomic value at address b += c; extension = width
            AtAdd D S S 1;
            /// a = atomic value at address b += constant c; extension = width
            AtAddI D S I 1;
            /// a = atomic value at address b, which becomes c; extension = width
            AtSwap D S S 1;
            /// a = whether the atomic value at address b was the first of pair c and became the second; extension = width
            AtCas D S S2 1;

            /// a = make(map, hint b); extension = map descriptor
            MapNew D X _ 1;
            /// value a = map b[key at c]; extension = map descriptor, ok slot
            MapGet DV S SV 2;
            /// map a[key at b] = value c; extension = map descriptor
            MapSet S SV SV 1;
            /// delete(map a, key at b); extension = map descriptor
            MapDel S SV _ 1;
            /// a = len(map b)
            MapLen D S _ 0;
            /// clear(map a); extension = map descriptor
            MapClear S _ _ 1;
            /// start iterating map b with the iterator in a; extension = map descriptor
            MapIter D S _ 1;
            /// advance iterator a: key to b, value to c (optional slots); extension = map descriptor, jump offset when done
            MapNext S X X 2;

            /// print/println: a = first argument (interfaces), b = count, c = 1 for println
            Print SV U U 0;
            /// a = min/max of b and c; extension: 0 min, 1 max for float64; 2 min, 3 max for strings (pairs)
            MinMax DV SV SV 1;
            /// raises the run-time fault numbered a
            Fault U _ _ 0;
        }
    };
}

macro_rules! operand_kind {
    (_) => {
        Kind::None
    };
    ($k:ident) => {
        Kind::$k
    };
}

macro_rules! make_enum {
    ($($(#[doc = $doc:literal])+ $name:ident $a:tt $b:tt $c:tt $ext:literal;)+) => {
        /// Operation codes, in table order.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub enum Op { $($(#[doc = $doc])+ $name),+ }
        /// Name, operand kinds, extension words and meaning of each instruction.
        pub static INFO: &[Info] = &[$(Info {
            name: stringify!($name),
            operands: [operand_kind!($a), operand_kind!($b), operand_kind!($c)],
            ext: $ext,
            doc: concat!($($doc),+),
        }),+];
        const ALL: &[Op] = &[$(Op::$name),+];
    };
}

/// Operand kinds; see the module text.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    None,
    D,
    S,
    D2,
    S2,
    DV,
    SV,
    X,
    I,
    U,
    J,
    J32,
    I32,
    U32,
    F32,
}

/// Table row.
pub struct Info {
    pub name: &'static str,
    pub operands: [Kind; 3],
    /// Extension words after the instruction (Select and JTab have more: see `length`).
    pub ext: usize,
    pub doc: &'static str,
}

for_each_instr!(make_enum);

/// Number of instructions.
pub const COUNT: usize = ALL.len();

impl Op {
    /// The operation of an instruction word, if it is one.
    pub fn decode(word: u64) -> Option<Op> {
        ALL.get(word as u16 as usize).copied()
    }
    pub fn info(self) -> &'static Info {
        &INFO[self as usize]
    }
}

/// Assembles an instruction word.
pub fn encode(op: Op, a: u16, b: u16, c: u16) -> u64 {
    op as u64 | (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48
}
/// Assembles an instruction word whose b and c hold one 32-bit operand.
pub fn encode32(op: Op, a: u16, bc: u32) -> u64 {
    op as u64 | (a as u64) << 16 | (bc as u64) << 32
}
/// Operands of an instruction word.
pub fn operands(w: u64) -> (u16, u16, u16) {
    ((w >> 16) as u16, (w >> 32) as u16, (w >> 48) as u16)
}
/// Words the instruction occupies, its extension words included.
pub fn length(w: u64) -> usize {
    let Some(op) = Op::decode(w) else { return 1 };
    let (_, b, c) = operands(w);
    1 + match op {
        Op::Select => b as usize,
        Op::JTab => c as usize,
        _ => op.info().ext,
    }
}
