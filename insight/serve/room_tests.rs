//! Answers that may be long, and clients that do not read theirs.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use super::answer::{Places, Text};
use super::http::Secret;
use super::lines;
use super::loops::{Loops, of_tasks};
use super::page::Page;
use super::room::{Busy, LINE, MOST, Patience, Room};
use super::source::Served;
use super::stream::Stream;
use crate::Runtime;
use crate::insight::{Named, json};

/// What takes so long never comes. Only a failing test gets there.
const LOST: Duration = Duration::from_secs(60);

fn wait_until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LOST);
        thread::yield_now();
    }
}

fn patient() -> Patience<'static> {
    Patience { limit: LOST, is_gone: &|| false }
}

fn impatient() -> Patience<'static> {
    Patience { limit: Duration::ZERO, is_gone: &|| false }
}

#[test]
fn an_answer_is_begun_while_less_than_the_room_is_taken() {
    let room = Room::default();
    let take = |bytes| room.take(bytes, &impatient());
    let small = take(MOST - 1).unwrap();
    let mut large = take(10 * MOST).expect("one more, whatever it takes");
    assert!(matches!(take(1), Err(Busy)));
    large.set(MOST); // its text
    assert!(matches!(take(1), Err(Busy)), "the client has not read it");
    drop(large);
    take(1).unwrap();
    drop(small);
    let all = take(MOST).unwrap();
    assert!(matches!(take(1), Err(Busy)));
    drop(all);
    take(MOST).expect("all is given back");
}

#[test]
fn those_that_wait_are_served_in_the_order_in_which_they_came() {
    let room = &Room::default();
    let taken = room.take(MOST, &impatient()).unwrap();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..LINE {
            let tell = tell.clone();
            scope.spawn(move || {
                let _taken = room.take(MOST, &patient()).unwrap();
                tell.send(number).unwrap();
            });
            wait_until(|| room.waiting() > number);
        }
        assert!(matches!(room.take(1, &patient()), Err(Busy)), "the line is too long");
        drop(taken);
        let order: Vec<_> = (0..LINE).map(|_| told.recv_timeout(LOST).unwrap()).collect();
        assert_eq!(order, (0..LINE).collect::<Vec<_>>());
    });
}

#[test]
fn one_that_gives_up_lets_the_next_pass() {
    let room = &Room::default();
    let taken = room.take(MOST, &impatient()).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            let limit = Duration::from_millis(50);
            room.take(1, &Patience { limit, is_gone: &|| false }).is_err()
        });
        wait_until(|| room.waiting() >= 1);
        let next = scope.spawn(|| room.take(1, &patient()).is_ok());
        assert!(first.join().unwrap());
        drop(taken);
        assert!(next.join().unwrap());
    });
}

#[test]
fn nothing_is_made_for_a_client_that_has_left() {
    let room = Room::default();
    let (client, server) = UnixStream::pair().unwrap();
    let patience = Patience { limit: LOST, is_gone: &|| server.is_gone() };
    client.shutdown(Shutdown::Write).unwrap();
    room.take(MOST, &patience).expect("it has no more to ask, but it reads");
    drop(client);
    assert!(room.take(MOST, &patience).is_err());
    room.take(MOST, &impatient()).expect("nothing is kept for it");
}

/// The system tells of a closed page as of a client that has no more to ask. A browser always waits for its answer with both ways open.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_made_for_a_page_that_was_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    assert!(!server.is_gone());
    drop(client);
    wait_until(|| server.is_gone());
}

#[test]
fn those_that_leave_while_they_wait_make_place_in_the_line() {
    let room = &Room::default();
    let taken = room.take(MOST, &impatient()).unwrap();
    thread::scope(|scope| {
        let waits = (0..LINE).map(|number| {
            let (client, server) = UnixStream::pair().unwrap();
            let waits = scope.spawn(move || {
                let patience = Patience { limit: 2 * LOST, is_gone: &|| server.is_gone() };
                room.take(1, &patience).is_err()
            });
            wait_until(|| room.waiting() > number);
            (client, waits)
        });
        let (mut clients, waits): (Vec<_>, Vec<_>) = waits.unzip();
        let stays = clients.pop();
        drop(clients);
        wait_until(|| room.waiting() == 1);
        let next = scope.spawn(|| room.take(1, &patient()).is_ok());
        wait_until(|| room.waiting() == 2 || next.is_finished());
        drop(taken);
        assert!(next.join().unwrap(), "nobody else waits");
        let left = waits.into_iter().map(|it| it.join().unwrap()).filter(|&has_left| has_left);
        assert_eq!(left.count(), LINE - 1);
        drop(stays);
    });
}

#[test]
fn parts_are_put_into_json_at_their_places() {
    let places = Places::default();
    let json = json::object(|object| {
        object.field("a", &places).field("b", 2u64).field("c", &places);
    });
    let parts = places.fill(json, vec!["[1]".into(), "{}".into()]);
    assert_eq!(parts.concat(), r#"{"a":[1],"b":2,"c":{}}"#);
    let (text, mut written) = (Text::from(parts), Vec::new());
    assert_eq!(text.len(), 22);
    text.write_to(&mut written).unwrap();
    assert_eq!(written.len(), 22);
}

/// The connection of one client, answered on a thread of `scope`.
fn connect<'scope>(scope: &'scope Scope<'scope, '_>, loops: &'scope Loops) -> UnixStream {
    let (client, server) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(LOST)).unwrap();
    scope.spawn(move || lines::serve(loops, server, &|| ()));
    client
}

/// The first line of the answer. What comes behind it waits.
fn first_line(mut client: &UnixStream, question: &str) -> String {
    writeln!(client, "{question}").unwrap();
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        assert_eq!(client.read(&mut byte).unwrap(), 1);
        line.extend(byte);
    }
    String::from_utf8(line).unwrap()
}

#[test]
fn the_text_takes_its_room_until_the_client_has_read_it_or_is_gone() {
    let runtime = crate::Builder::new().task_slab(true).build().unwrap();
    for _ in 0..5000 {
        runtime.spawn(std::future::pending::<()>()).detach();
    }
    let loops = &Loops::default();
    loops.add(None, runtime.handle().asked().unwrap());
    thread::scope(|scope| {
        let mut client = connect(scope, loops);
        let line = first_line(&client, "dump json");
        let length: usize = line.trim_end().strip_prefix("ok ").unwrap().parse().unwrap();
        assert!(length > 500_000, "more than a socket keeps: {length}");
        assert_eq!(loops.room.taken(), length);
        client.read_exact(&mut vec![0; length]).unwrap();
        assert!(first_line(&client, "page").starts_with("error "));
        assert_eq!(loops.room.taken(), 0, "it was read");
        first_line(&client, "dump json");
        assert_eq!(loops.room.taken(), length);
        drop(client);
        loops.room.take(MOST, &patient()).unwrap();
    });
    assert_eq!(loops.room.taken(), 0);
}

#[test]
fn the_waits_of_one_future_take_room_as_tasks_do() {
    const WAITS: usize = 100_000;
    let runtime = crate::Builder::new().report_deadlocks(true).build().unwrap();
    let loops = &Loops::default();
    loops.add(None, runtime.handle().asked().unwrap());
    let is_alone = || {
        let taken = loops.room.take(of_tasks(&loops.asked(None).unwrap()), &impatient());
        let is_alone = loops.room.take(1, &impatient()).is_err();
        taken.map(|_| is_alone).unwrap()
    };
    assert!(!is_alone());
    runtime.block_on(async {
        let all = (0..WAITS).map(|_| Box::pin(std::future::pending::<()>().named("a wait")));
        let mut all = futures::future::join_all(all);
        assert!(futures::poll!(&mut all).is_pending());
        assert!(is_alone(), "no task, and much to tell");
        drop(all);
        assert!(!is_alone(), "the waits are over");
    });
}

#[test]
fn when_too_many_wait_for_long_answers_short_ones_are_still_given() {
    let runtime = Runtime::new().unwrap();
    let loops = &Loops::default();
    loops.add(None, runtime.handle().asked().unwrap());
    let taken = loops.room.take(MOST, &impatient()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let page = &Page { address, secret: Secret::new().unwrap() };
    thread::scope(|scope| {
        for number in 0..LINE {
            scope.spawn(|| loops.room.take(1, &patient()).map(drop));
            wait_until(|| loops.room.waiting() > number);
        }
        let client = connect(scope, loops);
        let busy = "busy: others wait for long answers; ask again in a moment";
        for question in ["dump", "deadlocks json", "trace text"] {
            assert_eq!(first_line(&client, question), format!("error {busy}\n"));
        }
        assert_eq!(first_line(&client, "page"), "error there is no page: `Serve::http`\n");
        for (file, code) in [("dump", "503 Service Unavailable"), ("state", "200 OK")] {
            let mut client = TcpStream::connect(address).unwrap();
            let stream = listener.accept().unwrap().0;
            scope.spawn(move || page.serve(loops, stream, &|| ()));
            let url = page.secret.url(address);
            let path = url.split_once(&address.to_string()).unwrap().1.to_owned() + file;
            write!(client, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {code}\r\n")), "{answer}");
            assert_eq!(answer.ends_with(busy), file == "dump");
        }
        drop(taken);
    });
}
