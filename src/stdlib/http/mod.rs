//! `net/http` and `net/textproto`: parsing and writing the heads of messages, names of
//! statuses, content types. All else of the packages is Go.
#![allow(unsafe_code)]

mod head;
mod sniff;

use super::helpers::strings;
use crate::vm::cx::Exit;
use crate::vm::natives::{Call, Entry};
use head::{Bad, Head};

/// The text of a status, or nothing.
fn status_text(code: i64) -> &'static str {
    match code {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    }
}

native!(status_text_native, 2, |c| {
    let code = c.int();
    c.ret_substr(status_text(code).as_bytes());
});
native!(detect_content_type, 2, |c| {
    let data = c.bytes();
    c.ret_substr(sniff::content_type(data).as_bytes());
});
native!(canonical, 2, |c| {
    let s = c.str();
    let mut name = s.to_vec();
    head::canonical(&mut name);
    if name == s {
        c.ret_substr(s);
    } else {
        crate::try_exit!(c.ret_str(&name));
    }
});
native!(valid_name, 1, |c| {
    let s = c.str();
    c.ret_bool(head::valid_name(s));
});
native!(valid_value, 1, |c| {
    let s = c.str();
    c.ret_bool(head::valid_value(s));
});
native!(has_word, 1, |c| {
    let (list, word) = (c.str(), c.str());
    c.ret_bool(head::has_word(list, word));
});
native!(clean_path, 2, |c| {
    let s = c.str();
    if s.first() == Some(&b'/')
        && memchr::memmem::find(s, b"/.").is_none()
        && memchr::memmem::find(s, b"//").is_none()
    {
        c.ret_substr(s);
    } else {
        let p = head::clean_path(s);
        crate::try_exit!(c.ret_str(&p));
    }
});
native!(date, 2, |c| {
    crate::try_exit!(c.ret_str(&head::date()));
});
native!(complete, 1, |c| {
    let (b, from) = (c.bytes(), c.int());
    c.ret_bool(head::complete(b, (from.max(0) as usize).min(b.len())));
});

/// A copy of a head in guest memory, names of headers in their usual form; strings
/// may point to its parts.
fn copy<'a>(c: &mut Call<'a>, buf: &[u8], h: &Head) -> Result<&'a [u8], Exit> {
    let mut text = buf[..h.size].to_vec();
    for name in h.fields.iter().step_by(2) {
        head::canonical(&mut text[name.0..name.1]);
    }
    let at = c.alloc_bytes(&text)?;
    // SAFETY: fresh guest memory of that size. No collection happens inside a native, and
    // afterwards results that point to its parts keep it alive.
    Ok(unsafe { crate::vm::ops::slow::bytes(at, text.len() as u64) })
}
fn ret_fields(c: &mut Call, text: &[u8], h: &Head) -> Result<(), Exit> {
    let parts: Vec<&[u8]> = h.fields.iter().map(|f| &text[f.0..f.1]).collect();
    c.ret_strings(&parts)?;
    Ok(())
}

// Results: size, code, method, target, minor, host, length, flags, fields.
native!(parse_request, 13, |c| {
    let buf = c.bytes();
    match head::request(buf) {
        Err(bad) => return no_head(&mut c, bad, 13),
        Ok(h) => {
            let text = crate::try_exit!(copy(&mut c, buf, &h));
            c.ret(h.size as u64).ret(0);
            c.ret_substr(&text[h.first.0..h.first.1]);
            c.ret_substr(&text[h.target.0..h.target.1]);
            c.ret(h.minor as u64);
            c.ret_substr(&text[h.host.0..h.host.1]);
            c.ret_int(h.length).ret(h.flags);
            crate::try_exit!(ret_fields(&mut c, text, &h));
        }
    }
});
// Results: size, code, reason, minor, status, length, flags, fields.
native!(parse_response, 10, |c| {
    let buf = c.bytes();
    match head::response(buf) {
        Err(bad) => return no_head(&mut c, bad, 10),
        Ok(h) => {
            let text = crate::try_exit!(copy(&mut c, buf, &h));
            c.ret(h.size as u64).ret(0);
            c.ret_substr(&text[h.first.0..h.first.1]);
            c.ret(h.minor as u64).ret(h.status as u64);
            c.ret_int(h.length).ret(h.flags);
            crate::try_exit!(ret_fields(&mut c, text, &h));
        }
    }
});
/// Size 0, the code, and nothing in the other slots.
fn no_head(c: &mut Call, bad: Bad, slots: usize) -> Exit {
    c.ret(0).ret(bad as u64);
    for _ in 2..slots {
        c.ret(0);
    }
    Exit::Next
}

// The first line of a response, its headers in order of their names, what the server
// adds, the empty line and the body.
native!(response_bytes, 2, |c| {
    let (minor, status, reason, fields) = (c.int(), c.int(), c.str(), c.slice());
    let (with_date, length, ctype, conn, te) = (c.bool(), c.int(), c.str(), c.str(), c.str());
    let body = c.bytes();
    let fields = strings(fields);
    let mut out = Vec::with_capacity(160 + 48 * fields.len() + body.len());
    out.extend_from_slice(if minor == 0 {
        b"HTTP/1.0 "
    } else {
        b"HTTP/1.1 "
    });
    let mut digits = [0; 3];
    for (d, div) in digits.iter_mut().zip([100, 10, 1]) {
        *d = b'0' + (status / div % 10) as u8;
    }
    out.extend_from_slice(&digits);
    out.push(b' ');
    if reason.is_empty() {
        out.extend_from_slice(b"status code ");
        out.extend_from_slice(&digits);
    } else {
        out.extend_from_slice(reason);
    }
    out.extend_from_slice(b"\r\n");
    let mut pairs: Vec<&[&[u8]]> = fields.chunks_exact(2).collect();
    pairs.sort_by_key(|p| p[0]);
    for p in pairs {
        if head::valid_name(p[0]) {
            head::push_field(&mut out, p[0], p[1]);
        }
    }
    if with_date {
        head::push_field(&mut out, b"Date", &head::date());
    }
    if length >= 0 {
        head::push_field(&mut out, b"Content-Length", length.to_string().as_bytes());
    }
    for (name, value) in [
        (&b"Content-Type"[..], ctype),
        (b"Connection", conn),
        (b"Transfer-Encoding", te),
    ] {
        if !value.is_empty() {
            head::push_field(&mut out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    crate::try_exit!(c.ret_bytes(&out));
});
// Header lines in order of their names.
native!(field_lines, 2, |c| {
    let fields = strings(c.slice());
    let mut pairs: Vec<&[&[u8]]> = fields.chunks_exact(2).collect();
    pairs.sort_by_key(|p| p[0]);
    let mut out = Vec::new();
    for p in pairs {
        if head::valid_name(p[0]) {
            head::push_field(&mut out, p[0], p[1]);
        }
    }
    crate::try_exit!(c.ret_str(&out));
});

pub const NATIVES: &[Entry] = &[
    ("net/http.StatusText", status_text_native),
    ("net/http.DetectContentType", detect_content_type),
    ("net/http.validValue", valid_value),
    ("net/http.validName", valid_name),
    ("net/http.hasWord", has_word),
    ("net/http.cleanPath", clean_path),
    ("net/http.dateNow", date),
    ("net/http.headComplete", complete),
    ("net/http.parseRequest", parse_request),
    ("net/http.parseResponse", parse_response),
    ("net/http.responseBytes", response_bytes),
    ("net/http.fieldLines", field_lines),
    ("net/textproto.CanonicalMIMEHeaderKey", canonical),
];
