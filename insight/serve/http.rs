//! One HTTP request, and what it is refused for.
//!
//! A browser lets any page send requests to 127.0.0.1. So that no page of another site learns anything, a request has to
//! pass all of these:
//!
//! 1. Its address begins with a secret that only the user's own programs are told.
//! 2. Its `Host` is this server. A site whose name was made to lead to 127.0.0.1 (DNS rebinding) has another one.
//! 3. Its `Origin` and `Sec-Fetch-Site`, if it has them, say that it comes from this server's own page, or from the user who
//!    typed the address.
//! 4. It is a `GET` without a body, of at most 8 KiB.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

use super::answer::Text;

/// How long a request may be.
const LONGEST: usize = 8 * 1024;

/// The secret in the address of the page.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// 128 bits from the system's source of randomness.
    pub(super) fn new() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Takes as long for any guess of its length: the time does not tell how much of one was right.
    fn is(&self, guess: &str) -> bool {
        let pairs = self.0.bytes().zip(guess.bytes());
        let differing = pairs.fold(0, |bits, (one, other)| bits | (one ^ other));
        self.0.len() == guess.len() && std::hint::black_box(differing) == 0
    }

    pub(super) fn url(&self, address: SocketAddr) -> String {
        format!("http://{address}/{}/", self.0)
    }
}

/// Why there is no other answer: the code and its name, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);

/// A request, as far as it matters here.
pub(super) struct Request {
    method: String,
    target: String,
    /// Names in lower case.
    fields: Vec<(String, String)>,
}

impl Request {
    /// Reads up to the blank line. What comes after it is not looked at.
    pub(super) fn read(stream: &mut impl Read) -> io::Result<Result<Self, Refused>> {
        let mut text = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let end = text.windows(4).position(|end| end == b"\r\n\r\n");
            if end.unwrap_or(text.len()) > LONGEST {
                let code = "431 Request Header Fields Too Large";
                return Ok(Err(Refused(code, "a request is at most 8 KiB")));
            }
            if let Some(end) = end {
                let malformed = Refused("400 Bad Request", "this is not a request of HTTP/1");
                return Ok(Self::parse(&text[..end]).ok_or(malformed));
            }
            match stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => text.extend_from_slice(&buffer[..read]),
            }
        }
    }

    fn parse(head: &[u8]) -> Option<Self> {
        let head = std::str::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") {
            return None;
        }
        let mut fields = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let is_token = |byte: u8| byte.is_ascii_graphic();
            if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0'])
            {
                return None;
            }
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Self { method: method.to_owned(), target: target.to_owned(), fields })
    }

    /// The values of a field.
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |field| field.0 == name).map(|field| field.1.as_str())
    }

    /// What is asked of the server that listens at `address`: the path behind the secret, and the query.
    pub(super) fn check(
        &self,
        address: SocketAddr,
        secret: &Secret,
    ) -> Result<(&str, &str), Refused> {
        const FORBIDDEN: &str = "403 Forbidden";
        let mut hosts = vec![address.to_string(), format!("localhost:{}", address.port())];
        if address.port() == 80 {
            hosts.extend([address.ip().to_string(), "localhost".to_owned()]); // browsers leave it out
        }
        let is_ours = |host: &str| hosts.iter().any(|ours| host.eq_ignore_ascii_case(ours));
        let mut host = self.all("host");
        if !(host.next().is_some_and(is_ours) && host.next().is_none()) {
            return Err(Refused(FORBIDDEN, "the field Host names another server"));
        }
        let is_our_origin = |origin: &str| origin.strip_prefix("http://").is_some_and(is_ours);
        if !self.all("origin").all(is_our_origin) {
            return Err(Refused(FORBIDDEN, "the request comes from another site"));
        }
        if !self.all("sec-fetch-site").all(|site| matches!(site, "same-origin" | "none")) {
            return Err(Refused(FORBIDDEN, "the request comes from another site"));
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        let Some((_, path)) = parts.filter(|(guess, _)| secret.is(guess)) else {
            return Err(Refused(FORBIDDEN, "the address lacks the secret: `inspect ps` shows it"));
        };
        if self.method != "GET" {
            return Err(Refused("405 Method Not Allowed", "there is nothing but GET"));
        }
        let has_body = self.all("content-length").any(|length| length != "0")
            || self.all("transfer-encoding").next().is_some();
        if has_body {
            return Err(Refused("400 Bad Request", "a request has no body here"));
        }
        Ok((path, query))
    }
}

/// What a browser may do with an answer.
#[derive(Clone, Copy)]
pub(super) enum Policy {
    /// The page runs its own scripts and fetches from this server; nothing else.
    Own,
    /// A page with its scripts in itself: it runs them without being of this server's origin, so it can fetch nothing.
    Apart,
}

/// Sends an answer, the last on its connection.
pub(super) fn send(
    stream: &mut impl Write,
    code: &str,
    kind: &str,
    policy: Policy,
    body: Text<'_>,
) -> io::Result<()> {
    let policy = match policy {
        Policy::Own => {
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
        }
        Policy::Apart => {
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; \
             sandbox allow-scripts allow-downloads"
        }
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {code}\r\n\
         Content-Type: {kind}; charset=utf-8\r\n\
         Content-Length: {length}\r\n\
         Connection: close\r\n\
         Cache-Control: no-store\r\n\
         Content-Security-Policy: {policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         X-Frame-Options: DENY\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    body.write_to(stream)
}
