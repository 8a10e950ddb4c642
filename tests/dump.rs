//! A dump lists every live task: from any thread, of a loop that runs and of one that is stuck.

use std::collections::HashSet;
use std::future::pending;
use std::panic::Location;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use taketurns::executor::Id;
#[cfg(feature = "time")]
use taketurns::insight::Named as _;
use taketurns::insight::{Dump, DumpedTask};
use taketurns::sync::Event;
use taketurns::{Builder, Handle, JoinHandle, Runtime, spawn, task, yield_now};

#[path = "dump/holders.rs"]
mod holders;
#[path = "dump/silent.rs"]
mod silent;

/// For a loop that answers. It ends the wait of a test that would hang otherwise.
const LONG: Duration = Duration::from_secs(300);

/// The line on which it is called, as a place in the source with this column.
#[track_caller]
fn site(column: u32) -> String {
    let here = Location::caller();
    format!("{}:{}:{column}", here.file(), here.line())
}

/// Has another thread make a dump, while the loop runs.
async fn dump_by_a_thread(handle: &Handle, limit: Duration) -> Dump {
    let (handle, (tell, told)) = (handle.clone(), futures::channel::oneshot::channel());
    thread::spawn(move || tell.send(handle.dump(limit)));
    told.await.unwrap()
}

fn ids(dump: &Dump) -> Vec<String> {
    dump.tasks().iter().map(|task| task.info().id().to_string()).collect()
}

#[test]
fn another_thread_sees_what_each_task_of_a_running_loop_is_and_which_task_awaits_it() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (at, dump) = runtime.block_on(async {
        let (mut at, (tell, told)) = (Vec::new(), futures::channel::oneshot::channel());
        at.push(site(13));
        spawn(async move {
            let inner = task::Builder::new().name("inner").spawn(pending::<()>());
            inner.await.unwrap();
        })
        .detach();
        let outer = spawn(async { told.await.unwrap() });
        let dumps = spawn(async move {
            let dump = dump_by_a_thread(&handle, LONG).await;
            tell.send(dump).unwrap();
        });
        dumps.detach();
        (at, outer.await.unwrap())
    });
    let _ = at;
    let text = dump.to_string();
    let without_sites: Vec<String> = text.lines().map(without_site).collect();
    assert_eq!(
        without_sites,
        [
            "4 tasks and the future of `block_on`:",
            "the future of `block_on`, called at _, polled once, waiting",
            "  task #2, spawned at _, polled once, waiting",
            "task #1, spawned at _, polled once, waiting",
            "  task #4 \"inner\", spawned at _, polled once, stuck: no waker of it is left",
            "task #3, spawned at _, polled once, waiting",
        ]
    );
    assert!(dump.is_answered());
}

/// The line with "_" in place of the place in this file.
fn without_site(line: &str) -> String {
    let Some((before, after)) = line.split_once(" at tests/dump") else { return line.into() };
    let (_, after) = after.split_once(".rs:").unwrap();
    let rest = after.trim_start_matches(|char: char| char.is_ascii_digit() || char == ':');
    format!("{before} at _{rest}")
}

#[test]
fn a_place_in_the_dump_is_where_the_task_was_spawned() {
    let runtime = Runtime::new().unwrap();
    let (task, at) = (runtime.spawn(pending::<()>()), site(31));
    let expected = format!("1 task:\ntask #1, spawned at {at}, never polled, ready to run");
    assert_eq!(runtime.dump().to_string(), expected);
    assert!(runtime.dump().tasks()[0].waits().is_none(), "the runtime does not note it");
    drop(task);
}

#[test]
fn a_dump_polls_nothing() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let polls =
        |dump: &Dump| dump.tasks().iter().map(|task| task.info().polls()).collect::<Vec<_>>();
    runtime.block_on(async {
        let tasks: Vec<JoinHandle<()>> = (0..10).map(|_| spawn(pending())).collect();
        yield_now().await;
        let first = dump_by_a_thread(&handle, LONG).await;
        let second = dump_by_a_thread(&handle, LONG).await;
        assert_eq!(polls(&first)[1..], [1; 10]);
        assert_eq!(polls(&second)[1..], [1; 10]);
        drop(tasks);
    });
}

#[test]
fn in_a_task_a_dump_does_not_wait_for_itself() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let dump =
        runtime.block_on(async move { spawn(async move { handle.dump(LONG) }).await.unwrap() });
    assert!(dump.is_answered());
    let lines: Vec<String> = dump.to_string().lines().map(without_site).collect();
    assert_eq!(lines[2], "  task #1, spawned at _, polled once, running");
}

#[test]
fn with_a_slab_an_answered_dump_says_what_woke_each_task_last() {
    let runtime = Builder::new().task_slab(true).build().unwrap();
    let handle = runtime.handle();
    let woken_by = runtime.block_on(async {
        let (by_task, told) = futures::channel::oneshot::channel::<()>();
        spawn(async {
            let _ = told.await;
            pending::<()>().await;
        })
        .detach();
        let (by_thread, told) = futures::channel::oneshot::channel::<()>();
        spawn(async {
            let _ = told.await;
            pending::<()>().await;
        })
        .detach();
        yield_now().await;
        drop(by_task);
        thread::spawn(|| drop(by_thread)).join().unwrap();
        let dump = dump_by_a_thread(&handle, LONG).await;
        let tasks = &dump.tasks()[1..];
        tasks.iter().map(|task| task.woken_by().unwrap().to_string()).collect::<Vec<_>>()
    });
    assert_eq!(woken_by, ["the future of `block_on`", "another thread"]);
}

/// As deadlocks are to be reported, the runtime notes what its tasks wait for.
#[test]
fn a_runtime_that_reports_deadlocks_says_what_each_task_waits_for() {
    let runtime = Builder::new().report_deadlocks(true).build().unwrap();
    let handle = runtime.handle();
    let (dump, made) = runtime.block_on(async {
        let (event, made) = (Rc::new(Event::new()), site(38));
        for _ in 0..7 {
            let event = Rc::clone(&event);
            spawn(async move { event.wait().await }).detach();
        }
        let tasks: Vec<_> = (0..2).map(|_| spawn(pending::<()>())).collect();
        spawn(task::join_all(tasks)).detach();
        let dump = dump_by_a_thread(&handle, LONG).await;
        event.set();
        (dump, made)
    });
    let lines: Vec<String> = dump.to_string().lines().skip(2).map(without_site).collect();
    let lines: Vec<String> = lines.iter().map(|line| line.replace(&made, "made")).collect();
    assert_eq!(
        lines,
        [
            "7 tasks spawned at _, waiting (#1 to #7); polled once each; each waits as #1 does: waits for the `Event` made at made",
            "task #10, spawned at _, polled once, waiting",
            "  task #8, spawned at _, polled once, stuck: no waker of it is left",
            "  task #9, spawned at _, polled once, stuck: no waker of it is left",
        ]
    );
}

#[cfg(feature = "time")]
#[test]
fn a_wait_has_the_programs_name_for_it_and_says_when_it_is_over() {
    let runtime = Builder::new().report_deadlocks(true).build().unwrap();
    let handle = runtime.handle();
    let dump = runtime.block_on(async {
        spawn(taketurns::time::sleep(LONG).named("the night")).detach();
        dump_by_a_thread(&handle, LONG).await
    });
    let waits = dump.tasks()[1].waits().unwrap();
    let labels: Vec<_> = waits.iter().map(|wait| (wait.depth(), wait.label())).collect();
    assert_eq!(labels, [(0, Some("the night")), (1, None)]);
    assert_eq!(waits[0].due_in(), None);
    let due_in = waits[1].due_in().unwrap();
    assert!(!due_in.is_zero() && due_in <= LONG, "{due_in:?}");
}

/// `FuturesUnordered` polls its parts by wakers of its own, which lead to no task.
#[test]
fn a_task_that_is_awaited_by_a_foreign_combinator_stands_below_its_awaiter() {
    let runtime = Builder::new().report_deadlocks(true).build().unwrap();
    let handle = runtime.handle();
    let dump = runtime.block_on(async {
        let tasks: FuturesUnordered<_> = (0..2).map(|_| spawn(pending::<()>())).collect();
        spawn(tasks.collect::<Vec<_>>()).detach();
        dump_by_a_thread(&handle, LONG).await
    });
    let awaited: Vec<_> = dump.tasks()[1..].iter().map(DumpedTask::awaited_by).collect();
    let awaiter = dump.tasks()[3].info().id();
    assert_eq!(awaited, [Some(awaiter), Some(awaiter), None]);
}

/// Tasks come and go while another thread makes dumps: no task is told twice, and none that lives all the while is left out.
#[test]
fn in_a_storm_of_spawns_every_task_that_stays_is_told_once() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
    runtime.block_on(async {
        let mut stay = HashSet::new();
        for _ in 0..2000 {
            spawn(yield_now()).detach(); // leaves a gap
            let stays = spawn(pending::<()>());
            stay.insert(stays.id());
            stays.detach();
        }
        let storm = spawn(async move {
            while stopped.try_recv().is_err() {
                for _ in 0..50 {
                    spawn(yield_now()).detach();
                }
                yield_now().await;
            }
        });
        for _ in 0..20 {
            let dump = dump_by_a_thread(&handle, LONG).await;
            let told: Vec<Id> = dump.tasks().iter().map(|task| task.info().id()).collect();
            let once: HashSet<Id> = told.iter().copied().collect();
            assert_eq!(told.len(), once.len());
            assert!(once.is_superset(&stay));
        }
        drop(stop);
        storm.abort();
    });
}

/// Two tasks yield all the while, one at each end of the list. By the time that the second is told it has had more turns.
#[test]
fn other_tasks_have_turns_while_a_long_list_is_told() {
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle();
    async fn yields() {
        loop {
            yield_now().await;
        }
    }
    let polls = runtime.block_on(async {
        let first = spawn(yields());
        let between: Vec<_> = (0..20_000).map(|_| spawn(pending::<()>())).collect();
        let last = spawn(yields());
        let dump = dump_by_a_thread(&handle, LONG).await;
        assert_eq!(dump.tasks().len(), between.len() + 3);
        let polls = [first.id(), last.id()].map(|id| {
            let task = dump.tasks().iter().find(|task| task.info().id() == id);
            task.unwrap().info().polls()
        });
        first.abort();
        last.abort();
        polls
    });
    assert!(polls[1] > polls[0] + 2, "{polls:?}");
}

/// A task arms another timer in each of its turns, after 20,000 others: what is told of that one is of a later turn than what was
/// told of the task before.
#[cfg(feature = "time")]
#[test]
fn other_tasks_have_turns_while_a_long_list_of_waits_is_told() {
    use taketurns::time::{Clock, sleep};

    const HOUR: u64 = 3600;
    let builder = Builder::new().report_deadlocks(true).clock(Clock::Manual);
    let runtime = builder.event_interval(1).build().unwrap(); // a look between two turns
    let handle = runtime.handle();
    runtime.block_on(async {
        let sleepers: Vec<_> =
            (0..20_000).map(|_| spawn(sleep(Duration::from_secs(HOUR)))).collect();
        yield_now().await;
        let arms = spawn(async {
            for turn in 1.. {
                let mut timer = Box::pin(sleep(Duration::from_secs(HOUR + turn)));
                assert!(futures::poll!(timer.as_mut()).is_pending());
                yield_now().await;
            }
        });
        let dump = dump_by_a_thread(&handle, LONG).await;
        arms.abort();
        assert_eq!(dump.tasks().len(), sleepers.len() + 2);
        let task = dump.tasks().iter().find(|task| task.info().id() == arms.id()).unwrap();
        let due = task.waits().unwrap()[0].due_in().unwrap();
        let turns = [task.info().polls(), due.as_secs() - HOUR];
        assert!(turns[1] > turns[0] + 4, "{turns:?}");
    });
}
