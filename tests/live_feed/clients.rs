//! What each client gets: all of it, in one order, once; and a slow client less.

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::RangeInclusive;

use super::client::{Events, post};
use super::program::{Program, append, fifo, file};

/// Room for all that a test sends: no client is slow, however loaded the machine is.
const ROOMY: &[&str] = &["--queue", "65536"];

fn lines(numbers: RangeInclusive<u64>) -> String {
    numbers.map(|n| format!("{{\"n\": {n}}}\n")).collect()
}

#[test]
fn two_clients_get_every_message_in_one_order() {
    let path = file("order", &lines(1..=100));
    let program = Program::start(&path, ROOMY);
    let (mut one, mut two) = (program.listen(), program.listen());
    append(&path, lines(101..=200));
    let get = |client: &mut Events| (1..=200).map(|_| client.message()).collect::<Vec<_>>();
    let of_one = get(&mut one);
    let numbers: Vec<_> = of_one.iter().map(|(_id, data)| data["message"]["n"].as_u64()).collect();
    assert_eq!(numbers, (1..=200).map(Some).collect::<Vec<_>>());
    assert_eq!(get(&mut two), of_one); // with the ids
    append(&path, lines(201..=5000));
    for n in 201..=5000 {
        assert_eq!((one.n(), two.n()), (n, n));
    }
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_missed_and_nothing_twice() {
    let path = file("back", &lines(1..=3));
    let program = Program::start(&path, &[]);
    let mut client = program.listen();
    let ids = [client.message().0, client.message().0, client.message().0];
    drop(client);
    let mut back = Events::of(program.address, Some(&ids[0]));
    assert_eq!([back.n(), back.n()], [2, 3]);
    let mut has_all = Events::of(program.address, Some(&ids[2]));
    append(&path, lines(4..=4));
    assert_eq!((back.n(), has_all.n()), (4, 4));
    // Ids of another run, and of none.
    for id in ["1234.5678-3", "nonsense", "-2"] {
        assert_eq!(Events::of(program.address, Some(id)).n(), 1, "{id}");
    }
}

#[test]
fn a_client_that_comes_back_too_late_is_told_how_many_it_has_missed() {
    let path = file("late", &lines(1..=1));
    let program = Program::start(&path, ROOMY);
    let mut here = program.listen();
    let (id, _) = here.message();
    append(&path, lines(2..=300));
    for n in 2..=300 {
        assert_eq!(here.n(), n);
    }
    // 256 are kept, which are 45 to 300.
    let mut late = Events::of(program.address, Some(&id));
    let told = late.next().unwrap();
    assert_eq!((told.name.as_str(), told.data.as_str()), ("dropped", "43"));
    assert_eq!(late.n(), 45);
    // A client that was never there has missed nothing.
    assert_eq!(program.listen().n(), 45);
}

#[test]
fn a_burst_that_is_longer_than_the_queue_waits_for_a_connection_that_takes_it() {
    let path = file("burst", "");
    let program = Program::start(&path, &["--queue", "1"]);
    let mut client = program.listen();
    program.status_when(|status| status["clients"][0]["client"] == 1);
    append(&path, lines(1..=500)); // little enough for the connection's buffers
    for n in 1..=500 {
        assert_eq!(client.n(), n);
    }
}

#[test]
fn a_slow_client_loses_its_own_messages_and_the_other_gets_all() {
    let path = fifo("slow");
    let program = Program::start(&path, &["--queue", "4"]);
    let mut slow = program.listen(); // and reads no more until the end
    program.status_when(|status| status["clients"][0]["client"] == 1);
    let mut other = program.listen();
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    let long = "x".repeat(50_000);
    let mut sent = 0;
    let mut status;
    loop {
        sent += 1;
        writeln!(writer, "{{\"n\": {sent}, \"text\": \"{long}\"}}").unwrap();
        assert_eq!(other.n(), sent);
        status = program.status();
        if status["dropped"].as_u64() >= Some(10) {
            break;
        }
        assert!(sent < 2000, "the other end of a connection does not hold 100 MB: {status:#}");
    }
    let dropped = |client: usize| status["clients"][client]["dropped"].as_u64().unwrap();
    assert_eq!((dropped(0), dropped(1)), (status["dropped"].as_u64().unwrap(), 0));

    // It is told of each gap in its place.
    writeln!(writer, "{{\"n\": {}}}", sent + 1).unwrap();
    let (mut next, mut told) = (1, 0);
    while next <= sent + 1 {
        let event = slow.next().unwrap();
        match event.name.as_str() {
            "dropped" => {
                let gap: u64 = event.data.parse().unwrap();
                next += gap;
                told += gap;
            }
            "message" => {
                assert!(event.data.contains(&format!("\"n\":{next}")), "not {next}");
                next += 1;
            }
            _ => {}
        }
    }
    assert_eq!(other.n(), sent + 1);
    assert!(told >= 10);
}

#[test]
fn what_a_browser_posts_reaches_the_other_in_the_order_of_all() {
    let path = file("posted", &lines(1..=1));
    let program = Program::start(&path, &[]);
    let (mut one, mut two) = (program.listen(), program.listen());
    assert_eq!((one.n(), two.n()), (1, 1));
    let answer = post(program.address, "{\"text\":\n \"<b>hello</b>\"}");
    assert_eq!((answer.code, answer.body.as_str()), (202, "accepted: it goes to every client\n"));
    append(&path, lines(2..=2));
    for client in [&mut one, &mut two] {
        let (_id, data) = client.message();
        let posted =
            serde_json::json!({ "from": "browser", "message": { "text": "<b>hello</b>" } });
        assert_eq!(data, posted);
        assert_eq!(client.n(), 2);
    }
    let status = program.status();
    assert_eq!((&status["messages"], &status["posted"]), (&3.into(), &1.into()));
}

#[test]
fn clients_are_named_as_they_come_and_go() {
    let path = file("come", &lines(1..=2));
    let mut program = Program::start(&path, &[]);
    let mut client = program.listen();
    assert_eq!([client.n(), client.n()], [1, 2]);
    assert_eq!(program.line(), "client 1 connected");
    drop(client);
    assert_eq!(program.line(), "client 1 left: 2 messages sent, 0 dropped");
    assert_eq!(program.status()["clients"], serde_json::json!([]));
}

#[test]
fn a_reader_of_stdout_that_stands_still_stops_no_client() {
    let path = file("paused", "");
    let mut program = Program::start(&path, &[]);
    // More than a pipe holds, which is 64 KiB.
    for _ in 0..1200 {
        drop(program.listen());
    }
    let mut client = program.listen();
    append(&path, lines(1..=1));
    assert_eq!(client.n(), 1);
    program.status_when(|status| status["clients"].as_array().unwrap().len() == 1);
    // And nothing that it says is lost.
    let mut lines: Vec<_> = (0..2401).map(|_| program.line()).collect();
    lines.sort();
    let mut all: Vec<_> = (1..=1201).map(|n| format!("client {n} connected")).collect();
    all.extend((1..=1200).map(|n| format!("client {n} left: 0 messages sent, 0 dropped")));
    all.sort();
    assert_eq!(lines, all);
}
