//! `compress/flate`: streams of the crate flate2, by number; the Go half owns the numbers.
#![allow(unsafe_code)]

use std::sync::LazyLock;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::handles::{Handles, fill, lock};
use crate::vm::natives::Entry;

enum Stream {
    Deflate(Compress),
    Inflate(Decompress),
}

static STREAMS: LazyLock<Handles<Stream>> = LazyLock::new(Handles::default);

native!(new_deflate, 1, |c| {
    let level = match c.int() {
        l @ 0..=9 => l as u32,
        -2 => 1,
        _ => 6,
    };
    c.ret(STREAMS.add(Stream::Deflate(Compress::new(
        Compression::new(level),
        false,
    ))));
});
native!(new_inflate, 1, |c| {
    c.ret(STREAMS.add(Stream::Inflate(Decompress::new(false))));
});
native!(free, 0, |c| {
    let id = c.word();
    STREAMS.remove(id);
});
// deflate(id, in, out, flush): bytes taken, bytes made, whether it is complete.
native!(deflate, 3, |c| {
    let id = c.word();
    let (input, out) = (c.bytes(), c.slice());
    let flush = match c.int() {
        0 => FlushCompress::None,
        1 => FlushCompress::Sync,
        _ => FlushCompress::Finish,
    };
    let mut buf = vec![0; out.len];
    let (mut took, mut made, mut end) = (0, 0, true);
    if let Some(s) = STREAMS.get(id)
        && let Stream::Deflate(z) = &mut *lock(&s)
    {
        let (i, o) = (z.total_in(), z.total_out());
        let status = z.compress(input, &mut buf, flush);
        (took, made) = (z.total_in() - i, z.total_out() - o);
        end = matches!(status, Ok(Status::StreamEnd) | Err(_));
    }
    fill(out, &buf[..made as usize]);
    c.ret(took).ret(made).ret_bool(end);
});
// inflate(id, in, out): bytes taken, bytes made, 0 go on, 1 end of the stream, 2 corrupt.
native!(inflate, 3, |c| {
    let id = c.word();
    let (input, out) = (c.bytes(), c.slice());
    let mut buf = vec![0; out.len];
    let (mut took, mut made, mut status) = (0, 0, 2);
    if let Some(s) = STREAMS.get(id)
        && let Stream::Inflate(z) = &mut *lock(&s)
    {
        let (i, o) = (z.total_in(), z.total_out());
        status = match z.decompress(input, &mut buf, FlushDecompress::None) {
            Ok(Status::StreamEnd) => 1,
            Ok(_) => 0,
            Err(_) => 2,
        };
        (took, made) = (z.total_in() - i, z.total_out() - o);
    }
    fill(out, &buf[..made as usize]);
    c.ret(took).ret(made).ret(status);
});
native!(preset, 1, |c| {
    let id = c.word();
    let dict = c.bytes();
    let mut ok = false;
    if let Some(s) = STREAMS.get(id) {
        // A stored block of the dictionary makes it the window of what follows.
        ok = match &mut *lock(&s) {
            Stream::Inflate(z) => {
                let mut done = true;
                for part in dict.chunks(0xffff) {
                    let n = part.len() as u16;
                    let mut block = vec![0];
                    block.extend(n.to_le_bytes());
                    block.extend((!n).to_le_bytes());
                    block.extend(part);
                    let mut sink = vec![0; part.len()];
                    done &= z
                        .decompress(&block, &mut sink, FlushDecompress::None)
                        .is_ok();
                }
                done
            }
            Stream::Deflate(_) => false,
        };
    }
    c.ret_bool(ok);
});

pub const NATIVES: &[Entry] = &[
    ("compress/flate.newDeflate", new_deflate),
    ("compress/flate.newInflate", new_inflate),
    ("compress/flate.free", free),
    ("compress/flate.deflate", deflate),
    ("compress/flate.inflate", inflate),
    ("compress/flate.preset", preset),
];
