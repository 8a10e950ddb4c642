//! A loop that is stuck: everything still answers.

use std::panic::Location;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use taketurns::insight::{Serve, Server};
use taketurns::{Runtime, task};

use super::client::{Client, LOST, get};

/// Runs `ask` while a task named "hog" blocks a loop of this name. It is given the place where the task was spawned.
fn while_stuck(name: &'static str, ask: impl FnOnce(&Server, &str)) {
    let (send_server, server) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let (tell, is_blocked) = mpsc::channel();
    let looping = thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let serve = Serve::new().name(name).http(0);
        send_server.send(serve.start(&runtime.handle()).unwrap()).unwrap();
        runtime.block_on(async {
            task::Builder::new().name("waiting").spawn(std::future::pending::<()>()).detach();
            let site = Location::caller();
            let hog = task::Builder::new().name("hog").spawn(async move {
                tell.send(format!("{}:{}:", site.file(), site.line() + 1)).unwrap();
                waits.recv().unwrap_err(); // the mistake
            });
            hog.await.unwrap();
        });
    });
    let server = server.recv().unwrap();
    let place = is_blocked.recv().unwrap();
    ask(&server, &place);
    drop(go_on);
    looping.join().unwrap();
}

const REMEDY: &str = "move the call to `spawn_blocking`, or await an async counterpart";

/// What is told of the loop of this name.
fn of<'a>(name: &str, told: &'a Value) -> &'a Value {
    told["loops"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap()
}

#[test]
fn the_socket_names_the_task_that_blocks_the_loop_and_its_place() {
    while_stuck("named", |server, place| {
        let mut client = Client::new(server.path());
        let it = loop {
            let it = of("named", &client.ask_json("loops json")).clone();
            assert_eq!(it["stands"], "runs");
            assert_eq!(it["task"], "task #2 \"hog\"");
            assert!(it["site"].as_str().unwrap().starts_with(place), "{it}");
            assert_eq!((it["live"].as_u64(), it["ready"].as_u64()), (Some(2), Some(0)));
            if !it["stuck_ns"].is_null() {
                break it;
            }
        };
        assert!(it["stuck_ns"].as_u64().unwrap() >= 1_000_000_000);
        let number = &it["number"];
        let line = client.ask(&format!("loops {number}")).unwrap();
        let (_, rest) = line.split_once(": STUCK: ").unwrap();
        let hog = format!("task #2 \"hog\", spawned at {place}");
        assert!(
            rest.starts_with(&hog) && rest.contains(", has had its turn for at least "),
            "{line}"
        );
        assert!(
            rest.contains("; no other task is known to be ready; the thread is blocked in futex"),
            "{line}"
        );
        let stalls = client.ask(&format!("stalls {number}")).unwrap();
        let now = stalls.lines().last().unwrap();
        let end = format!("; {REMEDY}");
        assert!(now.starts_with(&format!("now: {hog}")) && now.ends_with(&end), "{stalls}");
        assert!(stalls.contains("\n1 stall of 1s or more, of "), "{stalls}");
        for question in ["metrics", "dump", "stalls", "deadlocks"] {
            let text = client.ask(&format!("{question} {number}")).unwrap();
            assert!(text.starts_with(&format!("loop {number} \"named\": STUCK: {hog}")));
            let told = client.ask_json(&format!("{question} json {number}"));
            assert_eq!(of("named", &told)["task"], "task #2 \"hog\"");
        }
        let now = of("named", &client.ask_json("stalls json"))["stalls"]["now"].clone();
        assert!(
            now["text"].as_str().unwrap().contains("; the thread is blocked in futex"),
            "{now}"
        );
        assert_eq!(now["remedy"], REMEDY);
    });
}

#[test]
fn a_loop_that_was_not_asked_for_long_is_known_to_be_stuck() {
    while_stuck("seldom", |server, _| {
        let (_never, pace) = mpsc::channel::<()>();
        let seldom = Duration::from_millis(1200); // too seldom to tell from the questions alone
        let asked = || {
            pace.recv_timeout(seldom).unwrap_err();
            of("seldom", &Client::new(server.path()).ask_json("loops json"))["stuck_ns"].is_u64()
        };
        assert!((0..LOST.as_millis() / seldom.as_millis()).any(|_| asked()));
    });
}

#[test]
fn a_stall_that_is_over_is_kept() {
    let runtime = super::program::Folder::new("stall");
    let mut demo = super::program::Demo::start(&runtime);
    let mut client = Client::new(&demo.socket);
    assert_eq!(
        client.ask("stalls 2").unwrap().lines().last(),
        Some("no stall of 1s or more (`Builder::stall_threshold` sets from when on)")
    );
    demo.enter();
    assert_eq!(demo.line(), "the loop is blocked");
    while client.ask_json("loops json 2")["loops"][0]["stuck_ns"].is_null() {}
    demo.enter();
    assert_eq!(demo.line(), "the loop goes on");
    while client.ask_json("loops json 2")["loops"][0]["stuck_ns"].is_u64() {}
    let (stalls, stall) = loop {
        let told = client.ask_json("stalls json 2");
        let stalls = told["loops"][0]["stalls"].clone();
        let [stall] = &stalls["over"].as_array().unwrap()[..] else { panic!("{told}") };
        if stall["ago_ns"] != 0 {
            break (stalls.clone(), stall.clone()); // the watchdog has seen its end
        }
    };
    let text = stall["text"].as_str().unwrap();
    assert!(text.starts_with("task #") && text.contains("\"user\", spawned at "), "{text}");
    assert!(text.contains(", had its turn for about "), "{text}");
    assert_eq!(stall["remedy"], REMEDY);
    assert_eq!((&stalls["count"], &stalls["now"]), (&1.into(), &Value::Null));
    assert!(client.ask("stalls 2").unwrap().contains(&format!(" s ago: {text}\n")));
}

#[test]
fn the_page_is_told_while_the_loop_is_stuck() {
    while_stuck("page", |server, place| {
        let url = server.url().unwrap();
        for file in ["", "page.js", "page.css"] {
            assert_eq!(get(url, file).0, 200);
        }
        loop {
            let (code, _, body) = get(url, "state");
            assert_eq!(code, 200);
            let told: Value = serde_json::from_str(&body).unwrap();
            let it = of("page", &told);
            assert!(it["site"].as_str().unwrap().starts_with(place), "{it}");
            if !it["stuck_ns"].is_null() {
                let stall = &it["stalls"]["now"];
                let text = stall["text"].as_str().unwrap();
                assert!(text.starts_with("task #2 \"hog\", spawned at "), "{stall}");
                assert_eq!(stall["remedy"], REMEDY);
                break;
            }
        }
        assert_eq!(get(url, "dump").0, 200);
    });
}

#[test]
fn the_server_can_be_dropped_while_its_loop_is_stuck() {
    let (send_server, server) = mpsc::channel();
    let (go_on, waits) = mpsc::channel::<()>();
    let (tell, is_blocked) = mpsc::channel();
    let looping = thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        send_server.send(Serve::new().http(0).start(&runtime.handle()).unwrap()).unwrap();
        runtime.block_on(async {
            tell.send(()).unwrap();
            waits.recv().unwrap_err();
        });
    });
    let server = server.recv().unwrap();
    is_blocked.recv().unwrap();
    let url = server.url().unwrap().to_owned();
    assert_eq!(get(&url, "state").0, 200);
    drop(server);
    let (address, _) = super::client::place(&url);
    assert!(std::net::TcpStream::connect(address).is_err(), "nothing listens there any more");
    drop(go_on);
    looping.join().unwrap();
}

#[test]
fn a_watchdog_of_the_programs_own_is_asked_with_its_threshold() {
    let (tell, told) = mpsc::channel();
    let threshold = Duration::from_millis(20);
    let builder = taketurns::Builder::new().stall_threshold(threshold);
    let runtime = builder.on_stall(move |stall| tell.send(stall.clone()).unwrap()).build().unwrap();
    runtime.block_on(async { told.recv().unwrap() }); // the mistake, until it is told
    while !told.recv().unwrap().is_over() {}
    let server = Serve::new().name("watched").start(&runtime.handle()).unwrap();
    let mut client = Client::new(server.path());
    let told = client.ask_json("stalls json");
    let stalls = &of("watched", &told)["stalls"];
    assert_eq!((&stalls["threshold_ns"], &stalls["count"]), (&20_000_000.into(), &1.into()));
    let text = stalls["over"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("the future of `block_on`, called at "), "{text}");
    let text = client.ask("stalls").unwrap();
    assert!(text.contains("\n1 stall of 20ms or more, of "), "{text}");
}
