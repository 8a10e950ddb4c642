//! What the client does with answers that are late, endless, or break off.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use super::client::LOST;

#[path = "../../examples/inspect/answer.rs"]
mod reading;

use reading::{Limits, lives, read};

const LITTLE: Duration = Duration::from_millis(20);
const LIMITS: Limits = Limits { silence: LOST, time: LOST, bytes: 1000 };

/// What the client makes of this, and of the end behind it.
fn told(answer: &[u8]) -> Result<Result<String, String>, ErrorKind> {
    let (client, mut server) = UnixStream::pair().unwrap();
    server.write_all(answer).unwrap();
    drop(server);
    read(client, LIMITS, |_| panic!("it is not silent")).map_err(|error| error.kind())
}

#[test]
fn an_answer_is_as_long_as_it_says() {
    assert_eq!(told(b"ok 5\nhello, and more"), Ok(Ok("hello".to_owned())));
    assert_eq!(told(b"error no\n"), Ok(Err("no".to_owned())));
    assert_eq!(told(b"ok 0\n"), Ok(Ok(String::new())));
    for cut_off in [&b""[..], b"ok 5\nhell"] {
        assert_eq!(told(cut_off), Err(ErrorKind::UnexpectedEof));
    }
    for foreign in [&b"HTTP/1.1 200 OK\r\n"[..], b"ok 5", b"ok -5\n", b"ok \n", b"\xff\n"] {
        assert_eq!(told(foreign), Ok(Err("this is not an answer of taketurns".to_owned())));
    }
}

#[test]
fn an_answer_that_says_to_be_too_long_is_not_read() {
    for length in [1001, u64::MAX] {
        let why = format!("its answer has {length} bytes, and 1000 at most are read");
        assert_eq!(told(format!("ok {length}\n").as_bytes()), Ok(Err(why)));
    }
    let longest = [b"ok 1000\n".as_slice(), &[b'x'; 1000]].concat();
    assert_eq!(told(&longest), Ok(Ok("x".repeat(1000))));
}

#[test]
fn a_first_line_without_end_is_given_up() {
    let (client, mut server) = UnixStream::pair().unwrap();
    let endless = thread::spawn(move || while server.write_all(&[b'x'; 1000]).is_ok() {});
    let told = read(client, LIMITS, |_| panic!("it is not silent")).unwrap();
    assert_eq!(told, Err("this is not an answer of taketurns".to_owned()));
    endless.join().unwrap();
}

#[test]
fn a_process_that_answers_something_else_is_waited_for() {
    let (client, mut server) = UnixStream::pair().unwrap();
    let mut asked = 0;
    let lives = |_| {
        asked += 1;
        if asked == 3 {
            server.write_all(b"ok 4\nlate").unwrap();
        }
        true
    };
    let told = read(client, Limits { silence: LITTLE, ..LIMITS }, lives);
    assert_eq!(told.unwrap(), Ok("late".to_owned()));
    assert_eq!(asked, 3);
}

#[test]
fn a_process_that_answers_nothing_is_not_waited_for() {
    let (client, _server) = UnixStream::pair().unwrap();
    let told = read(client, Limits { silence: LITTLE, ..LIMITS }, |limit| limit != LITTLE / 2);
    assert_eq!(told.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_answer_that_breaks_off_is_not_waited_for_whatever_else_is_answered() {
    for begin in [&b"ok 4\nla"[..], b"o"] {
        let (client, mut server) = UnixStream::pair().unwrap();
        server.write_all(begin).unwrap();
        let told = read(client, Limits { silence: LITTLE, ..LIMITS }, |_| true);
        let why = told.unwrap_err().to_string();
        assert_eq!(why, "its answer broke off: nothing came for 20ms");
    }
}

/// It is never silent for long.
#[test]
fn an_answer_of_a_byte_now_and_then_has_a_limit() {
    let (client, server) = UnixStream::pair().unwrap();
    server.set_read_timeout(Some(LITTLE)).unwrap();
    let drips = thread::spawn(move || {
        (&server).write_all(b"ok 1000\n").unwrap();
        while (&server).write_all(b"x").is_ok() {
            let _ = (&server).read(&mut [0]); // a while
        }
    });
    let limits = Limits { time: 20 * LITTLE, ..LIMITS };
    let why = read(client, limits, |_| panic!("it is not silent")).unwrap_err().to_string();
    assert_eq!(why, "its answer was not complete after 400ms");
    drips.join().unwrap();
}

#[test]
fn a_process_that_lives_but_does_not_answer_has_a_limit() {
    let (client, _server) = UnixStream::pair().unwrap();
    let limits = Limits { silence: LITTLE, time: 3 * LITTLE, ..LIMITS };
    let why = read(client, limits, |_| true).unwrap_err().to_string();
    assert_eq!(why, "its answer was not complete after 60ms");
}

#[test]
fn a_process_lives_that_answers_or_closes() {
    let (client, mut server) = UnixStream::pair().unwrap();
    let answers = thread::spawn(move || {
        let mut line = [0; 5];
        server.read_exact(&mut line).unwrap();
        server.write_all(b"ok 1000\n").unwrap();
        line
    });
    assert!(lives(client, LOST));
    assert_eq!(&answers.join().unwrap(), b"help\n");
    let (client, server) = UnixStream::pair().unwrap();
    drop(server); // it has too many connections
    assert!(lives(client, LOST));
    let (client, _silent) = UnixStream::pair().unwrap();
    assert!(!lives(client, LITTLE));
}
