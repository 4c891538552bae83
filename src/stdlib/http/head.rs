//! The heads of HTTP messages: parsing (by the crate `httparse`) into flat results, and
//! writing.

use std::cell::Cell;

/// What stands in a head beside its first line, as bits. The Go half has the same numbers.
pub mod flags {
    pub const CHUNKED: u64 = 1;
    pub const CLOSE: u64 = 2;
    pub const KEEP_ALIVE: u64 = 4;
    pub const CONTINUE: u64 = 8;
    pub const OTHER_EXPECT: u64 = 16;
    pub const BAD_ENCODING: u64 = 32;
    pub const BAD_LENGTH: u64 = 64;
    pub const HOST: u64 = 128;
    pub const MANY_HOSTS: u64 = 256;
    pub const PLAIN_PATH: u64 = 512;
    pub const TRAILER: u64 = 1024;
    pub const UPGRADE: u64 = 2048;
}

/// Why a head cannot be used; the Go half has the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    FirstLine = 1,
    Version = 2,
    Name = 3,
    Value = 4,
}

/// A parsed head. Texts are ranges of the input.
#[derive(Debug, Default)]
pub struct Head {
    /// Bytes of the head.
    pub size: usize,
    /// Method of a request, reason of a response.
    pub first: (usize, usize),
    /// Target of a request.
    pub target: (usize, usize),
    pub minor: u8,
    pub status: u16,
    pub host: (usize, usize),
    /// Of the body; -1: not said.
    pub length: i64,
    pub flags: u64,
    /// Names and values in turns.
    pub fields: Vec<(usize, usize)>,
}

/// Whether the head's empty line is in `buf`; before `from` it has been looked for.
pub fn complete(buf: &[u8], from: usize) -> bool {
    let start = from.saturating_sub(3);
    memchr::memchr_iter(b'\n', &buf[start..]).any(|i| {
        let rest = &buf[start + i + 1..];
        rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
    })
}

fn is_token(c: u8) -> bool {
    matches!(c, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}
/// Whether `s` may be the name of a header.
pub fn valid_name(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().all(|c| is_token(*c))
}
/// Whether `s` may be the value of a header.
pub fn valid_value(s: &[u8]) -> bool {
    s.iter().all(|c| *c == b'\t' || *c >= b' ' && *c != 0x7f)
}
/// Writes a header's name the usual way: `Content-Type`. Names with odd characters stay.
pub fn canonical(name: &mut [u8]) {
    if !valid_name(name) {
        return;
    }
    let mut upper = true;
    for c in name {
        *c = if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        upper = *c == b'-';
    }
}

fn trim(s: &[u8]) -> &[u8] {
    s.trim_ascii()
}

/// Whether a comma-separated list holds `word`.
pub fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|c| *c == b',')
        .any(|w| trim(w).eq_ignore_ascii_case(word))
}

/// Whether a target is a path that stands for itself: nothing escaped, no query.
fn plain_path(t: &[u8]) -> bool {
    t.first() == Some(&b'/')
        && !t.starts_with(b"//")
        && t.iter().all(|c| {
            matches!(c, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/'
                | b'$' | b'&' | b'+' | b',' | b':' | b';' | b'=' | b'@')
        })
}

/// The number after `Content-Length:`.
fn length(v: &[u8]) -> Option<i64> {
    let v = trim(v);
    if v.is_empty() || !v.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(v).ok()?.parse().ok()
}

const FEW: usize = 32;
/// More headers than fit in a megabyte.
const MANY: usize = 350_000;

/// Runs `parse` with room for a few headers, and with much room if that is too little.
fn with_room<'b, T>(
    mut parse: impl FnMut(&mut [httparse::Header<'b>]) -> Result<T, httparse::Error>,
) -> Result<T, Bad> {
    let mut few = [httparse::EMPTY_HEADER; FEW];
    let mut r = parse(&mut few);
    let mut room = FEW;
    while matches!(r, Err(httparse::Error::TooManyHeaders)) && room < MANY {
        room *= 8;
        r = parse(&mut vec![httparse::EMPTY_HEADER; room]);
    }
    r.map_err(|e| match e {
        httparse::Error::Version => Bad::Version,
        httparse::Error::HeaderName => Bad::Name,
        httparse::Error::HeaderValue => Bad::Value,
        httparse::Error::TooManyHeaders => Bad::Name,
        _ => Bad::FirstLine,
    })
}

fn range_in(buf: &[u8], part: &[u8]) -> (usize, usize) {
    if part.is_empty() {
        return (0, 0);
    }
    let from = part.as_ptr() as usize - buf.as_ptr() as usize;
    (from, from + part.len())
}

/// Notes the headers in `h`.
fn take_fields(h: &mut Head, buf: &[u8], headers: &[httparse::Header], request: bool) {
    h.length = -1;
    let mut lengths = 0;
    for x in headers {
        if x.name.is_empty() {
            continue;
        }
        let name = x.name.as_bytes();
        match name.len() {
            4 if request && name.eq_ignore_ascii_case(b"host") => {
                if h.flags & flags::HOST != 0 {
                    h.flags |= flags::MANY_HOSTS;
                }
                h.flags |= flags::HOST;
                h.host = range_in(buf, x.value);
                continue;
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                h.flags |= match has_word(x.value, b"100-continue") {
                    true => flags::CONTINUE,
                    false => flags::OTHER_EXPECT,
                };
            }
            7 if name.eq_ignore_ascii_case(b"trailer") => h.flags |= flags::TRAILER,
            7 if name.eq_ignore_ascii_case(b"upgrade") => h.flags |= flags::UPGRADE,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                if has_word(x.value, b"close") {
                    h.flags |= flags::CLOSE;
                }
                if has_word(x.value, b"keep-alive") {
                    h.flags |= flags::KEEP_ALIVE;
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                match length(x.value) {
                    Some(n) if lengths == 0 || n == h.length => h.length = n,
                    _ => h.flags |= flags::BAD_LENGTH,
                }
                lengths += 1;
                if lengths > 1 {
                    continue;
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if trim(x.value).eq_ignore_ascii_case(b"chunked") && h.flags & flags::CHUNKED == 0 {
                    h.flags |= flags::CHUNKED;
                } else {
                    h.flags |= flags::BAD_ENCODING;
                }
                continue;
            }
            _ => {}
        }
        h.fields.push(range_in(buf, name));
        h.fields.push(range_in(buf, x.value));
    }
}

/// Parses the head of a request, which is complete.
pub fn request(buf: &[u8]) -> Result<Head, Bad> {
    let mut h = Head::default();
    with_room(|room| {
        let mut r = httparse::Request::new(room);
        let httparse::Status::Complete(size) = r.parse(buf)? else {
            return Err(httparse::Error::Token);
        };
        h = Head {
            size,
            minor: r.version.unwrap_or(1),
            ..Head::default()
        };
        h.first = range_in(buf, r.method.unwrap_or("").as_bytes());
        let target = r.path.unwrap_or("").as_bytes();
        h.target = range_in(buf, target);
        if plain_path(target) {
            h.flags |= flags::PLAIN_PATH;
        }
        take_fields(&mut h, buf, r.headers, true);
        Ok(())
    })?;
    Ok(h)
}

/// Parses the head of a response, which is complete.
pub fn response(buf: &[u8]) -> Result<Head, Bad> {
    let mut h = Head::default();
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    with_room(|room| {
        let mut r = httparse::Response::new(room);
        let httparse::Status::Complete(size) = config.parse_response(&mut r, buf)? else {
            return Err(httparse::Error::Token);
        };
        h = Head {
            size,
            minor: r.version.unwrap_or(1),
            ..Head::default()
        };
        h.status = r.code.unwrap_or(0);
        h.first = range_in(buf, r.reason.unwrap_or("").as_bytes());
        take_fields(&mut h, buf, r.headers, false);
        Ok(())
    })?;
    Ok(h)
}

/// A Unix time in the form of the `Date` header.
fn format_date(t: i64) -> [u8; 29] {
    const DAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (days, sec) = (t.div_euclid(86_400), t.rem_euclid(86_400));
    // Civil date from days, with years that begin in March.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let two = |out: &mut [u8], v: i64| {
        out[0] = b'0' + (v / 10 % 10) as u8;
        out[1] = b'0' + (v % 10) as u8;
    };
    let w = days.rem_euclid(7) as usize * 3;
    out[..3].copy_from_slice(&DAYS[w..w + 3]);
    two(&mut out[5..], day);
    let m = (month as usize - 1) * 3;
    out[8..11].copy_from_slice(&MONTHS[m..m + 3]);
    two(&mut out[12..], year / 100);
    two(&mut out[14..], year % 100);
    two(&mut out[17..], sec / 3600);
    two(&mut out[20..], sec / 60 % 60);
    two(&mut out[23..], sec % 60);
    out
}

thread_local! {
    static DATE: Cell<(i64, [u8; 29])> = const { Cell::new((i64::MIN, [0; 29])) };
}

/// The present time for the `Date` header.
pub fn date() -> [u8; 29] {
    let t = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |d| d.as_secs() as i64);
    DATE.with(|c| {
        let (at, text) = c.get();
        if at == t {
            return text;
        }
        let text = format_date(t);
        c.set((t, text));
        text
    })
}

/// Appends one header line; line ends in the value become spaces.
pub fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend(
        trim(value)
            .iter()
            .map(|c| if matches!(c, b'\r' | b'\n') { b' ' } else { *c }),
    );
    out.extend_from_slice(b"\r\n");
}

/// What `path.Clean` makes of a rooted path, with its last slash kept.
pub fn clean_path(p: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in p.split(|c| *c == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let mut out = Vec::with_capacity(p.len() + 1);
    for part in &parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    if out.is_empty() || p.ends_with(b"/") {
        out.push(b'/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let b = b"POST /a/b?x=1 HTTP/1.1\r\nHost: h\r\ncontent-length: 12\r\nConnection: x, close\r\n\r\nrest";
        assert!(complete(b, 0) && !complete(&b[..40], 0));
        let h = request(b).unwrap();
        assert_eq!(&b[h.size..], b"rest");
        assert_eq!(&b[h.target.0..h.target.1], b"/a/b?x=1");
        assert_eq!(&b[h.host.0..h.host.1], b"h");
        assert_eq!(h.length, 12);
        assert_eq!(h.flags, flags::HOST | flags::CLOSE);
        assert_eq!(h.fields.len(), 4);
        assert_eq!(
            request(b"GET / HTTP/3.0\r\n\r\n").unwrap_err(),
            Bad::Version
        );
        assert_eq!(
            request(b"GET / HTTP/1.1\r\na b: c\r\n\r\n").unwrap_err(),
            Bad::Name
        );
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
        assert_eq!(request(many.as_bytes()).unwrap().fields.len(), 2000);
    }

    #[test]
    fn lengths_must_agree() {
        let h =
            request(b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").unwrap();
        assert_ne!(h.flags & flags::BAD_LENGTH, 0);
        let h = request(b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n").unwrap();
        assert_ne!(h.flags & flags::BAD_LENGTH, 0);
    }

    #[test]
    fn dates() {
        assert_eq!(&format_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(
            &format_date(1_709_210_096),
            b"Thu, 29 Feb 2024 12:34:56 GMT"
        );
    }

    #[test]
    fn paths() {
        assert_eq!(clean_path(b"/a//b/../c/"), b"/a/c/");
        assert_eq!(clean_path(b""), b"/");
        assert_eq!(clean_path(b"/.."), b"/");
    }

    #[test]
    fn names() {
        let mut n = *b"x-foo-BAR";
        canonical(&mut n);
        assert_eq!(&n, b"X-Foo-Bar");
    }
}
