//! The page over HTTP: what its user gets, and that no other user, host or site gets anything.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use serde_json::Value;
use taketurns::Runtime;
use taketurns::insight::{Serve, Server};

use super::client::{Client, exchange, get, place};

fn serve() -> (Runtime, Server) {
    let runtime = Runtime::new().unwrap();
    let server = Serve::new().http(0).start(&runtime.handle()).unwrap();
    (runtime, server)
}

#[test]
fn the_page_and_its_files_are_served_for_its_own_scripts_alone() {
    let (_runtime, server) = serve();
    let url = server.url().unwrap();
    for (file, kind) in [
        ("", "text/html"),
        ("page.js", "text/javascript"),
        ("page.css", "text/css"),
        ("state", "application/json"),
        ("dump", "application/json"),
    ] {
        let (code, head, _) = get(url, file);
        assert_eq!(code, 200, "{file}: {head}");
        for line in [
            "cache-control: no-store",
            "referrer-policy: no-referrer", // the secret is in the address
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "cross-origin-resource-policy: same-origin",
            "connection: close",
        ] {
            assert!(head.lines().any(|it| it == line), "{file}: {line} is missing in {head}");
        }
        let policy = head.lines().find_map(|it| it.strip_prefix("content-security-policy: "));
        assert!(policy.unwrap().starts_with("default-src 'none'; script-src 'self';"), "{head}");
        assert!(!head.contains("access-control-"), "{head}");
        assert!(head.contains(&format!("content-type: {kind}; charset=utf-8")), "{head}");
    }
    let (_, _, body) = get(url, "state");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["pid"], std::process::id());
    assert_eq!(get(url, "other").0, 404);
    assert_eq!(get(url, "dump?loop=0").0, 404);
    assert_eq!(get(url, "../state").0, 404);
}

/// The code for a request of the state by this path, with these lines.
fn code(address: SocketAddr, path: &str, lines: &str) -> u16 {
    let (code, _, body) = exchange(address, &format!("GET {path} HTTP/1.1\r\n{lines}\r\n"));
    assert!(code == 200 || !body.contains("loops"), "{body}");
    code
}

#[test]
fn without_the_secret_or_from_another_site_nothing_is_told() {
    let (_runtime, server) = serve();
    let (address, path) = place(server.url().unwrap());
    let (state, host) = (format!("{path}state"), format!("Host: {address}\r\n"));
    let asked = |lines: &str| code(address, &state, &format!("{host}{lines}"));
    assert_eq!(asked(""), 200);
    assert_eq!(asked(&format!("Origin: http://{address}\r\nSec-Fetch-Site: same-origin\r\n")), 200);

    assert_eq!(code(address, "/state", &host), 403);
    assert_eq!(code(address, &format!("/{}/state", "0".repeat(32)), &host), 403);
    assert_eq!(code(address, &state, "Host: evil.example\r\n"), 403);
    assert_eq!(asked("Origin: http://evil.example\r\n"), 403);
    assert_eq!(asked("Origin: null\r\n"), 403);
    assert_eq!(asked("Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(asked("Sec-Fetch-Site: same-site\r\n"), 403);
    let preflight =
        format!("OPTIONS {state} HTTP/1.1\r\n{host}Origin: http://evil.example\r\n\r\n");
    let (code, head, _) = exchange(address, &preflight);
    assert!(code == 403 && !head.contains("access-control"), "{head}");
}

#[test]
fn each_page_has_a_secret_of_its_own_that_no_log_shows() {
    let (_runtime, server) = serve();
    let (_other_runtime, other) = serve();
    let (address, _) = place(server.url().unwrap());
    let (_, path) = place(other.url().unwrap());
    assert_eq!(code(address, path, &format!("Host: {address}\r\n")), 403);
    assert!(!format!("{other:?}").contains(path.trim_matches('/')));
}

#[test]
fn only_this_machine_can_connect() {
    let (_runtime, server) = serve();
    let (address, _) = place(server.url().unwrap());
    assert_eq!(address.ip().to_string(), "127.0.0.1");
    // The address by which others would reach this machine. Nothing is sent to find it out.
    let outside = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        Ok(socket.local_addr()?.ip())
    });
    let second = [127, 0, 0, 2].into(); // leads to a server that listens to all addresses
    for ip in [Some(second), outside.ok()].into_iter().flatten() {
        let refused = TcpStream::connect((ip, address.port())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{ip}");
    }
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = Runtime::new().unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Serve::new().http(port).start(&runtime.handle()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.starts_with(&format!("port {port} of 127.0.0.1: ")), "{text}");
    let remedy = "; `http(0)` takes a free port, and one page shows all loops of a process";
    assert!(text.ends_with(remedy), "{text}");
}

#[test]
fn each_page_of_a_process_is_told_as_long_as_it_is_there() {
    let (runtime, server) = serve();
    let second = Serve::new().http(0).start(&runtime.handle()).unwrap();
    let urls = [&server, &second].map(|it| it.url().unwrap().to_owned());
    let mut client = Client::new(server.path());
    let mut told = || {
        let text = client.ask("page").unwrap();
        let told = client.ask_json("loops json");
        let pages = told["pages"].as_array().unwrap();
        urls.each_ref().map(|url| {
            let is_told = text.lines().any(|line| line == url);
            assert_eq!(is_told, pages.iter().any(|page| page == url), "{told}");
            is_told
        })
    };
    assert_eq!(told(), [true, true]);
    drop(server);
    assert_eq!(told(), [false, true]);
}
