//! What a running loop tells: numbers, tasks, those without a waker, its timeline.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::{Client, get};
use super::program::{Demo, Folder, said};

/// The demo, once its tasks are there.
fn demo(name: &str) -> (Folder, Demo, Client) {
    let runtime = Folder::new(name);
    let demo = Demo::start(&runtime);
    let mut client = Client::new(&demo.socket);
    while client.ask_json("loops json 2")["loops"][0]["live"] != 11 {}
    (runtime, demo, client)
}

#[test]
fn the_tasks_are_told_with_those_that_await_them() {
    let (runtime, demo, mut client) = demo("tasks");
    let told = client.ask_json("dump json 2");
    let dump = &told["loops"][0]["dump"];
    assert_eq!(dump["origin"], "loop");
    let tasks = dump["tasks"].as_array().unwrap();
    let names: BTreeMap<u64, &str> = tasks
        .iter()
        .map(|task| (task["id"].as_u64().unwrap(), task["name"].as_str().unwrap_or("")))
        .collect();
    let awaited_by = |task: &Value| task["awaited_by"].as_u64().map(|id| names[&id]);
    let mut tree: Vec<_> =
        tasks.iter().map(|task| (task["name"].as_str().unwrap_or(""), awaited_by(task))).collect();
    tree.sort_unstable();
    let expected = [
        ("", None),
        ("<img src=x onerror=alert(1)>", None),
        ("builder", None),
        ("clock", None),
        ("forgotten", None),
        ("left", Some("builder")),
        ("left", Some("left")),
        ("left", Some("right")),
        ("right", Some("builder")),
        ("right", Some("left")),
        ("right", Some("right")),
        ("user", Some("")),
    ];
    assert_eq!(tree, expected);
    let clock = tasks.iter().find(|task| task["name"] == "clock").unwrap();
    let wait = clock["waits"][0]["text"].as_str().unwrap();
    assert!(wait.contains(" at examples/inspect/demo.rs:"), "{wait}");
    let text = client.ask("dump 2").unwrap();
    assert!(text.contains("\n11 tasks and the future of `block_on`:\n"), "{text}");
    assert!(
        said(&runtime, &["tree", &demo.pid(), "2"]).1.contains("task #1 \"clock\", spawned at")
    );
}

#[test]
fn the_tasks_without_a_waker_are_told() {
    let (_runtime, _demo, mut client) = demo("dead");
    let told = client.ask_json("deadlocks json 2");
    let lines = told["loops"][0]["deadlocks"]["unwakeable"].as_array().unwrap();
    let [one, other] = &lines[..] else { panic!("{told}") };
    assert!(one.as_str().unwrap().starts_with("task #3 \"forgotten\", spawned at "), "{one}");
    assert!(other.as_str().unwrap().starts_with("task #4 \"<img "), "{other}");
    let text = client.ask("deadlocks 2").unwrap();
    assert!(text.contains("\ntasks without a waker:\n  task #3 \"forgotten\""), "{text}");
    let text = client.ask("deadlocks 1").unwrap();
    let nothing =
        "\ndeadlocks are not reported: `Builder::report_deadlocks`\ntasks without a waker: none\n";
    assert!(text.ends_with(nothing), "{text}");
}

#[test]
fn the_numbers_are_told() {
    let (_runtime, demo, mut client) = demo("numbers");
    let turns = |told: &Value| told["loops"][0]["metrics"]["turns"].as_u64().unwrap();
    let first = client.ask_json("metrics json 1");
    while turns(&client.ask_json("metrics json 1")) == turns(&first) {}
    assert!(client.ask("metrics").unwrap().contains("\ntasks: 11 live of "));
    let state: Value = serde_json::from_str(&get(&demo.url, "state").2).unwrap();
    assert_eq!(state["loops"][1]["metrics"]["live"], 11);
}

#[test]
fn the_timeline_is_told_as_a_page_apart() {
    let (_runtime, demo, mut client) = demo("timeline");
    let page = client.ask("trace").unwrap(); // loop 1 keeps none
    assert!(page.starts_with("<!doctype html>") && page.contains("forgotten"));
    let why = client.ask("trace 1").unwrap_err();
    assert_eq!(why, "the loop keeps no timeline: `Builder::trace`");
    assert!(client.ask("trace 2").is_ok());
    let why = client.ask("trace json 1").unwrap_err();
    assert_eq!(why, "the loop keeps no timeline: `Builder::trace`");

    let (code, head, body) = get(&demo.url, "trace?loop=2");
    assert_eq!(code, 200);
    assert!(body.starts_with("<!doctype html>"));
    // Its scripts run, but not as this server's own: they can fetch nothing.
    assert!(head.contains("; sandbox allow-scripts allow-downloads;"), "{head}");
    assert!(!head.contains("allow-same-origin") && !head.contains("connect-src"), "{head}");
    assert_eq!(get(&demo.url, "trace?loop=1").0, 404);
}

#[test]
fn the_timeline_is_written_as_a_page_or_for_perfetto_or_drawn_in_the_terminal() {
    let (runtime, demo, _) = demo("forms");
    let (pid, file) = (demo.pid(), runtime.join("file"));
    let file = file.to_str().unwrap();
    let written = |arguments: &[&str]| {
        let (is_ok, text) = said(&runtime, arguments);
        assert!(is_ok && text.starts_with(&format!("{file}: open it in ")), "{text}");
        std::fs::read_to_string(file).unwrap()
    };
    assert!(written(&["trace", &pid, file]).starts_with("<!doctype html>"));
    let perfetto = written(&["trace", &pid, file, "--perfetto"]);
    let perfetto: Value = serde_json::from_str(&perfetto).unwrap();
    let events = perfetto["traceEvents"].as_array().unwrap();
    assert!(
        events.iter().any(|it| it["args"]["name"].as_str() == Some("#3 forgotten")),
        "{events:?}"
    );

    let (is_ok, text) = said(&runtime, &["trace", "--text", &pid]);
    assert!(is_ok && text.contains("\n█ has its turn  ░ ready"), "{text}");
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
}

#[test]
fn a_runtime_that_has_ended_says_so() {
    let runtime = taketurns::Runtime::new().unwrap();
    let serve = taketurns::insight::Serve::new().name("ended");
    let server = serve.start(&runtime.handle()).unwrap();
    drop(runtime);
    let mut client = Client::new(server.path());
    let told = client.ask("loops").unwrap();
    assert!(told.contains(" \"ended\": has ended\n"), "{told}");
    assert!(client.ask("dump").is_ok() && client.ask("metrics").is_ok());
    let told = client.ask("deadlocks").unwrap();
    assert!(told.contains("\ntasks without a waker: none, as the runtime has ended\n"), "{told}");
    let told = client.ask_json("deadlocks json");
    let it = told["loops"].as_array().unwrap().iter().find(|it| it["name"] == "ended").unwrap();
    assert_eq!(it["deadlocks"]["unwakeable"], serde_json::json!([]));
}

/// The server keeps a handle, but no work comes by it.
#[test]
fn a_run_under_a_virtual_clock_is_found_deadlocked_as_without_a_server() {
    use taketurns::time::Clock;
    let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    let _server = taketurns::insight::serve(&runtime.handle()).unwrap();
    let run = || runtime.block_on(std::future::pending::<()>());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("deadlock: "), "{text}");
}

/// As a page does, which asks again and again.
#[test]
fn a_run_that_is_asked_all_the_while_is_found_deadlocked_too() {
    use taketurns::time::Clock;
    let runtime = taketurns::Builder::new().clock(Clock::AutoAdvance).build().unwrap();
    let server = taketurns::insight::serve(&runtime.handle()).unwrap();
    let mut client = Client::new(server.path());
    let begin = std::time::Instant::now();
    let asks = std::thread::spawn(move || {
        while begin.elapsed() < super::client::LOST && client.try_ask("dump").is_some() {}
    });
    let (kept, waits) = std::sync::mpsc::channel();
    let run = || {
        runtime.block_on(std::future::poll_fn(|cx| {
            kept.send(cx.waker().clone()).unwrap(); // so it is not certain
            std::task::Poll::<()>::Pending
        }));
    };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_err();
    drop(waits);
    assert!(!asks.is_finished(), "the run went on until it was no longer asked");
    drop((server, runtime));
    asks.join().unwrap();
}

#[test]
fn the_deadlocks_that_were_reported_are_told_with_their_circles() {
    use std::rc::Rc;
    use taketurns::insight::{Deadlock, Serve};
    use taketurns::sync::Mutex;
    use taketurns::task;

    let (tell, reported) = std::sync::mpsc::channel();
    let builder = taketurns::Builder::new();
    let on_deadlock = move |it: &Deadlock| tell.send(it.to_string()).unwrap();
    let runtime = builder.on_deadlock(on_deadlock).build().unwrap();
    let server = Serve::new().name("locks").http(0).start(&runtime.handle()).unwrap();
    let mut client = Client::new(server.path());
    let text = client.ask("deadlocks").unwrap();
    assert!(text.contains("\nno deadlock was reported\n"), "{text}");
    runtime.block_on(async {
        let locks = [(); 2].map(|()| Rc::new(Mutex::new(())));
        for (name, [first, second]) in [("one", [0, 1]), ("other", [1, 0])] {
            let (first, second) = (Rc::clone(&locks[first]), Rc::clone(&locks[second]));
            let crossing = async move {
                let _first = first.lock().await;
                taketurns::yield_now().await;
                let _second = second.lock().await;
            };
            task::Builder::new().name(name).spawn(crossing).detach();
        }
        taketurns::spawn_blocking(move || {
            let report = reported.recv().unwrap();
            assert!(report.contains("\nin a circle: task #1 \"one\" waits for "), "{report}");
            let text = client.ask("deadlocks").unwrap();
            assert!(text.contains(&format!(" s ago: {report}\n")), "{text}");
            let state: Value =
                serde_json::from_str(&get(server.url().unwrap(), "state").2).unwrap();
            for told in [client.ask_json("deadlocks json"), state] {
                let mut loops = told["loops"].as_array().unwrap().iter();
                let it = loops.find(|it| it["name"] == "locks").unwrap();
                assert_eq!(it["deadlocks"]["reported"].as_array().unwrap().len(), 1);
                assert_eq!(it["deadlocks"]["reported"][0]["text"], report);
            }
        })
        .await
        .unwrap();
    });
}
