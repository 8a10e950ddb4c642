//! The example `health`, run as a program and asked over the network.
//!
//! `cargo test --features hyper` builds the example first. With `--test health` it does not: then
//! `cargo build --features hyper --example health`.

use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// An answer that takes so long never comes. Only a failing test gets there.
const LOST: Duration = Duration::from_secs(20);

/// Work that no test sees the end of.
const ENDLESS: &str = "3600000";

fn command() -> Command {
    let test = env::current_exe().unwrap();
    let example = test.ancestors().nth(2).unwrap().join("examples/health");
    assert!(
        example.exists(),
        "{} is missing: `cargo build --features hyper --example health` makes it",
        example.display()
    );
    Command::new(example)
}

/// Runs it with arguments with which it ends by itself.
fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The running example; killed if the test fails.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--addr", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, stdout, address: ([127, 0, 0, 1], 0).into() };
        let said = server.line();
        let address = said.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{said}"));
        server.address = address.parse().unwrap();
        server
    }

    /// The next line it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LOST)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The rest of what it prints, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client {
    stream: BufReader<TcpStream>,
}

/// A response: its status line, the rest of its head in lower case, its body.
struct Answer {
    status: String,
    head: String,
    body: String,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn ask(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n"));
    }

    fn answer(&mut self) -> Answer {
        let status = self.line();
        let mut head = String::new();
        let mut len = 0;
        loop {
            let line = self.line().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                len = value.parse().unwrap();
            }
            head += &line;
            head.push('\n');
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).unwrap();
        Answer { status, head, body: String::from_utf8(body).unwrap() }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(line.ends_with("\r\n"), "the connection ended within a line: {line:?}");
        line.trim_end().to_owned()
    }

    /// Asks and reads the answer: its status and body.
    fn get(&mut self, path: &str) -> (String, String) {
        self.ask(path);
        let answer = self.answer();
        (answer.status, answer.body)
    }

    fn has_nothing_to_read(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        self.stream.buffer().is_empty()
            && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn is_closed_by_the_server(&mut self) -> bool {
        self.stream.read(&mut [0]).unwrap() == 0
    }
}

fn answer(status: &str, body: &str) -> (String, String) {
    (format!("HTTP/1.1 {status}"), body.to_owned())
}

#[test]
fn one_connection_serves_request_after_request() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.get("/health"), answer("200 OK", "ok\n"));
    assert_eq!(client.get("/nowhere"), answer("404 Not Found", "not found\n"));
    assert_eq!(client.get("/"), answer("200 OK", "done\n"));
    assert_eq!(client.get("/blocking"), answer("200 OK", "done\n"));
    assert!(client.has_nothing_to_read());
}

#[test]
fn a_malformed_request_gets_400_and_the_next_client_is_served() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send("this is not HTTP\r\n\r\n");
    assert_eq!(client.answer().status, "HTTP/1.1 400 Bad Request");
    assert!(client.is_closed_by_the_server());
    assert_eq!(server.connect().get("/health"), answer("200 OK", "ok\n"));
}

#[test]
fn blocking_work_on_the_pool_keeps_nobody_waiting() {
    let server = Server::start(&["--work", ENDLESS]);
    let mut working = server.connect();
    working.ask("/");
    assert_eq!(server.connect().get("/health"), answer("200 OK", "ok\n"));
    assert!(working.has_nothing_to_read());
}

#[test]
fn ctrl_c_lets_requests_in_flight_end() {
    let mut server = Server::start(&[]);
    let (mut working, mut sending, mut idle) =
        (server.connect(), server.connect(), server.connect());
    working.ask("/");
    sending.send("GET /health HTTP/1.1\r\n");
    // The server reads in the order of arrival: once this is answered, it has the other two.
    assert_eq!(idle.get("/health"), answer("200 OK", "ok\n"));

    server.signal("INT");
    assert_eq!(server.line(), "ending: waiting for requests in flight (Ctrl-C: at once)");
    assert_eq!(
        TcpStream::connect(server.address).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert!(idle.is_closed_by_the_server());
    sending.send("host: here\r\n\r\n");
    let sent = sending.answer();
    assert_eq!((sent.status, sent.body), answer("200 OK", "ok\n"));
    assert!(sent.head.contains("connection: close\n"), "{}", sent.head);
    assert!(sending.is_closed_by_the_server());
    let worked = working.answer();
    assert_eq!((worked.status, worked.body), answer("200 OK", "done\n"));
    assert!(working.is_closed_by_the_server());
    assert_eq!(server.end(), ("served 3 requests\n".to_owned(), Some(0)));
}

#[test]
fn sigterm_ends_it_like_ctrl_c() {
    let server = Server::start(&[]);
    server.signal("TERM");
    let (said, code) = server.end();
    assert_eq!(said.lines().last(), Some("served 0 requests"));
    assert_eq!(code, Some(0));
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let mut server = Server::start(&["--work", ENDLESS]);
    let mut working = server.connect();
    working.ask("/");
    assert_eq!(server.connect().get("/health"), answer("200 OK", "ok\n"));
    server.signal("INT");
    server.line();
    server.signal("INT");
    assert_eq!(server.end(), (String::new(), Some(130)));
}

#[test]
fn a_port_in_use_is_one_line_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--addr", &address]);
    let complaint = text(&output.stderr);
    assert!(
        complaint
            .starts_with(&format!("health: cannot serve on {address}: Address already in use")),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1);
    assert_eq!((text(&output.stdout), output.status.code()), ("", Some(1)));
}

#[test]
fn a_bad_argument_is_one_line_and_exit_code_2() {
    for (arguments, complaint) in [
        (&["--port", "80"][..], "unknown argument `--port`"),
        (&["--addr"], "`--addr` needs a value"),
        (&["--addr", "localhost"], "`--addr` does not take `localhost`"),
        (&["--work", "-1"], "`--work` does not take `-1`"),
    ] {
        let output = run(arguments);
        assert_eq!(text(&output.stderr), format!("health: {complaint} (see --help)\n"));
        assert_eq!((text(&output.stdout), output.status.code()), ("", Some(2)));
    }
}

#[test]
fn help_is_on_stdout() {
    let output = run(&["--help"]);
    for name in ["--addr", "--work", "--help"] {
        assert!(text(&output.stdout).contains(name), "{name} is missing");
    }
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}
