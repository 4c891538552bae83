//! `crypto/aes`: single blocks, by the crate aes.
#![allow(unsafe_code)]

use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};

use crate::heap::mem;
use crate::vm::natives::Entry;

fn encrypt(key: &[u8], b: &mut Block) -> Option<()> {
    match key.len() {
        16 => Aes128::new_from_slice(key).ok()?.encrypt_block(b),
        24 => Aes192::new_from_slice(key).ok()?.encrypt_block(b),
        _ => Aes256::new_from_slice(key).ok()?.encrypt_block(b),
    }
    Some(())
}
fn decrypt(key: &[u8], b: &mut Block) -> Option<()> {
    match key.len() {
        16 => Aes128::new_from_slice(key).ok()?.decrypt_block(b),
        24 => Aes192::new_from_slice(key).ok()?.decrypt_block(b),
        _ => Aes256::new_from_slice(key).ok()?.decrypt_block(b),
    }
    Some(())
}

// crypt(key, dst, src, decrypt): one block of 16 bytes.
native!(crypt, 0, |c| {
    let key = c.bytes();
    let (dst, src) = (c.slice(), c.bytes());
    let back = c.bool();
    if dst.len >= 16 && src.len() >= 16 {
        let mut b = Block::clone_from_slice(&src[..16]);
        let done = if back {
            decrypt(key, &mut b)
        } else {
            encrypt(key, &mut b)
        };
        if done.is_some() {
            crate::race::writes(dst.ptr, 16);
            // SAFETY: dst has at least 16 bytes.
            unsafe { mem::copy(dst.ptr as *mut u8, b.as_ptr(), 16) };
        }
    }
});

pub const NATIVES: &[Entry] = &[("crypto/aes.crypt", crypt)];
