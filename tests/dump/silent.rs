//! Of a loop that does not answer: it is stuck, or in no run, or has ended, or too many ask it.

use std::future::pending;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use taketurns::insight::Dump;
use taketurns::{Builder, Handle, Runtime, spawn, task, yield_now};

use super::{LONG, dump_by_a_thread, ids, without_site};

/// For a loop that does not answer.
const SHORT: Duration = Duration::from_millis(20);

/// Has another thread make a dump, and blocks the loop meanwhile.
fn dump_while_stuck(handle: &Handle) -> Dump {
    let (handle, (tell, told)) = (handle.clone(), channel());
    thread::spawn(move || tell.send(handle.dump(SHORT)));
    told.recv().unwrap()
}

#[test]
fn between_two_runs_the_runtime_lists_its_tasks_and_a_handle_says_that_none_is_in_progress() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(pending::<()>());
    runtime.block_on(async {});
    assert_eq!(ids(&runtime.dump()), ["#1"]);
    let dump = runtime.handle().dump(LONG);
    assert!(!dump.is_answered());
    assert_eq!(
        dump.to_string(),
        "no answer, as the loop's own thread asks: no run is in progress; it has 1 task, and 0 in the run queue \
         (with `Builder::task_slab` it writes down which)"
    );
    drop(task);
}

#[test]
fn questions_that_were_given_up_do_not_pile_up() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let asks = handle.clone();
    let ask = move || (0..1000).any(|_| asks.dump(Duration::ZERO).is_answered());
    assert!(!thread::spawn(ask).join().unwrap(), "no run is in progress");
    runtime.run_until_stalled();
    assert_eq!(runtime.metrics().away_wakes, 1);
    let dump = runtime.block_on(dump_by_a_thread(&handle, LONG));
    assert!(dump.is_answered(), "{dump}");
}

/// The answer is the new question's, whole.
#[test]
fn a_question_that_takes_up_an_old_one_is_answered() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (tell, told) = channel();
    let asks = handle.clone();
    let thread = thread::spawn(move || {
        assert!(!asks.dump(Duration::ZERO).is_answered(), "no run is in progress");
        tell.send(()).unwrap();
        asks.dump(LONG)
    });
    told.recv().unwrap();
    let task = runtime.spawn(pending::<()>());
    while !thread.is_finished() {
        runtime.run_until_stalled();
        thread::yield_now();
    }
    let dump = thread.join().unwrap();
    assert_eq!((dump.is_answered(), ids(&dump)), (true, vec![task.id().to_string()]));
}

#[test]
fn a_stuck_loop_without_a_slab_still_says_how_many_tasks_it_has() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let called = line!() + 1;
    let dump = runtime.block_on(async {
        spawn(pending::<()>()).detach();
        yield_now().await;
        spawn(async {}).detach();
        spawn(async {}).detach();
        dump_while_stuck(&handle)
    });
    assert!(!dump.is_answered() && dump.tasks().is_empty());
    // With `inspect` a loop always says which task has its turn.
    let (stands, ready) = if cfg!(feature = "inspect") {
        let root = "the turn of the future of `block_on`";
        (format!("{root}, called at {}:{called}:24; ", file!()), "2 in the run queue")
    } else {
        ("a turn, or looks outside; ".to_owned(), "3 in the run queue or in a turn")
    };
    assert_eq!(
        dump.to_string(),
        format!(
            "no answer from the loop within 20ms: it is in {stands}it has 3 tasks, and {ready} \
             (with `Builder::task_slab` it writes down which)"
        )
    );
}

#[test]
fn a_stuck_loop_with_a_slab_has_written_down_its_tasks() {
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    let dump = runtime.block_on(async {
        let (tell, told) = futures::channel::oneshot::channel();
        spawn(async { told.await.unwrap() }).detach();
        spawn(pending::<()>()).detach();
        spawn(async {}).detach();
        let dumps = async move {
            tell.send(()).unwrap();
            dump_while_stuck(&handle)
        };
        task::Builder::new().name("stuck").spawn(dumps).await.unwrap()
    });
    assert!(!dump.is_answered());
    let lines: Vec<String> = dump.to_string().lines().map(without_site).collect();
    assert_eq!(
        lines,
        [
            "no answer from the loop within 20ms: it is in the turn of task #4 \"stuck\", spawned at _; what it wrote down \
         last, without what each waits for: 3 tasks and the future of `block_on`:",
            "the future of `block_on`, called at _, polled once, waiting; woken last by the program, between turns",
            "task #1, spawned at _, polled once, ready to run; woken last by task #4",
            "task #2, spawned at _, polled once, waiting; woken last by the future of `block_on`",
            "task #4 \"stuck\", spawned at _, polled once, running; woken last by the future of `block_on`",
        ]
    );
}

#[test]
fn when_16_threads_wait_for_a_loop_one_more_is_told_so_at_once() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let asks = |handle: Handle| {
        thread::spawn(move || {
            while !handle.dump(LONG).is_answered() {} // the question below may have its place
        })
    };
    let (askers, refused) = runtime.block_on(async {
        let askers: Vec<_> = (0..16).map(|_| asks(handle.clone())).collect();
        let (asks_too, (tell, told)) = (handle.clone(), channel());
        thread::spawn(move || {
            let begin = Instant::now();
            let dumps = std::iter::repeat_with(|| asks_too.dump(Duration::ZERO));
            let dumps = dumps.take_while(|_| begin.elapsed() < LONG);
            let mut dumps = dumps.map(|dump| (dump.to_string(), dump.to_json()));
            tell.send(dumps.find(|(text, _)| text.starts_with("not asked"))).unwrap();
        });
        (askers, told.recv().unwrap().unwrap()) // blocks the loop
    });
    let (text, json) = refused;
    let why = "not asked, as 16 threads wait for the loop's answers: it is in ";
    assert!(text.starts_with(why), "{text}");
    assert!(json.contains("\"waited_ns\":null,\"is_crowded\":true,"), "{json}");
    runtime.block_on(async {
        while !askers.iter().all(thread::JoinHandle::is_finished) {
            yield_now().await;
        }
        assert!(dump_by_a_thread(&handle, LONG).await.is_answered(), "there is room again");
    });
}

#[test]
fn json_says_how_a_loop_stands_that_does_not_answer() {
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    let json = runtime.block_on(async {
        spawn(pending::<()>()).detach();
        let task = task::Builder::new().name("stuck");
        task.spawn(async move { dump_while_stuck(&handle).to_json() }).await.unwrap()
    });
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    let silence = read["silence"].as_object().unwrap();
    assert!(silence["site"].as_str().unwrap().contains(file!()));
    let told =
        ["waited_ns", "loop", "task", "name", "live", "ready"].map(|key| silence[key].to_string());
    assert_eq!(told, ["20000000", "\"runs\"", "2", "\"stuck\"", "2", "0"]);
    let tasks = read["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 3);
    assert!(tasks.iter().all(|task| task["waits"].is_null()), "not known: {read}");
}

#[test]
fn a_loop_that_was_stuck_answers_again() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async {
        spawn(pending::<()>()).detach();
        assert!(!dump_while_stuck(&handle).is_answered());
        let dump = dump_by_a_thread(&handle, LONG).await;
        assert_eq!(ids(&dump), ["#0", "#1"]);
    });
    assert_eq!(runtime.shutdown().lost().len(), 1);
}

#[test]
fn a_runtime_that_has_ended_has_no_task() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    runtime.spawn(pending::<()>()).detach();
    drop(runtime);
    let dumps = [handle.dump(LONG), thread::spawn(move || handle.dump(LONG)).join().unwrap()];
    for dump in dumps {
        assert!(!dump.is_answered());
        assert_eq!(dump.to_string(), "the runtime has ended: it has no task");
        assert_eq!(dump.to_json(), r#"{"origin":"ended","silence":null,"left_out":0,"tasks":[]}"#);
    }
}

/// The thread asks while no run is in progress; the runtime ends instead of beginning one.
#[test]
fn a_runtime_that_ends_meanwhile_ends_the_wait() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    assert!(!runtime.try_tick().unwrap());
    assert_eq!(runtime.next_deadline(), None);
    let dumps = thread::spawn(move || handle.dump(LONG));
    while runtime.next_deadline().is_none() {
        thread::yield_now(); // until the question is there
    }
    drop(runtime);
    let text = dumps.join().unwrap().to_string();
    assert!(text == "no task" || text == "the runtime has ended: it has no task", "{text}");
}
