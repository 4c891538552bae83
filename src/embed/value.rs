//! Values that host and program exchange, and their form on the wire: a tag byte, then the
//! contents; numbers are little-endian, lengths have 4 bytes. A message is a length and a
//! value. `stdlib/gosub_host.gosub` has the program's half.

use std::io::{Error, ErrorKind, Read, Write};

/// Longest message.
const LONGEST: usize = 1 << 30;
/// Deepest nesting of lists.
const DEEPEST: u32 = 64;

/// A value; what it is in Go stands behind it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// nil
    Nil,
    /// bool
    Bool(bool),
    /// int
    Int(i64),
    /// float64
    Float(f64),
    /// string
    Str(String),
    /// []byte
    Bytes(Vec<u8>),
    /// []any
    List(Vec<Value>),
}

impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::Str(s.into())
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}
impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Float(x)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

fn bad(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why.to_string())
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        let sized = |tag: u8, b: &[u8], out: &mut Vec<u8>| {
            out.push(tag);
            out.extend((b.len() as u32).to_le_bytes());
            out.extend(b);
        };
        match self {
            Value::Nil => out.push(0),
            Value::Bool(b) => out.extend([1, u8::from(*b)]),
            Value::Int(n) => {
                out.push(2);
                out.extend(n.to_le_bytes());
            }
            Value::Float(x) => {
                out.push(3);
                out.extend(x.to_bits().to_le_bytes());
            }
            Value::Str(s) => sized(4, s.as_bytes(), out),
            Value::Bytes(b) => sized(5, b, out),
            Value::List(l) => {
                out.push(6);
                out.extend((l.len() as u32).to_le_bytes());
                l.iter().for_each(|v| v.write(out));
            }
        }
    }

    fn read(b: &mut &[u8], depth: u32) -> Result<Value, Error> {
        fn take<'a>(b: &mut &'a [u8], n: usize) -> Result<&'a [u8], Error> {
            let (head, rest) = b.split_at_checked(n).ok_or_else(|| bad("too short"))?;
            *b = rest;
            Ok(head)
        }
        fn eight(b: &mut &[u8]) -> Result<[u8; 8], Error> {
            take(b, 8)?.try_into().map_err(|_| bad("too short"))
        }
        fn length(b: &mut &[u8]) -> Result<usize, Error> {
            let n = take(b, 4)?.try_into().map_err(|_| bad("too short"))?;
            Ok(u32::from_le_bytes(n) as usize)
        }
        Ok(match take(b, 1)?[0] {
            0 => Value::Nil,
            1 => Value::Bool(take(b, 1)?[0] != 0),
            2 => Value::Int(i64::from_le_bytes(eight(b)?)),
            3 => Value::Float(f64::from_bits(u64::from_le_bytes(eight(b)?))),
            t @ (4 | 5) => {
                let n = length(b)?;
                let bytes = take(b, n)?;
                if t == 4 {
                    Value::Str(String::from_utf8_lossy(bytes).into_owned())
                } else {
                    Value::Bytes(bytes.to_vec())
                }
            }
            6 if depth < DEEPEST => {
                let n = length(b)?;
                let mut l = Vec::new();
                for _ in 0..n {
                    l.push(Value::read(b, depth + 1)?);
                }
                Value::List(l)
            }
            _ => return Err(bad("not a value")),
        })
    }
}

/// Writes a message.
pub fn send(s: &mut impl Write, v: &Value) -> Result<(), Error> {
    let mut body = vec![0; 4];
    v.write(&mut body);
    let n = body.len() - 4;
    if n > LONGEST {
        return Err(bad("too long"));
    }
    body[..4].copy_from_slice(&(n as u32).to_le_bytes());
    s.write_all(&body)
}

/// Reads a message's bytes.
pub fn receive_bytes(s: &mut impl Read) -> Result<Vec<u8>, Error> {
    let mut n = [0; 4];
    s.read_exact(&mut n)?;
    let n = u32::from_le_bytes(n) as usize;
    if n > LONGEST {
        return Err(bad("too long"));
    }
    // What is not sent takes no memory.
    let mut body = Vec::new();
    if s.take(n as u64).read_to_end(&mut body)? != n {
        return Err(bad("too short"));
    }
    Ok(body)
}

/// Reads a message.
pub fn receive(s: &mut impl Read) -> Result<Value, Error> {
    let body = receive_bytes(s)?;
    let mut rest = &body[..];
    let v = Value::read(&mut rest, 0)?;
    if rest.is_empty() {
        Ok(v)
    } else {
        Err(bad("too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip() {
        let v = Value::List(vec![
            Value::Nil,
            Value::Bool(true),
            Value::Int(-5),
            Value::Float(1.5),
            Value::from("ö"),
            Value::Bytes(vec![0, 255]),
            Value::List(vec![]),
        ]);
        let mut b = Vec::new();
        send(&mut b, &v).expect("memory");
        assert_eq!(receive(&mut &b[..]).expect("whole"), v);
        for cut in 0..b.len() {
            assert!(receive(&mut &b[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn hostile_messages_are_refused() {
        for bad in [
            &[255, 255, 255, 255, 0][..],
            &[1, 0, 0, 0, 9],
            &[5, 0, 0, 0, 4, 255, 255, 255, 255],
            &[5, 0, 0, 0, 6, 255, 255, 255, 255],
            &[2, 0, 0, 0, 0, 0],
        ] {
            assert!(receive(&mut &bad[..]).is_err(), "{bad:?}");
        }
        let mut deep = [6, 1, 0, 0, 0].repeat(100);
        deep.push(0);
        let mut b = (deep.len() as u32).to_le_bytes().to_vec();
        b.extend(deep);
        assert!(receive(&mut &b[..]).is_err());
    }
}
