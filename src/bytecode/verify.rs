//! The verifier: what handlers take for granted about code. Run over every function in
//! builds with debug assertions, and by tests.

use super::instr::{Kind, Op, length, operands};
use super::program::Proto;

/// Checks operation codes, that slots lie inside the frame, that jumps meet instructions,
/// and that code does not run off its end.
pub fn verify(p: &Proto) -> Result<(), String> {
    let code = &p.code;
    let mut starts = vec![false; code.len() + 1];
    let mut i = 0;
    let mut last = Op::Trap;
    while i < code.len() {
        starts[i] = true;
        last = Op::decode(code[i]).ok_or_else(|| format!("word {i}: no instruction"))?;
        i += length(code[i]);
    }
    if i != code.len() {
        return Err("the last instruction lacks extension words".into());
    }
    let ends = [
        Op::Ret,
        Op::Ret1,
        Op::DeferEnd,
        Op::Jmp,
        Op::Panic,
        Op::Fault,
        Op::GExit,
    ];
    if !ends.contains(&last) {
        return Err(format!("code runs off its end after {}", last.info().name));
    }
    let mut i = 0;
    while i < code.len() {
        let w = code[i];
        let op = Op::decode(w).ok_or("no instruction")?;
        let (a, b, c) = operands(w);
        let target = |off: i64| -> Result<(), String> {
            let t = i as i64 + off;
            if usize::try_from(t)
                .ok()
                .and_then(|t| starts.get(t))
                .copied()
                .unwrap_or(false)
            {
                Ok(())
            } else {
                Err(format!(
                    "word {i}: {} jumps to {t}, which is no instruction",
                    op.info().name
                ))
            }
        };
        for (kind, v) in op.info().operands.iter().zip([a, b, c]) {
            let width = match kind {
                Kind::D | Kind::S | Kind::DV | Kind::SV => 1,
                Kind::D2 | Kind::S2 => 2,
                Kind::X if v != 0xffff => 1,
                Kind::J => {
                    target(v as i16 as i64)?;
                    0
                }
                Kind::J32 => {
                    target((w >> 32) as u32 as i32 as i64)?;
                    break;
                }
                Kind::I32 | Kind::U32 | Kind::F32 => break,
                _ => 0,
            };
            if width > 0 && v as usize + width > p.nslots {
                return Err(format!(
                    "word {i}: {} uses slot {v} of {}",
                    op.info().name,
                    p.nslots
                ));
            }
        }
        if op == Op::JTab {
            for k in 0..c as usize {
                target(code[i + 1 + k] as i64)?;
            }
        }
        if op == Op::MapNext {
            target(code[i + 2] as i64)?;
        }
        i += length(w);
    }
    Ok(())
}
