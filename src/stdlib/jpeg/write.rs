//! Writes baseline JPEG files: colour with halved chroma, or grey; Huffman codes are those
//! of annex K of the standard.

use super::{ZIGZAG, cosines};

/// Quantisation of quality 50, in the order of storage: luma, chroma.
const QUANT: [[u8; 64]; 2] = [
    [
        16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35,
        37, 29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80,
        109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
    ],
    [
        17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    ],
];

/// A Huffman table as it is stored: how many codes of each length, and the symbols.
type Spec = ([u8; 16], &'static [u8]);

const SPECS: [Spec; 4] = [
    (
        [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    ),
    (
        [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
        &[
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51,
            0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1,
            0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18,
            0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,
            0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57,
            0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75,
            0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92,
            0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
            0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
            0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8,
            0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2,
            0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
        ],
    ),
    (
        [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    ),
    (
        [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
        &[
            0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
            0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09,
            0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25,
            0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38,
            0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56,
            0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74,
            0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
            0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
            0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
            0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6,
            0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2,
            0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
        ],
    ),
];

/// Code and length by symbol.
type Codes = [(u32, u32); 256];

fn codes(spec: &Spec) -> Codes {
    let mut out = [(0, 0); 256];
    let (mut code, mut at) = (0, 0);
    for (i, n) in spec.0.iter().enumerate() {
        for _ in 0..*n {
            out[spec.1[at] as usize] = (code, i as u32 + 1);
            code += 1;
            at += 1;
        }
        code <<= 1;
    }
    out
}

/// The file so far, and bits that are no whole byte yet.
struct Writer {
    out: Vec<u8>,
    bits: u64,
    count: u32,
    quant: [[i32; 64]; 2],
    codes: [Codes; 4],
}

impl Writer {
    fn segment(&mut self, marker: u8, body: &[u8]) {
        self.out.extend([0xff, marker]);
        self.out.extend((body.len() as u16 + 2).to_be_bytes());
        self.out.extend(body);
    }
    fn emit(&mut self, value: u32, n: u32) {
        self.bits = self.bits << n | u64::from(value);
        self.count += n;
        while self.count >= 8 {
            self.count -= 8;
            let b = (self.bits >> self.count) as u8;
            self.out.push(b);
            if b == 0xff {
                self.out.push(0);
            }
        }
        self.bits &= (1 << self.count) - 1;
    }
    fn symbol(&mut self, table: usize, s: usize) {
        let (code, n) = self.codes[table][s];
        self.emit(code, n);
    }
    /// A value after `run` zeros: its length as a symbol, then its bits.
    fn value(&mut self, table: usize, run: usize, v: i32) {
        let n = 32 - v.unsigned_abs().leading_zeros();
        self.symbol(table, run << 4 | n as usize);
        let bits = if v < 0 { v - 1 } else { v } as u32;
        self.emit(bits & ((1 << n) - 1), n);
    }
    /// Writes a block; `chroma` chooses the tables. Returns its first coefficient, of which
    /// the difference to `before` is written.
    fn block(&mut self, samples: &[[i32; 8]; 8], chroma: usize, before: i32) -> i32 {
        let cos = cosines();
        let mut rows = [[0.0f64; 8]; 8];
        for (y, row) in samples.iter().enumerate() {
            for u in 0..8 {
                rows[y][u] = (0..8).map(|x| f64::from(row[x] - 128) * cos[u][x]).sum();
            }
        }
        let mut coef = [0i32; 64];
        for v in 0..8 {
            for u in 0..8 {
                let s: f64 = (0..8).map(|y| rows[y][u] * cos[v][y]).sum();
                coef[8 * v + u] = (8.0 * s).round() as i32;
            }
        }
        let mut quantised = [0i32; 64];
        for (i, q) in quantised.iter_mut().enumerate() {
            let (c, by) = (coef[ZIGZAG[i]], 8 * self.quant[chroma][i]);
            let half = by / 2;
            *q = if c < 0 {
                -((half - c) / by)
            } else {
                (c + half) / by
            };
        }
        self.value(2 * chroma, 0, quantised[0] - before);
        let mut run = 0;
        for q in &quantised[1..] {
            if *q == 0 {
                run += 1;
                continue;
            }
            while run > 15 {
                self.symbol(2 * chroma + 1, 0xf0);
                run -= 16;
            }
            self.value(2 * chroma + 1, run, *q);
            run = 0;
        }
        if run > 0 {
            self.symbol(2 * chroma + 1, 0);
        }
        quantised[0]
    }
}

/// Luma and chroma of a pixel, in the fixed point of package image/color.
fn ycc(r: u8, g: u8, b: u8) -> [i32; 3] {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let y = (19595 * r + 38470 * g + 7471 * b + (1 << 15)) >> 16;
    let cb = (-11056 * r - 21712 * g + 32768 * b + (257 << 15)) >> 16;
    let cr = (32768 * r - 27440 * g - 5328 * b + (257 << 15)) >> 16;
    [y, cb.clamp(0, 255), cr.clamp(0, 255)]
}

pub fn encode(kind: i64, pix: &[u8], w: usize, h: usize, quality: i64) -> Vec<u8> {
    let scale = match quality.clamp(1, 100) as i32 {
        q @ ..50 => 5000 / q,
        q => 200 - 2 * q,
    };
    let quant = QUANT.map(|t| t.map(|q| ((i32::from(q) * scale + 50) / 100).clamp(1, 255)));
    let mut e = Writer {
        out: vec![0xff, 0xd8],
        bits: 0,
        count: 0,
        quant,
        codes: [0, 1, 2, 3].map(|i| codes(&SPECS[i])),
    };
    let grey = kind == 0;
    let parts = if grey { 1 } else { 3 };

    let mut body = Vec::new();
    for (i, t) in quant.iter().enumerate() {
        body.push(i as u8);
        body.extend(t.iter().map(|q| *q as u8));
    }
    e.segment(0xdb, &body);

    let mut body = vec![8];
    body.extend((h as u16).to_be_bytes());
    body.extend((w as u16).to_be_bytes());
    body.push(parts);
    if grey {
        body.extend([1, 0x11, 0]);
    } else {
        body.extend([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    }
    e.segment(0xc0, &body);

    let mut body = Vec::new();
    for (i, spec) in SPECS.iter().take(if grey { 2 } else { 4 }).enumerate() {
        body.push([0, 0x10, 1, 0x11][i]);
        body.extend(spec.0);
        body.extend(spec.1);
    }
    e.segment(0xc4, &body);

    let scan: &[u8] = if grey {
        &[1, 1, 0, 0, 63, 0]
    } else {
        &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]
    };
    e.segment(0xda, scan);

    // Pixels outside the image are those at its border.
    let at = |x: usize, y: usize| -> [i32; 3] {
        let i = y.min(h - 1) * w + x.min(w - 1);
        let byte = |k: usize| pix.get(k).copied().unwrap_or(0);
        match kind {
            0 => [i32::from(byte(i)), 0, 0],
            1 => ycc(byte(4 * i), byte(4 * i + 1), byte(4 * i + 2)),
            _ => [0, 1, 2].map(|k| i32::from(byte(3 * i + k))),
        }
    };
    let mut before = [0; 3];
    if grey {
        for y in (0..h).step_by(8) {
            for x in (0..w).step_by(8) {
                let mut b = [[0; 8]; 8];
                for (j, row) in b.iter_mut().enumerate() {
                    for (i, s) in row.iter_mut().enumerate() {
                        *s = at(x + i, y + j)[0];
                    }
                }
                before[0] = e.block(&b, 0, before[0]);
            }
        }
    } else {
        for y in (0..h).step_by(16) {
            for x in (0..w).step_by(16) {
                let mut chroma = [[[0i32; 8]; 8]; 2];
                let mut luma = [[[0i32; 8]; 8]; 4];
                for j in 0..16 {
                    for i in 0..16 {
                        let [l, cb, cr] = at(x + i, y + j);
                        luma[j / 8 * 2 + i / 8][j % 8][i % 8] = l;
                        chroma[0][j / 2][i / 2] += cb;
                        chroma[1][j / 2][i / 2] += cr;
                    }
                }
                for b in &luma {
                    before[0] = e.block(b, 0, before[0]);
                }
                for (k, sums) in chroma.iter().enumerate() {
                    let means = sums.map(|row| row.map(|s| (s + 2) >> 2));
                    before[k + 1] = e.block(&means, 1, before[k + 1]);
                }
            }
        }
    }
    e.emit(0x7f, 7);
    e.out.extend([0xff, 0xd9]);
    e.out
}
