//! Reads sequential and progressive JPEG files with Huffman codes.

use super::{ZIGZAG, cosines};

/// One colour component.
#[derive(Default)]
pub struct Part {
    id: u8,
    /// How many blocks of it a unit has.
    h: usize,
    v: usize,
    quant: usize,
    /// Blocks in a row and rows, of whole units.
    across: usize,
    down: usize,
    /// Coefficients by block, in natural order.
    coef: Vec<[i32; 64]>,
    samples: Vec<u8>,
}

#[derive(Clone, Default)]
struct Huffman {
    /// By length: the first code, how many there are, and where their symbols begin.
    levels: [(i32, i32, usize); 17],
    symbols: Vec<u8>,
}

#[derive(Default)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    pub parts: Vec<Part>,
    progressive: bool,
    jfif: bool,
    adobe: Option<u8>,
    restart: usize,
    quant: [Option<[i32; 64]>; 4],
    huffman: [[Option<Huffman>; 4]; 2],
}

/// The largest image: 268 million samples.
const MAX_BLOCKS: usize = 1 << 22;

type Fail = String;
type Result<T> = std::result::Result<T, Fail>;

fn format<T>(text: &str) -> Result<T> {
    Err(format!("F{text}"))
}
fn unsupported<T>(text: &str) -> Result<T> {
    Err(format!("U{text}"))
}
fn early<T>() -> Result<T> {
    Err("E".into())
}

/// The bits of a scan: bytes up to a marker.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    bits: u32,
    count: u32,
    /// Blocks yet to come that have no coefficients (progressive).
    empty: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Result<u32> {
        if self.count == 0 {
            let Some(b) = self.data.get(self.at) else {
                return format("short Huffman data");
            };
            self.at += 1;
            if *b == 0xff {
                match self.data.get(self.at) {
                    Some(0) => self.at += 1,
                    Some(_) => return format("missing 0xff00 sequence"),
                    None => return format("short Huffman data"),
                }
            }
            self.bits = u32::from(*b);
            self.count = 8;
        }
        self.count -= 1;
        Ok(self.bits >> self.count & 1)
    }
    fn take(&mut self, n: u32) -> Result<i32> {
        let mut v = 0;
        for _ in 0..n {
            v = v << 1 | self.bit()? as i32;
        }
        Ok(v)
    }
    /// A signed value of n bits.
    fn value(&mut self, n: u32) -> Result<i32> {
        let v = self.take(n)?;
        Ok(if n > 0 && v < 1 << (n - 1) {
            v - (1 << n) + 1
        } else {
            v
        })
    }
    fn symbol(&mut self, h: &Huffman) -> Result<u8> {
        let mut code = 0;
        for (first, n, at) in &h.levels[1..] {
            code = code << 1 | self.bit()? as i32;
            if code - first < *n {
                return Ok(h.symbols[at + (code - first) as usize]);
            }
        }
        format("bad Huffman code")
    }
}

/// What a scan holds: its band of coefficients and the bits of each.
#[derive(Clone, Copy)]
struct Band {
    from: usize,
    to: usize,
    high: u32,
    low: u32,
}

impl Image {
    pub fn strides(&self) -> [usize; 4] {
        let mut out = [0; 4];
        for (o, p) in out.iter_mut().zip(&self.parts) {
            *o = p.across * 8;
        }
        out
    }
    /// By which factors the second component is smaller than the first.
    pub fn ratio(&self) -> u64 {
        match self.parts.as_slice() {
            [a, b, ..] => (((a.h / b.h) << 4) | (a.v / b.v)) as u64,
            _ => 0x11,
        }
    }
    pub fn flags(&self) -> u64 {
        let rgb = self.parts.iter().map(|p| p.id).eq(*b"RGB");
        u64::from(self.jfif)
            | self.adobe.map_or(0, |t| 2 | u64::from(t & 3) << 2)
            | u64::from(rgb) << 4
    }
    pub fn planes(&self) -> Vec<u8> {
        self.parts
            .iter()
            .flat_map(|p| &p.samples)
            .copied()
            .collect()
    }

    fn tables(&mut self, mut body: &[u8]) -> Result<()> {
        while let Some((head, rest)) = body.split_first() {
            let (size, t) = (head >> 4, usize::from(head & 15));
            if t > 3 {
                return format("bad Tq value");
            }
            let n = match size {
                0 => 64,
                1 => 128,
                _ => return format("bad Pq value"),
            };
            if rest.len() < n {
                return format("DQT has wrong length");
            }
            let mut q = [0; 64];
            for (i, q) in q.iter_mut().enumerate() {
                *q = if size == 0 {
                    i32::from(rest[i])
                } else {
                    i32::from(u16::from_be_bytes([rest[2 * i], rest[2 * i + 1]]))
                };
            }
            self.quant[t] = Some(q);
            body = &rest[n..];
        }
        Ok(())
    }

    fn codes(&mut self, mut body: &[u8]) -> Result<()> {
        while !body.is_empty() {
            if body.len() < 17 {
                return format("DHT has wrong length");
            }
            let (class, t) = (usize::from(body[0] >> 4), usize::from(body[0] & 15));
            if class > 1 {
                return format("bad Tc value");
            }
            if t > 3 || !self.progressive && t > 1 && !self.parts.is_empty() {
                return format("bad Th value");
            }
            let mut h = Huffman::default();
            let (mut code, mut at) = (0i32, 0);
            for (n, level) in body[1..17].iter().zip(&mut h.levels[1..]) {
                *level = (code, i32::from(*n), at);
                at += usize::from(*n);
                code = (code + i32::from(*n)) << 1;
            }
            if at == 0 {
                return format("Huffman table has zero length");
            }
            if at > 256 {
                return format("Huffman table has excessive length");
            }
            if body.len() < 17 + at {
                return format("DHT has wrong length");
            }
            h.symbols = body[17..17 + at].to_vec();
            self.huffman[class][t] = Some(h);
            body = &body[17 + at..];
        }
        Ok(())
    }

    fn frame(&mut self, body: &[u8]) -> Result<()> {
        if !self.parts.is_empty() {
            return format("multiple SOF markers");
        }
        if body.len() < 6 {
            return unsupported("number of components");
        }
        let n = match body.len() {
            9 => 1,
            15 => 3,
            18 => 4,
            _ => return unsupported("number of components"),
        };
        if body[0] != 8 {
            return unsupported("precision");
        }
        self.height = usize::from(u16::from_be_bytes([body[1], body[2]]));
        self.width = usize::from(u16::from_be_bytes([body[3], body[4]]));
        if usize::from(body[5]) != n {
            return format("SOF has wrong length");
        }
        let mut parts: Vec<Part> = Vec::new();
        for c in body[6..].chunks(3) {
            if parts.iter().any(|p| p.id == c[0]) {
                return format("repeated component identifier");
            }
            if c[2] > 3 {
                return format("bad Tq value");
            }
            let (h, v) = (usize::from(c[1] >> 4), usize::from(c[1] & 15));
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                return format("luma/chroma subsampling ratio");
            }
            if h == 3 || v == 3 {
                return unsupported("luma/chroma subsampling ratio");
            }
            parts.push(Part {
                id: c[0],
                h,
                v,
                quant: c[2].into(),
                ..Part::default()
            });
        }
        if n == 1 {
            (parts[0].h, parts[0].v) = (1, 1);
        } else {
            let (h, v) = (parts[0].h, parts[0].v);
            let last_like_first = n == 3 || parts[3].h == h && parts[3].v == v;
            let fits = parts[1].h == parts[2].h && parts[1].v == parts[2].v && last_like_first;
            let ratio = (h.checked_div(parts[1].h), v.checked_div(parts[1].v));
            let known = matches!(ratio, (Some(1 | 2), Some(1 | 2)) | (Some(4), Some(1 | 2)));
            if !fits || !known || h % parts[1].h != 0 || v % parts[1].v != 0 {
                return unsupported("luma/chroma subsampling ratio");
            }
        }
        let (h, v) = (parts[0].h, parts[0].v);
        let units = (self.width.div_ceil(8 * h), self.height.div_ceil(8 * v));
        for p in &mut parts {
            (p.across, p.down) = (units.0 * p.h, units.1 * p.v);
        }
        self.parts = parts;
        Ok(())
    }

    /// Reads a scan; returns where its bits end.
    fn scan(&mut self, body: &[u8], data: &[u8]) -> Result<usize> {
        if self.parts.is_empty() {
            return format("missing SOF marker");
        }
        let n = usize::from(body.first().copied().unwrap_or(0));
        if body.len() < 6 || body.len() != 4 + 2 * n {
            return format("SOS has wrong length");
        }
        let mut chosen = Vec::new();
        for c in body[1..1 + 2 * n].chunks(2) {
            let Some(i) = self.parts.iter().position(|p| p.id == c[0]) else {
                return format("unknown component selector");
            };
            if chosen.iter().any(|(j, _, _)| *j == i) {
                return format("repeated component selector");
            }
            let (dc, ac) = (usize::from(c[1] >> 4), usize::from(c[1] & 15));
            if dc > 3 || !self.progressive && dc > 1 {
                return format("bad Td value");
            }
            if ac > 3 || !self.progressive && ac > 1 {
                return format("bad Ta value");
            }
            chosen.push((i, dc, ac));
        }
        let mut band = Band {
            from: 0,
            to: 63,
            high: 0,
            low: 0,
        };
        if self.progressive {
            let t = &body[1 + 2 * n..];
            band = Band {
                from: t[0].into(),
                to: t[1].into(),
                high: (t[2] >> 4).into(),
                low: (t[2] & 15).into(),
            };
            if band.from == 0 && band.to != 0 || band.from > band.to || band.to > 63 {
                return format("bad spectral selection bounds");
            }
            if band.from != 0 && n != 1 {
                return format("progressive AC coefficients for more than one component");
            }
            if band.high != 0 && band.high != band.low + 1 {
                return format("bad successive approximation values");
            }
        }
        // Every block takes at least a bit, which bounds what a small file can ask for.
        let blocks: usize = self.parts.iter().map(|p| p.across * p.down).sum();
        if blocks > data.len().saturating_mul(8) + 64 {
            return early();
        }
        if blocks > MAX_BLOCKS {
            return unsupported("image size");
        }
        for p in &mut self.parts {
            if p.coef.is_empty() {
                p.coef = vec![[0; 64]; p.across * p.down];
            }
        }
        let (h, v) = (self.parts[0].h, self.parts[0].v);
        // A scan of one component has only the blocks that the image needs.
        let one = n == 1;
        let (wide, high) = if one {
            let p = &self.parts[chosen[0].0];
            let w = (self.width * p.h).div_ceil(8 * h);
            let t = (self.height * p.v).div_ceil(8 * v);
            (w, t)
        } else {
            (self.width.div_ceil(8 * h), self.height.div_ceil(8 * v))
        };
        let mut bits = Bits {
            data,
            at: 0,
            bits: 0,
            count: 0,
            empty: 0,
        };
        let mut before = [0; 4];
        let mut expected = 0;
        for unit in 0..wide * high {
            if self.restart > 0 && unit > 0 && unit % self.restart == 0 {
                let marker = data.get(bits.at..bits.at + 2);
                match marker {
                    None => return early(),
                    Some([0xff, m]) if *m == 0xd0 + expected => {}
                    Some(_) => return format("bad RST marker"),
                }
                expected = (expected + 1) & 7;
                bits = Bits {
                    data,
                    at: bits.at + 2,
                    bits: 0,
                    count: 0,
                    empty: 0,
                };
                before = [0; 4];
            }
            let (ux, uy) = (unit % wide, unit / wide);
            for (i, dc, ac) in &chosen {
                let p = &mut self.parts[*i];
                let (bh, bv) = if one { (1, 1) } else { (p.h, p.v) };
                for k in 0..bh * bv {
                    let (x, y) = (ux * bh + k % bh, uy * bv + k / bh);
                    let (Some(dc), ac) = (
                        self.huffman[0][*dc]
                            .as_ref()
                            .or(self.huffman[1][*ac].as_ref()),
                        self.huffman[1][*ac].as_ref(),
                    ) else {
                        return format("uninitialized Huffman table");
                    };
                    let block = &mut p.coef[y * p.across + x];
                    if band.high != 0 {
                        refine(&mut bits, block, ac, band)?;
                    } else {
                        first(&mut bits, block, dc, ac, band, &mut before[*i])?;
                    }
                }
            }
        }
        Ok(bits.at)
    }

    /// Makes samples of the coefficients.
    fn finish(&mut self) -> Result<()> {
        for p in &mut self.parts {
            let Some(quant) = &self.quant[p.quant] else {
                return format("missing quantization table");
            };
            let stride = p.across * 8;
            p.samples = vec![0; stride * p.down * 8];
            if p.coef.is_empty() {
                p.coef = vec![[0; 64]; p.across * p.down];
            }
            for (i, block) in p.coef.iter().enumerate() {
                let mut c = [0f64; 64];
                for (z, q) in quant.iter().enumerate() {
                    c[ZIGZAG[z]] = f64::from(block[ZIGZAG[z]].wrapping_mul(*q));
                }
                let at = i / p.across * 8 * stride + i % p.across * 8;
                inverse(&c, &mut p.samples, at, stride);
            }
        }
        Ok(())
    }
}

fn inverse(c: &[f64; 64], out: &mut [u8], at: usize, stride: usize) {
    let cos = cosines();
    let mut rows = [[0.0; 8]; 8];
    for v in 0..8 {
        for x in 0..8 {
            rows[v][x] = (0..8).map(|u| c[8 * v + u] * cos[u][x]).sum();
        }
    }
    for y in 0..8 {
        for x in 0..8 {
            let s: f64 = (0..8).map(|v| rows[v][x] * cos[v][y]).sum();
            out[at + y * stride + x] = (s + 128.0).round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// The first scan of some coefficients of a block.
fn first(
    bits: &mut Bits,
    block: &mut [i32; 64],
    dc: &Huffman,
    ac: Option<&Huffman>,
    band: Band,
    before: &mut i32,
) -> Result<()> {
    let mut k = band.from;
    if k == 0 {
        let n = bits.symbol(dc)?;
        if n > 16 {
            return unsupported("excessive DC component");
        }
        *before = before.wrapping_add(bits.value(n.into())?);
        block[0] = *before << band.low;
        k = 1;
    }
    if k > band.to {
        return Ok(());
    }
    if bits.empty > 0 {
        bits.empty -= 1;
        return Ok(());
    }
    let Some(ac) = ac else {
        return format("uninitialized Huffman table");
    };
    while k <= band.to {
        let s = bits.symbol(ac)?;
        let (run, n) = (usize::from(s >> 4), u32::from(s & 15));
        if n != 0 {
            k += run;
            if k > band.to {
                break;
            }
            block[ZIGZAG[k]] = bits.value(n)? << band.low;
            k += 1;
        } else if run == 15 {
            k += 16;
        } else {
            bits.empty = (1 << run) - 1 + bits.take(run as u32)? as u32;
            break;
        }
    }
    Ok(())
}

/// A later scan: one more bit of coefficients that are known, and new ones.
fn refine(bits: &mut Bits, block: &mut [i32; 64], ac: Option<&Huffman>, band: Band) -> Result<()> {
    let delta = 1 << band.low;
    if band.from == 0 {
        if bits.bit()? == 1 {
            block[0] |= delta;
        }
        return Ok(());
    }
    let correct = |bits: &mut Bits, c: &mut i32| -> Result<()> {
        if bits.bit()? == 1 {
            *c += if *c < 0 { -delta } else { delta };
        }
        Ok(())
    };
    let Some(ac) = ac else {
        return format("uninitialized Huffman table");
    };
    let mut k = band.from;
    if bits.empty == 0 {
        while k <= band.to {
            let s = bits.symbol(ac)?;
            let mut run = i32::from(s >> 4);
            let mut fresh = 0;
            match s & 15 {
                0 if run < 15 => {
                    bits.empty = (1 << run) + bits.take(run as u32)? as u32;
                    break;
                }
                0 => {}
                1 => fresh = if bits.bit()? == 1 { delta } else { -delta },
                _ => return format("unexpected Huffman code"),
            }
            while k <= band.to {
                let c = &mut block[ZIGZAG[k]];
                if *c != 0 {
                    correct(bits, c)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                k += 1;
            }
            if k > band.to && fresh != 0 {
                return format("too many coefficients");
            }
            if fresh != 0 {
                block[ZIGZAG[k]] = fresh;
            }
            k += 1;
        }
    }
    if bits.empty > 0 {
        bits.empty -= 1;
        for z in &ZIGZAG[k.min(64)..=band.to.max(k.min(64) - 1)] {
            if block[*z] != 0 {
                correct(bits, &mut block[*z])?;
            }
        }
    }
    Ok(())
}

fn walk(d: &mut Image, data: &[u8], config_only: bool) -> Result<()> {
    match data {
        [0xff, 0xd8, ..] => {}
        [] | [_] => return early(),
        _ => return format("missing SOI marker"),
    }
    let mut at = 2;
    let byte = |at: usize| data.get(at).copied().map_or_else(early, Ok);
    loop {
        // What stands between segments is skipped.
        while byte(at)? != 0xff || byte(at + 1)? == 0 {
            at += 1;
        }
        let mut marker = byte(at + 1)?;
        at += 2;
        while marker == 0xff {
            marker = byte(at)?;
            at += 1;
        }
        match marker {
            0xd9 => break,
            0xd0..=0xd7 | 0 => continue,
            _ => {}
        }
        let n = usize::from(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
        if n < 2 {
            return format("short segment length");
        }
        let Some(body) = data.get(at + 2..at + n) else {
            return early();
        };
        at += n;
        match marker {
            0xc0..=0xc2 => {
                d.progressive = marker == 0xc2;
                d.frame(body)?;
                if config_only && d.jfif {
                    return Ok(());
                }
            }
            0xc4 if !config_only => d.codes(body)?,
            0xdb if !config_only => d.tables(body)?,
            0xda => {
                if config_only {
                    return Ok(());
                }
                at += d.scan(body, &data[at..])?;
            }
            0xdd if !config_only => {
                let [a, b] = body else {
                    return format("DRI has wrong length");
                };
                d.restart = u16::from_be_bytes([*a, *b]).into();
            }
            0xe0 => d.jfif |= body.starts_with(b"JFIF\0"),
            0xee => {
                if body.len() >= 12 && body.starts_with(b"Adobe") {
                    d.adobe = Some(body[11]);
                }
            }
            0xc4 | 0xdb | 0xdd | 0xe1..=0xef | 0xfe => {}
            0..0xc0 => return unsupported("unknown marker"),
            _ => return unsupported("unknown marker"),
        }
    }
    if d.parts.is_empty() || d.parts.iter().all(|p| p.coef.is_empty()) {
        return format("missing SOS marker");
    }
    d.finish()
}

/// What could be read, and the error if not all could.
pub fn decode(data: &[u8], config_only: bool) -> (Image, Option<String>) {
    let mut d = Image::default();
    let error = walk(&mut d, data, config_only).err();
    (d, error)
}
