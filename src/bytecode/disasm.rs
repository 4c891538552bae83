//! Listings of compiled functions.

use std::fmt::Write;

use super::instr::{Kind, Op, length, operands};
use super::program::Proto;
use crate::base::span::SourceMap;

/// A function as text: one instruction a line, source lines in between.
pub fn listing(p: &Proto, sources: &SourceMap) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "func {} #{} (slots {}, params {}, results {})",
        p.name, p.id, p.nslots, p.param_slots, p.result_slots
    );
    let mut line = 0;
    let mut i = 0;
    while i < p.code.len() {
        if let Some((file, l, _)) = sources.locate(p.pos_at(i))
            && l != line
        {
            line = l;
            let _ = writeln!(out, "  {file}:{l}");
        }
        let _ = writeln!(out, "    {i:5}  {}", instruction(&p.code, i));
        i += length(p.code[i]);
    }
    out
}

/// One instruction as text.
pub fn instruction(code: &[u64], at: usize) -> String {
    let w = code[at];
    let Some(op) = Op::decode(w) else {
        return format!("?? {w:#x}");
    };
    let (a, b, c) = operands(w);
    let bc = (w >> 32) as u32;
    let mut s = format!("{:<10}", op.info().name);
    let mut wide = false;
    for (kind, v) in op.info().operands.iter().zip([a, b, c]) {
        if wide {
            break;
        }
        let text = match kind {
            Kind::None => continue,
            Kind::D | Kind::S | Kind::DV | Kind::SV => format!("r{v}"),
            Kind::D2 | Kind::S2 => format!("r{v}:{}", v + 1),
            Kind::X if v == 0xffff => "-".into(),
            Kind::X => format!("r{v}"),
            Kind::I => format!("#{}", v as i16),
            Kind::U => format!("#{v}"),
            Kind::J => format!("->{}", at as i64 + v as i16 as i64),
            Kind::J32 => {
                wide = true;
                format!("->{}", at as i64 + bc as i32 as i64)
            }
            Kind::I32 => {
                wide = true;
                format!("#{}", bc as i32)
            }
            Kind::U32 => {
                wide = true;
                format!("#{bc}")
            }
            Kind::F32 => {
                wide = true;
                if op == Op::CallN {
                    crate::vm::natives::name(bc).to_string()
                } else {
                    format!("f{bc}")
                }
            }
        };
        let _ = write!(s, " {text}");
    }
    for i in 1..length(w) {
        let e = code.get(at + i).copied().unwrap_or(0);
        let _ = if e < 1 << 20 {
            write!(s, " [{e}]")
        } else {
            write!(s, " [{e:#x}]")
        };
    }
    s
}
