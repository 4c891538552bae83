//! Moves, arithmetic, comparisons, jumps.
#![allow(unsafe_code, non_snake_case)]
#![allow(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a branch on `not less` must be taken for NaN"
)]

use crate::heap::mem;
use crate::vm::fault::Code;

op!(Trap(pc, fp, cx, _w) { leave!(pc, fp, cx, super::raise(pc, fp, cx, Code::None, 0, 0)) });
op!(Mov(pc, fp, cx, w) { r!(fp, a!(w)) = r!(fp, b!(w)); next!(pc, fp, cx, 1) });
op!(Mov2(pc, fp, cx, w) {
    let v = mem::load_vu(fp.add(b!(w)) as *const u8);
    mem::store_vu(fp.add(a!(w)) as *mut u8, v);
    next!(pc, fp, cx, 1)
});
op!(MovN(pc, fp, cx, w) {
    std::ptr::copy(fp.add(b!(w)), fp.add(a!(w)), c!(w));
    next!(pc, fp, cx, 1)
});
op!(LdI(pc, fp, cx, w) { r!(fp, a!(w)) = bci!(w) as u64; next!(pc, fp, cx, 1) });
op!(LdK(pc, fp, cx, w) { r!(fp, a!(w)) = *pc.add(1); next!(pc, fp, cx, 2) });
op!(LdK2(pc, fp, cx, w) {
    let v = mem::load_vu(pc.add(1) as *const u8);
    mem::store_vu(fp.add(a!(w)) as *mut u8, v);
    next!(pc, fp, cx, 3)
});
op!(Zero(pc, fp, cx, w) { r!(fp, a!(w)) = 0; next!(pc, fp, cx, 1) });
op!(Zero2(pc, fp, cx, w) {
    mem::store_vu(fp.add(a!(w)) as *mut u8, mem::v128(0, 0));
    next!(pc, fp, cx, 1)
});
op!(ZeroN(pc, fp, cx, w) {
    std::ptr::write_bytes(fp.add(a!(w)), 0, b!(w));
    next!(pc, fp, cx, 1)
});

/// Binary operations on two slots.
macro_rules! bin {
    ($($name:ident |$x:ident, $y:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $y) = (r!(fp, b!(w)), r!(fp, c!(w)));
            r!(fp, a!(w)) = $e;
            next!(pc, fp, cx, 1)
        });
    )* };
}
/// Binary operations with a signed immediate.
macro_rules! imm {
    ($($name:ident |$x:ident, $i:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $i) = (r!(fp, b!(w)), ci!(w));
            r!(fp, a!(w)) = $e;
            next!(pc, fp, cx, 1)
        });
    )* };
}
/// Unary operations.
macro_rules! un {
    ($($name:ident |$x:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let $x = r!(fp, b!(w));
            r!(fp, a!(w)) = $e;
            next!(pc, fp, cx, 1)
        });
    )* };
}
fn f(x: u64) -> f64 {
    f64::from_bits(x)
}
fn g(x: u64) -> f32 {
    f32::from_bits(x as u32)
}

bin! {
    Add |x, y| x.wrapping_add(y);
    Sub |x, y| x.wrapping_sub(y);
    Mul |x, y| x.wrapping_mul(y);
    And |x, y| x & y;
    Or |x, y| x | y;
    Xor |x, y| x ^ y;
    AndNot |x, y| x & !y;
    Shl |x, y| if y < 64 { x << y } else { 0 };
    Shr |x, y| ((x as i64) >> y.min(63)) as u64;
    ShrU |x, y| if y < 64 { x >> y } else { 0 };
    Add32 |x, y| (x as i32).wrapping_add(y as i32) as i64 as u64;
    AddU32 |x, y| (x as u32).wrapping_add(y as u32) as u64;
    MulU32 |x, y| (x as u32).wrapping_mul(y as u32) as u64;
    AddF |x, y| (f(x) + f(y)).to_bits();
    SubF |x, y| (f(x) - f(y)).to_bits();
    MulF |x, y| (f(x) * f(y)).to_bits();
    DivF |x, y| (f(x) / f(y)).to_bits();
    AddF32 |x, y| (g(x) + g(y)).to_bits() as u64;
    SubF32 |x, y| (g(x) - g(y)).to_bits() as u64;
    MulF32 |x, y| (g(x) * g(y)).to_bits() as u64;
    DivF32 |x, y| (g(x) / g(y)).to_bits() as u64;
    Eq |x, y| (x == y) as u64;
    Ne |x, y| (x != y) as u64;
    Lt |x, y| ((x as i64) < y as i64) as u64;
    Le |x, y| (x as i64 <= y as i64) as u64;
    LtU |x, y| (x < y) as u64;
    LeU |x, y| (x <= y) as u64;
    EqF |x, y| (f(x) == f(y)) as u64;
    NeF |x, y| (f(x) != f(y)) as u64;
    LtF |x, y| (f(x) < f(y)) as u64;
    LeF |x, y| (f(x) <= f(y)) as u64;
}
imm! {
    AddI |x, i| x.wrapping_add(i as u64);
    MulI |x, i| x.wrapping_mul(i as u64);
    DivI |x, i| (x as i64).wrapping_div(i.max(1)) as u64;
    RemI |x, i| (x as i64).wrapping_rem(i.max(1)) as u64;
    AndI |x, i| x & i as u64;
    OrI |x, i| x | i as u64;
    XorI |x, i| x ^ i as u64;
    ShlI |x, i| x << (i as u64 & 63);
    ShrI |x, i| ((x as i64) >> (i as u64 & 63)) as u64;
    ShrUI |x, i| x >> (i as u64 & 63);
}
un! {
    Neg |x| (x as i64).wrapping_neg() as u64;
    Com |x| !x;
    Not |x| x ^ 1;
    Sx8 |x| x as i8 as i64 as u64;
    Sx16 |x| x as i16 as i64 as u64;
    Sx32 |x| x as i32 as i64 as u64;
    Zx8 |x| x as u8 as u64;
    Zx16 |x| x as u16 as u64;
    Zx32 |x| x as u32 as u64;
    NegF |x| x ^ (1 << 63);
    NegF32 |x| x ^ (1 << 31);
    I2F |x| (x as i64 as f64).to_bits();
    U2F |x| (x as f64).to_bits();
    F2I |x| float_to_int(f(x)) as u64;
    F2I32 |x| float_to_int32(f(x)) as u64;
    F2U |x| float_to_uint(f(x));
    F2F32 |x| (f(x) as f32).to_bits() as u64;
    F32F |x| (g(x) as f64).to_bits();
    I2F32 |x| (x as i64 as f32).to_bits() as u64;
    U2F32 |x| (x as f32).to_bits() as u64;
}

/// Truncation with amd64's result for what does not fit.
fn float_to_int(v: f64) -> i64 {
    if (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&v) {
        v as i64
    } else {
        i64::MIN
    }
}
fn float_to_int32(v: f64) -> i64 {
    if v > -2_147_483_649.0 && v < 2_147_483_648.0 {
        v as i64
    } else {
        i64::from(i32::MIN)
    }
}
fn float_to_uint(v: f64) -> u64 {
    if v < 9.223_372_036_854_776e18 {
        float_to_int(v) as u64
    } else {
        (float_to_int(v - 9.223_372_036_854_776e18) as u64) | 1 << 63
    }
}

/// Float operations with a constant.
macro_rules! konst {
    ($($name:ident |$x:ident, $k:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $k) = (f(r!(fp, b!(w))), f(*pc.add(1)));
            r!(fp, a!(w)) = ($e).to_bits();
            next!(pc, fp, cx, 2)
        });
    )* };
}
konst! {
    AddFK |x, k| x + k;
    SubFK |x, k| x - k;
    RSubFK |x, k| k - x;
    MulFK |x, k| x * k;
    DivFK |x, k| x / k;
    RDivFK |x, k| k / x;
}

macro_rules! div {
    ($($name:ident |$x:ident, $y:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $y) = (r!(fp, b!(w)), r!(fp, c!(w)));
            if $y == 0 {
                fault!(pc, fp, cx, Code::DivZero, 0, 0);
            }
            r!(fp, a!(w)) = $e;
            next!(pc, fp, cx, 1)
        });
    )* };
}
div! {
    Div |x, y| (x as i64).wrapping_div(y as i64) as u64;
    Rem |x, y| (x as i64).wrapping_rem(y as i64) as u64;
    DivU |x, y| x / y;
    RemU |x, y| x % y;
}
op!(ShChk(pc, fp, cx, w) {
    if (r!(fp, a!(w)) as i64) < 0 {
        fault!(pc, fp, cx, Code::Shift, 0, 0);
    }
    next!(pc, fp, cx, 1)
});

op!(CplxOp(pc, fp, cx, w) {
    let (x, y) = ((rf!(fp, b!(w)), rf!(fp, b!(w) + 1)), (rf!(fp, c!(w)), rf!(fp, c!(w) + 1)));
    let (re, im) = super::slow::complex(*pc.add(1), x, y);
    r!(fp, a!(w)) = re.to_bits();
    r!(fp, a!(w) + 1) = im.to_bits();
    next!(pc, fp, cx, 2)
});
op!(CplxNeg(pc, fp, cx, w) {
    let (re, im) = (r!(fp, b!(w)), r!(fp, b!(w) + 1));
    r!(fp, a!(w)) = re ^ (1 << 63);
    r!(fp, a!(w) + 1) = im ^ (1 << 63);
    next!(pc, fp, cx, 1)
});
op!(CplxEq(pc, fp, cx, w) {
    let e = rf!(fp, b!(w)) == rf!(fp, c!(w)) && rf!(fp, b!(w) + 1) == rf!(fp, c!(w) + 1);
    r!(fp, a!(w)) = e as u64;
    next!(pc, fp, cx, 1)
});
op!(C128C64(pc, fp, cx, w) {
    let (re, im) = (rf!(fp, b!(w)) as f32, rf!(fp, b!(w) + 1) as f32);
    r!(fp, a!(w)) = re.to_bits() as u64 | (im.to_bits() as u64) << 32;
    next!(pc, fp, cx, 1)
});
op!(C64C128(pc, fp, cx, w) {
    let x = r!(fp, b!(w));
    r!(fp, a!(w)) = (g(x) as f64).to_bits();
    r!(fp, a!(w) + 1) = (g(x >> 32) as f64).to_bits();
    next!(pc, fp, cx, 1)
});

op!(Jmp(pc, fp, cx, w) { take!(pc, fp, cx, bci!(w)) });
op!(Jt(pc, fp, cx, w) {
    if r!(fp, a!(w)) != 0 {
        take!(pc, fp, cx, bci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(Jf(pc, fp, cx, w) {
    if r!(fp, a!(w)) == 0 {
        take!(pc, fp, cx, bci!(w));
    }
    next!(pc, fp, cx, 1)
});
macro_rules! jump {
    ($($name:ident |$x:ident, $y:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $y) = (r!(fp, a!(w)), r!(fp, b!(w)));
            if $e {
                take!(pc, fp, cx, ci!(w));
            }
            next!(pc, fp, cx, 1)
        });
    )* };
}
jump! {
    Jeq |x, y| x == y;
    Jne |x, y| x != y;
    Jlt |x, y| (x as i64) < y as i64;
    Jge |x, y| x as i64 >= y as i64;
    JltU |x, y| x < y;
    JgeU |x, y| x >= y;
    JltF |x, y| f(x) < f(y);
    JleF |x, y| f(x) <= f(y);
    JnltF |x, y| !(f(x) < f(y));
    JnleF |x, y| !(f(x) <= f(y));
    JeqF |x, y| f(x) == f(y);
    JneF |x, y| f(x) != f(y);
}
macro_rules! jump_imm {
    ($($name:ident |$x:ident, $y:ident| $e:expr;)*) => { $(
        op!($name(pc, fp, cx, w) {
            let ($x, $y) = (r!(fp, a!(w)) as i64, bi!(w));
            if $e {
                take!(pc, fp, cx, ci!(w));
            }
            next!(pc, fp, cx, 1)
        });
    )* };
}
jump_imm! {
    JeqI |x, y| x == y;
    JneI |x, y| x != y;
    JltI |x, y| x < y;
    JleI |x, y| x <= y;
    JgtI |x, y| x > y;
    JgeI |x, y| x >= y;
}
op!(JltLen(pc, fp, cx, w) {
    if (r!(fp, a!(w)) as i64) < r!(fp, b!(w) + 1) as u32 as i64 {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(JgeLen(pc, fp, cx, w) {
    if r!(fp, a!(w)) as i64 >= r!(fp, b!(w) + 1) as u32 as i64 {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(IncJltLen(pc, fp, cx, w) {
    let x = r!(fp, a!(w)).wrapping_add(1);
    r!(fp, a!(w)) = x;
    if (x as i64) < r!(fp, b!(w) + 1) as u32 as i64 {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(IncJlt(pc, fp, cx, w) {
    let x = r!(fp, a!(w)).wrapping_add(1);
    r!(fp, a!(w)) = x;
    if (x as i64) < r!(fp, b!(w)) as i64 {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(IncJltI(pc, fp, cx, w) {
    let x = r!(fp, a!(w)).wrapping_add(1);
    r!(fp, a!(w)) = x;
    if (x as i64) < bi!(w) {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 1)
});
op!(JTab(pc, fp, cx, w) {
    let (x, n) = (r!(fp, a!(w)), c!(w));
    if x < n as u64 {
        take!(pc, fp, cx, *pc.add(1 + x as usize) as i64);
    }
    next!(pc, fp, cx, 1 + n)
});
op!(JTypeNe(pc, fp, cx, w) {
    if r!(fp, a!(w)) != *pc.add(1) {
        take!(pc, fp, cx, ci!(w));
    }
    next!(pc, fp, cx, 2)
});
