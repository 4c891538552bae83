//! Guesses a content type from the first bytes, by the WHATWG's MIME sniffing standard.

/// How many bytes are looked at.
const LIMIT: usize = 512;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Starts of HTML texts, in capitals; a space or `>` must follow.
const TAGS: &[&[u8]] = &[
    b"<!DOCTYPE HTML",
    b"<HTML",
    b"<HEAD",
    b"<SCRIPT",
    b"<IFRAME",
    b"<H1",
    b"<DIV",
    b"<FONT",
    b"<TABLE",
    b"<A",
    b"<STYLE",
    b"<TITLE",
    b"<B",
    b"<BODY",
    b"<BR",
    b"<P",
    b"<!--",
];

/// Starts of files; `?` in the mask's place is any byte.
const STARTS: &[(&[u8], &[u8], &str)] = &[
    (b"%PDF-", b"", "application/pdf"),
    (b"%!PS-Adobe-", b"", "application/postscript"),
    (b"\xfe\xff\0\0", b"..??", "text/plain; charset=utf-16be"),
    (b"\xff\xfe\0\0", b"..??", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf\0", b"...?", TEXT),
    (b"\0\0\x01\0", b"", "image/x-icon"),
    (b"\0\0\x02\0", b"", "image/x-icon"),
    (b"BM", b"", "image/bmp"),
    (b"GIF87a", b"", "image/gif"),
    (b"GIF89a", b"", "image/gif"),
    (b"RIFF\0\0\0\0WEBPVP", b"....????......", "image/webp"),
    (b"\x89PNG\r\n\x1a\n", b"", "image/png"),
    (b"\xff\xd8\xff", b"", "image/jpeg"),
    (b"FORM\0\0\0\0AIFF", b"....????....", "audio/aiff"),
    (b"ID3", b"", "audio/mpeg"),
    (b"OggS\0", b"", "application/ogg"),
    (b"MThd\0\0\0\x06", b"", "audio/midi"),
    (b"RIFF\0\0\0\0AVI ", b"....????....", "video/avi"),
    (b"RIFF\0\0\0\0WAVE", b"....????....", "audio/wave"),
];

const LATER_STARTS: &[(&[u8], &str)] = &[
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\0\x01\0\0", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\0", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\0", "application/x-rar-compressed"),
    (b"\0asm", "application/wasm"),
];

fn starts(data: &[u8], text: &[u8], mask: &[u8]) -> bool {
    data.len() >= text.len()
        && (text.iter().zip(data).enumerate())
            .all(|(i, (t, d))| mask.get(i) == Some(&b'?') || t == d)
}

fn is_html(data: &[u8]) -> bool {
    TAGS.iter().any(|tag| {
        data.len() > tag.len()
            && data[..tag.len()].eq_ignore_ascii_case(tag)
            && matches!(data[tag.len()], b' ' | b'>')
    })
}

/// An ISO media file with a brand that starts with `mp4`.
fn is_mp4(data: &[u8]) -> bool {
    let Some(size) = data
        .first_chunk::<4>()
        .map(|b| u32::from_be_bytes(*b) as usize)
    else {
        return false;
    };
    if data.len() < 12 || data.len() < size || size % 4 != 0 || &data[4..8] != b"ftyp" {
        return false;
    }
    (8..size)
        .step_by(4)
        .any(|at| at != 12 && data[at..].starts_with(b"mp4"))
}

/// The content type of data that starts so.
pub fn content_type(data: &[u8]) -> &'static str {
    let data = &data[..data.len().min(LIMIT)];
    let first = data
        .iter()
        .position(|c| !matches!(c, b'\t' | b'\n' | 0x0c | b'\r' | b' '))
        .unwrap_or(data.len());
    let trimmed = &data[first..];
    if trimmed.first() == Some(&b'<') {
        if is_html(trimmed) {
            return HTML;
        }
        if trimmed.starts_with(b"<?xml") {
            return "text/xml; charset=utf-8";
        }
    }
    if let Some(s) = STARTS.iter().find(|s| starts(data, s.0, s.1)) {
        return s.2;
    }
    if is_mp4(data) {
        return "video/mp4";
    }
    if data.len() >= 36 && &data[34..36] == b"LP" && data[..34].iter().all(|b| *b == 0) {
        return "application/vnd.ms-fontobject";
    }
    if let Some(s) = LATER_STARTS.iter().find(|s| data.starts_with(s.0)) {
        return s.1;
    }
    let binary = |c: &u8| matches!(c, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if trimmed.iter().any(binary) {
        "application/octet-stream"
    } else {
        TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        for (data, want) in [
            (&b""[..], TEXT),
            (b"hello", TEXT),
            (b"  <html><body>", HTML),
            (b"<p>", HTML),
            (b"<px", TEXT),
            (b"<?xml version", "text/xml; charset=utf-8"),
            (b"\x89PNG\r\n\x1a\n...", "image/png"),
            (b"RIFF1234WEBPVP8", "image/webp"),
            (b"\0\x01\x02", "application/octet-stream"),
            (b"{\"a\":1}", TEXT),
            (b"\0\0\0\x10ftypmp42\0\0\0\0", "video/mp4"),
        ] {
            assert_eq!(content_type(data), want, "{data:?}");
        }
    }
}
