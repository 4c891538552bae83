//! `crypto/tls` and `crypto/x509`: connections of the crate rustls, by number. They only turn
//! bytes into other bytes; the Go half reads and writes the network and owns the numbers.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Connection,
    DigitallySignedStruct, Error, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};

use super::handles::{Handles, fill, lock};
use crate::vm::cx::{Cx, Exit};
use crate::vm::natives::{Call, Entry};

static CONNS: LazyLock<Handles<Connection>> = LazyLock::new(Handles::default);

fn provider() -> Arc<CryptoProvider> {
    static P: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));
    P.clone()
}

/// Accepts any certificate (`InsecureSkipVerify`); signatures are still checked.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The words of Go for what went wrong.
fn words(e: &Error) -> String {
    let cert = "tls: failed to verify certificate: x509: ";
    match e {
        Error::InvalidCertificate(c) => match c {
            CertificateError::UnknownIssuer => {
                format!("{cert}certificate signed by unknown authority")
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                format!("{cert}certificate has expired or is not yet valid: ")
            }
            CertificateError::NotValidForName => "name ".into(),
            CertificateError::NotValidForNameContext { presented, .. } => {
                // The names as rustls shows them: DnsName("example.com"), IpAddress(::1).
                let names = presented.iter().filter_map(|p| {
                    let (kind, name) = p.split_once('(')?;
                    let name = name.trim_end_matches(')').trim_matches('"');
                    Some(format!("{}:{name}", &kind[..1]))
                });
                format!("name {}", names.collect::<Vec<_>>().join(" "))
            }
            other => format!("{cert}{other:?}"),
        },
        Error::AlertReceived(a) => format!("remote error: tls: {}", alert(*a)),
        Error::NoCertificatesPresented => "tls: client didn't provide a certificate".into(),
        Error::PeerIncompatible(p) => match format!("{p:?}") {
            t if t.contains("Version") => {
                "tls: client offered only unsupported versions".to_string()
            }
            t => format!("tls: handshake failure ({t})"),
        },
        Error::InvalidMessage(_) => {
            "tls: first record does not look like a TLS handshake".to_string()
        }
        Error::DecryptError => "local error: tls: bad record MAC".into(),
        other => format!("tls: {other}"),
    }
}
fn alert(a: AlertDescription) -> String {
    match a {
        AlertDescription::UnexpectedMessage => "unexpected message",
        AlertDescription::BadRecordMac => "bad record MAC",
        AlertDescription::HandshakeFailure => "handshake failure",
        AlertDescription::BadCertificate => "bad certificate",
        AlertDescription::UnsupportedCertificate => "unsupported certificate",
        AlertDescription::CertificateRevoked => "revoked certificate",
        AlertDescription::CertificateExpired => "expired certificate",
        AlertDescription::CertificateUnknown => "unknown certificate",
        AlertDescription::IllegalParameter => "illegal parameter",
        AlertDescription::UnknownCA => "unknown certificate authority",
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::DecodeError => "error decoding message",
        AlertDescription::DecryptError => "error decrypting message",
        AlertDescription::ProtocolVersion => "protocol version not supported",
        AlertDescription::InsufficientSecurity => "insufficient security level",
        AlertDescription::InternalError => "internal error",
        AlertDescription::UserCanceled => "user canceled",
        AlertDescription::NoRenegotiation => "no renegotiation",
        AlertDescription::UnrecognisedName => "unrecognized name",
        AlertDescription::CertificateRequired => "certificate required",
        AlertDescription::NoApplicationProtocol => "no application protocol",
        other => return format!("alert({})", u8::from(other)),
    }
    .into()
}

fn certs(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect()
}
/// The versions between two numbers (0: no limit).
fn versions(min: u64, max: u64) -> Vec<&'static SupportedProtocolVersion> {
    [
        (0x303, &rustls::version::TLS12),
        (0x304, &rustls::version::TLS13),
    ]
    .into_iter()
    .filter(|(v, _)| *v >= min && (max == 0 || *v <= max))
    .map(|(_, v)| v)
    .collect()
}
fn protocols(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|c| *c == b',')
        .filter(|p| !p.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// The parts of a configuration, as the Go half gives them.
struct Wish<'a> {
    name: &'a [u8],
    roots: &'a [u8],
    chain: &'a [u8],
    key: &'a [u8],
    verify: bool,
    protocols: &'a [u8],
    min: u64,
    max: u64,
}

fn client(w: &Wish) -> Result<Connection, String> {
    let wrong = |e: Error| words(&e);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(w.min, w.max))
        .map_err(wrong)?;
    let builder = if w.verify {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certs(w.roots));
        builder.with_root_certificates(store)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone))
    };
    let mut config = if w.chain.is_empty() {
        builder.with_no_client_auth()
    } else {
        let key = PrivateKeyDer::from_pem_slice(w.key).map_err(|e| format!("tls: {e:?}"))?;
        builder
            .with_client_auth_cert(certs(w.chain), key)
            .map_err(wrong)?
    };
    config.alpn_protocols = protocols(w.protocols);
    let name = std::str::from_utf8(w.name)
        .ok()
        .and_then(|n| ServerName::try_from(n.to_string()).ok())
        .ok_or("tls: invalid server name")?;
    ClientConnection::new(Arc::new(config), name)
        .map(Connection::Client)
        .map_err(wrong)
}
fn server(w: &Wish) -> Result<Connection, String> {
    let wrong = |e: Error| words(&e);
    let key = PrivateKeyDer::from_pem_slice(w.key).map_err(|e| format!("tls: {e:?}"))?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&versions(w.min, w.max))
        .map_err(wrong)?;
    let builder = if w.verify {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certs(w.roots));
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(store),
            provider(),
        )
        .build()
        .map_err(|e| format!("tls: {e}"))?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder
        .with_single_cert(certs(w.chain), key)
        .map_err(wrong)?;
    config.alpn_protocols = protocols(w.protocols);
    ServerConnection::new(Arc::new(config))
        .map(Connection::Server)
        .map_err(wrong)
}

/// open(client, name, roots, chain, key, verify, protocols, min, max): number and error.
unsafe fn open(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 3) };
    let is_client = c.bool();
    let wish = Wish {
        name: c.str(),
        roots: c.bytes(),
        chain: c.bytes(),
        key: c.bytes(),
        verify: c.bool(),
        protocols: c.str(),
        min: c.word(),
        max: c.word(),
    };
    match if is_client {
        client(&wish)
    } else {
        server(&wish)
    } {
        Ok(conn) => {
            c.ret(CONNS.add(conn));
            crate::try_exit!(c.ret_str(b""));
        }
        Err(e) => {
            c.ret(0);
            crate::try_exit!(c.ret_str(e.as_bytes()));
        }
    }
    Exit::Next
}
native!(free, 0, |c| {
    let id = c.word();
    CONNS.remove(id);
});
/// feed(id, bytes): what came from the network; the error's text.
unsafe fn feed(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let id = c.word();
    let mut input = c.bytes();
    let mut text = String::new();
    if let Some(conn) = CONNS.get(id) {
        let mut conn = lock(&conn);
        if input.is_empty() {
            // The end of the stream.
            let _ = conn.read_tls(&mut input);
        }
        while !input.is_empty() && text.is_empty() {
            match conn.read_tls(&mut input) {
                Ok(0) => break,
                Ok(_) => {
                    if let Err(e) = conn.process_new_packets() {
                        text = words(&e);
                    }
                }
                Err(e) => text = format!("tls: {e}"),
            }
        }
    }
    crate::try_exit!(c.ret_str(text.as_bytes()));
    Exit::Next
}
// take(id, out): bytes for the network.
native!(take, 1, |c| {
    let id = c.word();
    let out = c.slice();
    let mut buf = vec![0u8; out.len];
    let mut n = 0;
    if let Some(conn) = CONNS.get(id) {
        let mut conn = lock(&conn);
        let mut rest: &mut [u8] = &mut buf;
        while conn.wants_write() && !rest.is_empty() {
            match conn.write_tls(&mut rest) {
                Ok(k) if k > 0 => n += k,
                _ => break,
            }
        }
    }
    fill(out, &buf[..n]);
    c.ret(n as u64);
});
// read(id, out): bytes of text; 0 nothing yet, 1 there are some, 2 the end, 3 cut off.
native!(read, 2, |c| {
    let id = c.word();
    let out = c.slice();
    let mut buf = vec![0u8; out.len];
    let (mut n, mut status) = (0, 3);
    if let Some(conn) = CONNS.get(id) {
        match lock(&conn).reader().read(&mut buf) {
            Ok(0) if !buf.is_empty() => status = 2,
            Ok(k) => (n, status) = (k, 1),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => status = 0,
            Err(_) => status = 3,
        }
    }
    fill(out, &buf[..n]);
    c.ret(n as u64).ret(status);
});
native!(write, 1, |c| {
    let id = c.word();
    let data = c.bytes();
    let n = CONNS
        .get(id)
        .map_or(0, |conn| lock(&conn).writer().write(data).unwrap_or(0));
    c.ret(n as u64);
});
native!(close_notify, 0, |c| {
    let id = c.word();
    if let Some(conn) = CONNS.get(id) {
        lock(&conn).send_close_notify();
    }
});
/// info(id): whether the handshake goes on, version, cipher suite, protocol, the name the
/// client asked for, the peer's certificates (each after its length in 4 bytes).
unsafe fn info(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 9) };
    let id = c.word();
    let (mut hand, mut version, mut suite) = (false, 0, 0);
    let (mut protocol, mut name, mut peer) = (Vec::new(), String::new(), Vec::new());
    if let Some(conn) = CONNS.get(id) {
        let conn = lock(&conn);
        hand = conn.is_handshaking();
        version = conn.protocol_version().map_or(0, u16::from);
        suite = conn
            .negotiated_cipher_suite()
            .map_or(0, |s| u16::from(s.suite()));
        protocol = conn.alpn_protocol().unwrap_or_default().to_vec();
        if let Connection::Server(s) = &*conn {
            name = s.server_name().unwrap_or_default().to_string();
        }
        for cert in conn.peer_certificates().unwrap_or_default() {
            peer.extend((cert.len() as u32).to_be_bytes());
            peer.extend_from_slice(cert);
        }
    }
    c.ret_bool(hand).ret(version.into()).ret(suite.into());
    crate::try_exit!(c.ret_str(&protocol));
    crate::try_exit!(c.ret_str(name.as_bytes()));
    crate::try_exit!(c.ret_bytes(&peer).map(|_| ()));
    Exit::Next
}
/// selfSigned(names): certificate and key as PEM, for the names separated by commas.
unsafe fn self_signed(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 4) };
    let names: Vec<String> = String::from_utf8_lossy(c.str())
        .split(',')
        .map(str::to_string)
        .collect();
    let (cert, key) = rcgen::generate_simple_self_signed(names).map_or_else(
        |_| Default::default(),
        |k| (k.cert.pem(), k.signing_key.serialize_pem()),
    );
    crate::try_exit!(c.ret_str(cert.as_bytes()));
    crate::try_exit!(c.ret_str(key.as_bytes()));
    Exit::Next
}
/// keyFits(chain, key): what is wrong with a pair, or "".
unsafe fn key_fits(cx: &mut Cx, base: *mut u64) -> Exit {
    // SAFETY: called with the native's own arguments.
    let mut c = unsafe { Call::new(cx, base, 2) };
    let (chain, key) = (c.bytes(), c.bytes());
    let text = match PrivateKeyDer::from_pem_slice(key) {
        Err(_) => "tls: failed to find any PEM data in key input".to_string(),
        Ok(key) => match ring::sign::any_supported_type(&key) {
            Err(_) => "tls: failed to parse private key".into(),
            Ok(key) => rustls::sign::CertifiedKey::new(certs(chain), key)
                .keys_match()
                .err()
                .map_or(String::new(), |e| match e {
                    Error::InconsistentKeys(_) => {
                        "tls: private key does not match public key".into()
                    }
                    e => words(&e),
                }),
        },
    };
    crate::try_exit!(c.ret_str(text.as_bytes()));
    Exit::Next
}

pub const NATIVES: &[Entry] = &[
    ("crypto/tls.open", open),
    ("crypto/tls.free", free),
    ("crypto/tls.feed", feed),
    ("crypto/tls.take", take),
    ("crypto/tls.read", read),
    ("crypto/tls.write", write),
    ("crypto/tls.closeNotify", close_notify),
    ("crypto/tls.info", info),
    ("crypto/tls.keyFits", key_fits),
    ("net/http/httptest.selfSigned", self_signed),
];
