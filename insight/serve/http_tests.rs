//! Which requests the page answers, and what the others are told.

use std::net::SocketAddr;

use super::http::{Refused, Request, Secret};

const PORT: u16 = 4711;

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn parse(text: &str) -> Result<Request, Refused> {
    Request::read(&mut text.as_bytes()).unwrap()
}

/// The code of the answer to a request for `path` behind the secret, with these lines of the head.
fn asked(path: &str, lines: &[&str]) -> &'static str {
    asked_at(PORT, path, lines)
}

fn asked_at(port: u16, path: &str, lines: &[&str]) -> &'static str {
    let secret = Secret::new().unwrap();
    let url = secret.url(address(port));
    let secret_path = url.strip_prefix(&format!("http://127.0.0.1:{port}")).unwrap();
    let head: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = parse(&format!("GET {secret_path}{path} HTTP/1.1\r\n{head}\r\n"));
    match request.and_then(|request| {
        let (path, _) = request.check(address(port), &secret)?;
        Ok(path.to_owned())
    }) {
        Ok(found) => {
            assert_eq!(found, path);
            "200"
        }
        Err(Refused(code, _)) => &code[..3],
    }
}

const HOST: &str = "Host: 127.0.0.1:4711";

#[test]
fn the_page_and_the_user_may_ask() {
    assert_eq!(asked("", &[HOST]), "200");
    assert_eq!(asked("state", &["host:localhost:4711"]), "200");
    assert_eq!(asked("", &[HOST, "Sec-Fetch-Site: none"]), "200");
    let origin = "Origin: http://127.0.0.1:4711";
    assert_eq!(asked("state", &[HOST, origin, "Sec-Fetch-Site: same-origin"]), "200");
}

/// Browsers leave it out of the field Host.
#[test]
fn the_port_of_http_need_not_be_named() {
    for host in ["127.0.0.1", "localhost", "127.0.0.1:80"] {
        assert_eq!(asked_at(80, "", &[&format!("Host: {host}")]), "200", "{host}");
    }
    assert_eq!(asked_at(80, "", &["Host: evil.example"]), "403");
}

#[test]
fn another_host_is_refused() {
    let hosts = [
        "evil.example",
        "evil.example:4711",
        "127.0.0.1",
        "127.0.0.1:4712",
        "127.0.0.1:4711.evil.example",
        "localhost",
        "[::1]:4711",
        "",
    ];
    for host in hosts {
        assert_eq!(asked("", &[&format!("Host: {host}")]), "403", "{host}");
    }
    assert_eq!(asked("", &[]), "403");
    assert_eq!(asked("", &[HOST, "Host: evil.example"]), "403");
    assert_eq!(asked("", &[HOST, HOST]), "403");
}

#[test]
fn another_site_is_refused() {
    let origins = [
        "http://evil.example",
        "https://127.0.0.1:4711",
        "http://127.0.0.1:4712",
        "http://127.0.0.1:4711.evil.example",
        "null",
    ];
    for origin in origins {
        assert_eq!(asked("", &[HOST, &format!("Origin: {origin}")]), "403", "{origin}");
    }
    // A page at another port of 127.0.0.1 is of the same site.
    for site in ["cross-site", "same-site", "anything"] {
        assert_eq!(asked("", &[HOST, &format!("Sec-Fetch-Site: {site}")]), "403", "{site}");
    }
}

#[test]
fn an_address_without_the_secret_is_refused() {
    let secret = Secret::new().unwrap();
    let url = secret.url(address(PORT));
    let right = url.strip_prefix("http://127.0.0.1:4711/").unwrap().trim_end_matches('/');
    let last = if right.ends_with('0') { '1' } else { '0' };
    let nearly = format!("/{}{last}/", &right[..right.len() - 1]);
    let longer = format!("/{right}0/");
    let shorter = format!("/{}/", &right[..right.len() - 1]);
    let upper = format!("/{right}");
    let targets = ["/", "//", "/state", "*", "", &nearly, &longer, &shorter, &upper];
    for target in targets {
        let request = parse(&format!("GET {target} HTTP/1.1\r\n{HOST}\r\n\r\n"));
        let code = request.and_then(|request| request.check(address(PORT), &secret).map(|_| "200"));
        let code = code.unwrap_or_else(|Refused(code, _)| &code[..3]);
        assert_eq!(code, "403", "{target:?}");
    }
}

#[test]
fn two_secrets_differ() {
    let [one, other] = [(); 2].map(|()| Secret::new().unwrap().url(address(PORT)));
    assert_ne!(one, other);
    assert_eq!(one.len(), "http://127.0.0.1:4711//".len() + 32);
}

#[test]
fn only_a_small_get_without_a_body_is_answered() {
    assert_eq!(asked("", &[HOST, "Content-Length: 0"]), "200");
    assert_eq!(asked("", &[HOST, "Content-Length: 1"]), "400");
    assert_eq!(asked("", &[HOST, "Transfer-Encoding: chunked"]), "400");
    assert_eq!(asked("", &[HOST, &format!("X-Long: {}", "x".repeat(9000))]), "431");
    let secret = Secret::new().unwrap();
    let url = secret.url(address(PORT));
    let path = url.strip_prefix("http://127.0.0.1:4711").unwrap();
    for method in ["POST", "OPTIONS", "HEAD", "get"] {
        let request = parse(&format!("{method} {path} HTTP/1.1\r\n{HOST}\r\n\r\n")).ok().unwrap();
        assert_eq!(request.check(address(PORT), &secret).unwrap_err().0, "405 Method Not Allowed");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let texts = [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /  HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : 127.0.0.1:4711\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:4711\nX: y\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ];
    for text in texts {
        assert_eq!(parse(text).err().map(|Refused(code, _)| code), Some("400 Bad Request"));
    }
    assert!(Request::read(&mut &b"GET / HTTP/1.1\r\n\xff\xfe: x\r\n\r\n"[..]).unwrap().is_err());
    assert!(Request::read(&mut &b"GET / HTTP/1.1\r\nHost: 127.0.0"[..]).is_err(), "cut off");
}
