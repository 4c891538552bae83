//! `internal/digest`, `hash/crc64` and `hash/adler32`: the compression functions behind
//! the hashes of `crypto`, and checksums.
#![allow(unsafe_code)]

use crate::heap::mem;
use crate::heap::rtti::Shape;
use crate::vm::natives::{Entry, Slice};

/// Number of state words, and bytes of a block.
fn form(kind: i64) -> (usize, usize) {
    match kind {
        0 => (4, 64),
        1 => (5, 64),
        2 | 3 => (8, 64),
        _ => (8, 128),
    }
}

const SHA512: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
const SHA384: [u64; 8] = [
    0xcbbb_9d5d_c105_9ed8,
    0x629a_292a_367c_d507,
    0x9159_015a_3070_dd17,
    0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31,
    0x8eb4_4a87_6858_1511,
    0xdb0c_2e0d_64f9_8fa7,
    0x47b5_481d_befa_4fa4,
];
const SHA1: [u64; 5] = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

/// The state before any data: 0 MD5, 1 SHA-1, 2 SHA-224, 3 SHA-256, 4 SHA-384,
/// 5 SHA-512, 6 SHA-512/224, 7 SHA-512/256.
fn initial(kind: i64) -> Vec<u64> {
    match kind {
        0 => SHA1[..4].to_vec(),
        1 => SHA1.to_vec(),
        // Their words are halves of the longer hashes' words.
        2 => SHA384.iter().map(|w| w & 0xffff_ffff).collect(),
        3 => SHA512.iter().map(|w| w >> 32).collect(),
        4 => SHA384.to_vec(),
        5 => SHA512.to_vec(),
        _ => {
            // The standard's generation function for truncated hashes.
            let mut h: Vec<u64> = SHA512.iter().map(|w| w ^ 0xa5a5_a5a5_a5a5_a5a5).collect();
            let name: &[u8] = if kind == 6 {
                b"SHA-512/224"
            } else {
                b"SHA-512/256"
            };
            let mut block = [0u8; 128];
            block[..name.len()].copy_from_slice(name);
            block[name.len()] = 0x80;
            block[120..].copy_from_slice(&(8 * name.len() as u64).to_be_bytes());
            compress(5, &mut h, &block);
            h
        }
    }
}

fn md5(h: &mut [u32; 4], block: &[u8]) {
    const SHIFT: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    static SINE: std::sync::LazyLock<[u32; 64]> = std::sync::LazyLock::new(|| {
        std::array::from_fn(|i| (f64::sin(i as f64 + 1.0).abs() * 4_294_967_296.0) as u32)
    });
    let word = |i: usize| {
        let b = &block[4 * i..4 * i + 4];
        u32::from_le_bytes([b[0], b[1], b[2], b[3]])
    };
    let [mut a, mut b, mut c, mut d] = *h;
    for i in 0..64 {
        let (f, k) = match i / 16 {
            0 => ((b & c) | (!b & d), i),
            1 => ((d & b) | (!d & c), (5 * i + 1) % 16),
            2 => (b ^ c ^ d, (3 * i + 5) % 16),
            _ => (c ^ (b | !d), (7 * i) % 16),
        };
        let sum = a
            .wrapping_add(f)
            .wrapping_add(SINE[i])
            .wrapping_add(word(k));
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(SHIFT[i / 16][i % 4]));
    }
    for (h, x) in h.iter_mut().zip([a, b, c, d]) {
        *h = h.wrapping_add(x);
    }
}

/// Takes whole blocks into the state.
fn compress(kind: i64, h: &mut [u64], p: &[u8]) {
    let narrow = |h: &[u64], i: usize| h[i] as u32;
    match kind {
        0 => {
            let mut s = std::array::from_fn(|i| narrow(h, i));
            p.chunks_exact(64).for_each(|b| md5(&mut s, b));
            h.iter_mut().zip(s).for_each(|(h, x)| *h = x as u64);
        }
        1 => {
            let mut s: [u32; 5] = std::array::from_fn(|i| narrow(h, i));
            for b in p.chunks_exact(64) {
                sha1::compress(
                    &mut s,
                    &[*sha1::digest::generic_array::GenericArray::from_slice(b)],
                );
            }
            h.iter_mut().zip(s).for_each(|(h, x)| *h = x as u64);
        }
        2 | 3 => {
            let mut s: [u32; 8] = std::array::from_fn(|i| narrow(h, i));
            for b in p.chunks_exact(64) {
                sha2::compress256(
                    &mut s,
                    &[*sha2::digest::generic_array::GenericArray::from_slice(b)],
                );
            }
            h.iter_mut().zip(s).for_each(|(h, x)| *h = x as u64);
        }
        _ => {
            let mut s: [u64; 8] = std::array::from_fn(|i| h[i]);
            for b in p.chunks_exact(128) {
                sha2::compress512(
                    &mut s,
                    &[*sha2::digest::generic_array::GenericArray::from_slice(b)],
                );
            }
            h.copy_from_slice(&s);
        }
    }
}

fn crc64(mut crc: u64, poly: u64, p: &[u8]) -> u64 {
    let table: [u64; 256] = std::array::from_fn(|i| {
        (0..8).fold(
            i as u64,
            |c, _| {
                if c & 1 == 1 { c >> 1 ^ poly } else { c >> 1 }
            },
        )
    });
    crc = !crc;
    for b in p {
        crc = table[(crc as u8 ^ b) as usize] ^ crc >> 8;
    }
    !crc
}
fn adler32(sum: u32, p: &[u8]) -> u32 {
    const MOD: u32 = 65521;
    let (mut a, mut b) = (sum & 0xffff, sum >> 16);
    for part in p.chunks(5552) {
        for x in part {
            a += u32::from(*x);
            b += a;
        }
        a %= MOD;
        b %= MOD;
    }
    b << 16 | a
}

// ----- natives -----

native!(n_initial, 2, |c| {
    let h = initial(c.int());
    let p = c.cx.cache().alloc_array(&Shape::noscan(8, 8), h.len());
    if p.is_null() {
        return c.no_memory();
    }
    for (i, w) in h.iter().enumerate() {
        // SAFETY: element i of a fresh array.
        unsafe { mem::store_u64(p.add(8 * i), *w) };
    }
    c.ret_slice(Slice {
        ptr: p as u64,
        len: h.len(),
        cap: h.len(),
    });
});
native!(n_blocks, 0, |c| {
    let (kind, h, p) = (c.int(), c.slice(), c.bytes());
    let (words, block) = form(kind);
    if h.len < words || !p.len().is_multiple_of(block) {
        return c.nil();
    }
    let at = |i: usize| (h.ptr as usize + 8 * i) as *mut u8;
    // SAFETY: the slice holds at least so many words.
    let mut state: Vec<u64> = (0..words)
        .map(|i| unsafe { mem::load_u64(at(i)) })
        .collect();
    compress(kind, &mut state, p);
    for (i, w) in state.iter().enumerate() {
        // SAFETY: as above.
        unsafe { mem::store_u64(at(i), *w) };
    }
});
native!(n_crc64, 1, |c| {
    let (crc, poly, p) = (c.word(), c.word(), c.bytes());
    c.ret(crc64(crc, poly, p));
});
native!(n_adler32, 1, |c| {
    let (sum, p) = (c.word() as u32, c.bytes());
    c.ret(adler32(sum, p) as u64);
});

native!(n_fill, 0, |c| {
    let s = c.slice();
    let mut at = 0;
    while at < s.len {
        // SAFETY: the rest of a slice of the frame; the kernel writes at most so much.
        let n = unsafe { libc::getrandom((s.ptr as usize + at) as *mut _, s.len - at, 0) };
        if n < 0 {
            return c.cx.fatal_text("crypto/rand: failed to read random data");
        }
        at += n as usize;
    }
});

pub const NATIVES: &[Entry] = &[
    ("crypto/rand.fill", n_fill),
    ("internal/digest.initial", n_initial),
    ("internal/digest.blocks", n_blocks),
    ("hash/crc64.update", n_crc64),
    ("hash/adler32.update", n_adler32),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums() {
        assert_eq!(adler32(1, b"Wikipedia"), 300_286_872);
        assert_eq!(
            crc64(0, 0xC96C_5795_D787_0F42, b"123456789"),
            11_051_210_869_376_104_954
        );
        let mut h = initial(0);
        let mut block = [0u8; 64];
        block[0] = 0x80;
        compress(0, &mut h, &block);
        assert_eq!(h[0] as u32, u32::from_le_bytes([0xd4, 0x1d, 0x8c, 0xd9]));
    }
}
