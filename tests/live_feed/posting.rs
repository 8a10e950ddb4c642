//! What the server refuses, and how it says so.

use super::client::{exchange, post};
use super::program::{Program, file};

#[test]
fn a_message_that_is_none_is_refused_with_the_reason() {
    let program = Program::start(&file("refused", ""), &[]);
    for (message, problem) in [
        ("", "a message is a JSON object: EOF while parsing a value at line 1 column 0: \n"),
        (
            "3",
            "a message is a JSON object: invalid type: integer `3`, expected a map at line 1 column 1: 3\n",
        ),
    ] {
        let answer = post(program.address, message);
        assert_eq!((answer.code, answer.body.as_str()), (400, problem));
    }
    assert_eq!(program.status()["messages"], 0);
}

#[test]
fn a_message_of_more_than_64_kib_is_refused_before_it_is_read_whole() {
    let program = Program::start(&file("long", ""), &[]);
    let fits = format!("{{\"text\": \"{}\"}}", "x".repeat(65_536 - 12));
    assert_eq!((fits.len(), post(program.address, &fits).code), (65_536, 202));
    // The rest of these bodies never comes.
    for body in [
        "content-length: 65537\r\n\r\n".to_owned(),
        format!("transfer-encoding: chunked\r\n\r\n10001\r\n{}\r\n", "x".repeat(65_537)),
    ] {
        let request = format!("POST /messages HTTP/1.1\r\nhost: localhost\r\n{body}");
        let answer = exchange(program.address, &request);
        assert_eq!(answer.code, 413, "{}", answer.body);
        assert!(answer.head.contains("connection: close\n"), "{}", answer.head);
        assert_eq!(answer.body, "a message has at most 65536 bytes\n");
    }
    assert_eq!(program.status()["messages"], 1);
}

#[test]
fn a_page_of_another_site_can_neither_post_nor_read() {
    let program = Program::start(&file("sites", ""), &[]);
    let port = program.address.port();
    let here = format!("host: 127.0.0.1:{port}\r\n");
    let post = |head: &str| {
        let request = format!("POST /messages HTTP/1.0\r\n{head}content-length: 2\r\n\r\n{{}}");
        exchange(program.address, &request).code
    };
    assert_eq!(post(&here), 202); // no browser
    assert_eq!(post(&format!("{here}origin: http://127.0.0.1:{port}\r\n")), 202);
    for origin in
        ["http://example.org", "null", &format!("https://127.0.0.1:{port}"), "http://127.0.0.1:1"]
    {
        assert_eq!(post(&format!("{here}origin: {origin}\r\n")), 403, "{origin}");
    }
    // A name that another site has pointed to this machine.
    assert_eq!(post("host: example.org\r\norigin: http://example.org\r\n"), 403);
    for path in ["/", "/events", "/status"] {
        let answer =
            exchange(program.address, &format!("GET {path} HTTP/1.0\r\nhost: example.org\r\n\r\n"));
        assert_eq!(answer.code, 403, "{path}");
    }
    assert_eq!(program.status()["messages"], 2);
}

#[test]
fn other_methods_and_paths_are_named_in_the_answer() {
    let program = Program::start(&file("methods", ""), &[]);
    for (request, code, head) in [
        ("DELETE /", 405, "allow: get\n"),
        ("POST /events", 405, "allow: get\n"),
        ("PUT /status", 405, "allow: get\n"),
        ("GET /messages", 405, "allow: post\n"),
        ("GET /elsewhere", 404, ""),
    ] {
        let answer =
            exchange(program.address, &format!("{request} HTTP/1.0\r\nhost: localhost\r\n\r\n"));
        assert_eq!(answer.code, code, "{request}");
        assert!(answer.head.contains(head), "{}", answer.head);
    }
}

#[test]
fn the_page_loads_nothing_and_may_talk_to_this_server_alone() {
    let program = Program::start(&file("page", ""), &[]);
    let page = exchange(program.address, "GET / HTTP/1.0\r\nhost: localhost:80\r\n\r\n");
    assert_eq!(page.code, 200);
    assert!(page.head.contains("content-security-policy: default-src 'none';"), "{}", page.head);
    assert!(page.head.contains("connect-src 'self';"));
    assert!(!page.body.contains("://") && !page.body.contains("innerHTML"));
}
