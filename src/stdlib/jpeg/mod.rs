//! `image/jpeg`: what works on samples and bits. The Go half (`stdlib/image_jpeg.gosub`)
//! knows images; here they are planes of bytes. Both directions use the exact cosine
//! transform, rounded once.
#![allow(unsafe_code)]

mod read;
mod write;

use crate::vm::natives::Entry;

/// The order in which the coefficients of a block are stored.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// `cosines()[u][x]`: the weight of sample x in coefficient u of one dimension.
fn cosines() -> &'static [[f64; 8]; 8] {
    static TABLE: std::sync::OnceLock<[[f64; 8]; 8]> = std::sync::OnceLock::new();
    TABLE.get_or_init(|| {
        let mut t = [[0.0; 8]; 8];
        for (u, row) in t.iter_mut().enumerate() {
            let scale = if u == 0 { (0.125f64).sqrt() } else { 0.5 };
            for (x, c) in row.iter_mut().enumerate() {
                let angle = ((2 * x + 1) * u) as f64 * std::f64::consts::PI / 16.0;
                *c = scale * angle.cos();
            }
        }
        t
    })
}

// encode(kind, pix, width, height, quality): the file. Kinds: 0 a byte of grey each pixel,
// 1 red, green, blue and one unused byte, 2 luma and chroma as three bytes.
native!(encode, 2, |c| {
    let kind = c.int();
    let pix = c.bytes();
    let (w, h, quality) = (c.int() as usize, c.int() as usize, c.int());
    let file = write::encode(kind, pix, w, h, quality);
    if let Err(e) = c.ret_bytes(&file) {
        return e;
    }
});

// decode(data, configOnly): width, height, components, ratio (horizontal<<4 | vertical),
// flags (1: JFIF, 2: Adobe, its transform << 2; 16: components are named R, G, B), planes
// after each other, their strides, and an error: E at the end of the data, F for wrong
// data, U for what is not supported, and the text.
native!(decode, 13, |c| {
    let data = c.bytes();
    let config_only = c.bool();
    let (d, error) = read::decode(data, config_only);
    let strides = d.strides();
    c.ret(d.width as u64).ret(d.height as u64);
    c.ret(d.parts.len() as u64);
    c.ret(d.ratio()).ret(d.flags());
    if let Err(e) = c.ret_bytes(&d.planes()) {
        return e;
    }
    for s in strides {
        c.ret(s as u64);
    }
    if let Err(e) = c.ret_str(error.unwrap_or_default().as_bytes()) {
        return e;
    }
});

pub const NATIVES: &[Entry] = &[("image/jpeg.encode", encode), ("image/jpeg.decode", decode)];
