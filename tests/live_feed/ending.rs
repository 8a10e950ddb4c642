//! How it ends, and how it does not start.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use super::program::{Program, append, fifo, file, fresh, run};

#[test]
fn ctrl_c_delivers_what_was_read_and_tells_the_end() {
    let many: String = (1..=60_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let path = file("drained", "{\"n\": 0}\n");
    let mut program = Program::start(&path, &["--queue", "65536"]);
    let mut client = program.listen();
    assert_eq!(client.n(), 0);
    append(&path, many + "{\"n\"");
    assert_eq!(client.n(), 1);
    program.signal("INT"); // in the middle of it, or after it
    let mut last = 1;
    loop {
        let event = client.next().expect("the end is told");
        match event.name.as_str() {
            "message" => {
                last += 1;
                assert!(event.data.contains(&format!("\"n\":{last}}}")), "{event:?}");
            }
            "end" => break,
            _ => assert_eq!(event.name, "state"),
        }
    }
    assert_eq!(client.next(), None);
    assert_eq!(program.line(), "client 1 connected");
    assert_eq!(program.line(), "ending: what was read is delivered (Ctrl-C: at once)");
    let (said, code) = program.end();
    let said: Vec<_> = said.lines().collect();
    let messages = last + 1;
    assert_eq!(said[0], format!("client 1 left: {messages} messages sent, 0 dropped"));
    assert!(
        said[1].starts_with("source: ") && said[1].ends_with(" bytes of an unfinished line"),
        "{}",
        said[1]
    );
    assert_eq!(said[2], format!("feed: {messages} messages, 0 of them posted; 0 malformed"));
    assert_eq!(said[3], "clients: 1; 0 messages dropped, 0 events undelivered");
    assert!(said[4].contains(" of processor time in "), "{}", said[4]);
    assert_eq!((said.len(), code), (5, Some(0)));
}

#[test]
fn a_client_that_has_much_to_take_is_waited_for() {
    let path = file("much", "");
    let mut program = Program::start(&path, &["--queue", "65536"]);
    let mut client = program.listen(); // and takes nothing yet: this is more than its connection holds
    assert_eq!(program.line(), "client 1 connected");
    let line = |n| format!("{{\"n\": {n}, \"text\": \"{}\"}}\n", "x".repeat(50_000));
    append(&path, (1..=400).map(line).collect::<String>());
    program.status_when(|status| status["messages"] == 400);
    program.signal("INT");
    assert_eq!(program.line(), "ending: what was read is delivered (Ctrl-C: at once)");
    for n in 1..=400 {
        assert_eq!(client.n(), n);
    }
    assert_eq!(client.next().map(|event| event.name).as_deref(), Some("end"));
    assert!(program.end().0.contains("\nclients: 1; 0 messages dropped, 0 events undelivered\n"));
}

#[test]
fn what_it_has_not_read_when_it_ends_is_still_in_the_fifo() {
    let path = fifo("rest");
    // To read and write, so that the FIFO keeps what is in it when the program has ended.
    let fifo = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let all: String = (1..=20_000).map(|n| format!("{{\"n\": {n}}}\n")).collect();
    let mut program = Program::start(&path, &["--queue", "65536"]);
    let mut client = program.listen();
    let (ended, has_ended) = mpsc::channel();
    let writer = {
        let (mut fifo, all) = (fifo.try_clone().unwrap(), all.clone());
        thread::spawn(move || {
            fifo.write_all(all.as_bytes()).unwrap();
            has_ended.recv().unwrap();
            fifo.write_all(b"no more").unwrap();
        })
    };
    assert_eq!(client.n(), 1);
    program.signal("INT"); // while it reads on
    let mut last = 1;
    while let Some(event) = client.next() {
        last += u64::from(event.name == "message");
    }
    assert_eq!(program.line(), "client 1 connected");
    let (said, _) = program.end();
    let unfinished =
        said.lines().find_map(|line| line.strip_suffix(" bytes of an unfinished line"));
    let unfinished: usize = unfinished.unwrap().rsplit(' ').next().unwrap().parse().unwrap();

    ended.send(()).unwrap();
    let mut rest = Vec::new();
    while !rest.ends_with(b"no more") {
        let mut piece = [0; 4096];
        let len = (&fifo).read(&mut piece).unwrap();
        rest.extend_from_slice(&piece[..len]);
    }
    let delivered: usize = all.split_inclusive('\n').take(last as usize).map(str::len).sum();
    let left = &all[delivered + unfinished..];
    assert_eq!(rest.len(), left.len() + "no more".len(), "something was read and not delivered");
    assert!(rest.starts_with(left.as_bytes()));
    writer.join().unwrap();
}

#[test]
fn it_ends_while_the_source_blocks_is_missing_or_has_begun_a_line() {
    let begun = file("begun", "{\"n\"");
    for (path, unfinished) in [(fifo("blocked"), 0), (fresh("missing"), 0), (begun, 4)] {
        let program = Program::start(&path, &[]);
        let mut client = program.listen();
        program.status_when(|status| status["reads"].as_u64() >= Some(2));
        program.signal("TERM");
        let end = std::iter::from_fn(|| client.next()).last().unwrap();
        assert_eq!(end.name, "end");
        let (said, code) = program.end();
        assert!(said.contains(&format!(" {unfinished} bytes of an unfinished line\n")), "{said}");
        assert_eq!(code, Some(0));
    }
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let path = file("twice", "");
    let mut program = Program::start(&path, &["--queue", "65536"]);
    let slow = program.listen(); // takes nothing, so that the end has to wait for it
    assert_eq!(program.line(), "client 1 connected");
    let line = format!("{{\"text\": \"{}\"}}\n", "x".repeat(50_000));
    append(&path, line.repeat(1000));
    program.status_when(|status| status["messages"] == 1000);
    program.signal("INT");
    assert_eq!(program.line(), "ending: what was read is delivered (Ctrl-C: at once)");
    program.signal("INT");
    assert_eq!(program.end(), (String::new(), Some(130)));
    drop(slow);
}

#[test]
fn a_bad_argument_is_one_line_that_names_the_remedy() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    for (arguments, complaint) in [
        (&[][..], "name the file or FIFO to read: live_feed PATH"),
        (&["--addr", "x"], "unknown option `--addr`"),
        (&["a", "b"], "one PATH is enough, and `b` is a second one"),
        (&["a", "--port"], "`--port` needs a number up to 65535"),
        (&["a", "--port", "65536"], "`--port` needs a number up to 65535, and `65536` is not one"),
        (&["a", "--queue", "0"], "`--queue` takes 1 to 65536, not 0"),
        (&[folder], &format!("`{folder}` is a folder: name a file or a FIFO")),
    ] {
        let output = run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, format!("live_feed: {complaint} (see --help)\n"));
        assert_eq!((output.stdout.as_slice(), output.status.code()), (&b""[..], Some(2)));
    }
}

#[test]
fn a_port_in_use_is_one_line_that_names_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["a", "--port", &port]);
    let said = String::from_utf8(output.stderr).unwrap();
    let start = format!("live_feed: cannot serve on 127.0.0.1:{port}: Address already in use");
    assert!(said.starts_with(&start) && said.ends_with(" (see --port)\n"), "{said}");
    assert_eq!((said.lines().count(), output.status.code()), (1, Some(1)));
}

#[test]
fn help_is_on_stdout() {
    let output = run(&["--help"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for name in ["PATH", "--port", "--queue", "--help", "/events", "/status", "/messages"] {
        assert!(said.contains(name), "{name} is missing");
    }
    assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(0)));
}
