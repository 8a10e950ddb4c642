//! Lesson 36: tasks that wait for each other. The loop tells of it while it waits: what is certain, and what is suspected.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::channel::oneshot;
use taketurns::insight::{Deadlock, Finding};
use taketurns::sync::Mutex;
use taketurns::time::timeout;
use taketurns::{JoinHandle, yield_now};

use crate::exercise::exercise;
use crate::lane::{self, lane, spawn_named};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::{self, Recorded};
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 36,
    slug: "deadlock",
    title: "tasks that wait for each other",
    moral: "Take locks in one order; have deadlocks reported.",
    source: include_str!("deadlock.rs"),
    next: Next {
        file: "insight/deadlock_watch.rs",
        item: "fn look_for_circles",
        why: "what the loop looks for before it parks",
    },
    exercise: exercise!("deadlock"),
    twin: script!("36"),
    play,
};

/// After this no report is to come any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found, and the text of the report.
type Told = (Finding, String);

/// A loop that reports deadlocks to this function, the suspected ones after 50 ms.
fn reporting(report: impl Fn(Told) + Send + Sync + 'static) -> io::Result<Recorded> {
    let told = move |deadlock: &Deadlock| report((deadlock.finding(), deadlock.to_string()));
    let builder = timeline::builder().on_lost(|_| {}).deadlock_grace(Duration::from_millis(50));
    // [show
    // all of them
    let builder = builder.on_deadlock(told);
    // show]
    Ok(builder.build()?.into())
}

/// Runs `main`, which is given the reports.
fn with_reports<F: Future>(
    main: impl FnOnce(UnboundedReceiver<Told>) -> F,
) -> io::Result<F::Output> {
    let (tell, told) = unbounded();
    let runtime = reporting(move |report| _ = tell.unbounded_send(report))?;
    Ok(runtime.block_on(lane("main", main(told))))
}

/// The first report; then the tasks that it is about are dropped.
async fn first(mut reports: UnboundedReceiver<Told>) -> Option<Told> {
    let report = timeout(PATIENCE, reports.next()).await.ok().flatten();
    say!("neither goes on");
    report
}

/// Where a task finds the handle of the other.
type Slot = Rc<Cell<Option<JoinHandle<()>>>>;

async fn awaits(other: &'static str, handle: Slot) {
    let handle = handle.take().expect("it is there before the first turn");
    say!("awaits {other}");
    let _ = handle.await;
}

async fn each_other(reports: UnboundedReceiver<Told>) -> Option<Told> {
    let (of_a, of_b) = (Slot::default(), Slot::default());
    // [show
    // circle
    let a = spawn_named("a", awaits("b", of_b.clone()));
    let b = spawn_named("b", awaits("a", of_a.clone()));
    // show]
    of_a.set(Some(a));
    of_b.set(Some(b));
    first(reports).await
}

type Lock = Rc<Mutex<()>>;

async fn takes(first: Lock, second: Lock) {
    // [show
    // lock order: one task is given the locks the other way round
    let _first = first.lock().await;
    say!("has one lock");
    yield_now().await;
    let _second = second.lock().await;
    // show]
    say!("has both");
}

/// Two tasks that take both locks, in one order or each in its own.
fn two(one_order: bool) -> [JoinHandle<()>; 2] {
    let (one, two) = (Lock::default(), Lock::default());
    let a = spawn_named("a", takes(one.clone(), two.clone()));
    let b = if one_order { takes(one, two) } else { takes(two, one) };
    [a, spawn_named("b", b)]
}

async fn in_two_orders(reports: UnboundedReceiver<Told>) -> Option<Told> {
    let _tasks = two(false);
    first(reports).await
}

async fn in_one_order(mut reports: UnboundedReceiver<Told>) -> Option<Told> {
    for task in two(true) {
        task.await.expect("it does not panic");
    }
    reports.try_recv().ok()
}

/// A task waits for a thread that the runtime does not know of, and that answers once the deadlock was suspected.
fn for_a_thread() -> io::Result<Option<Told>> {
    let (tell, told) = mpsc::channel();
    let runtime = reporting(move |report| _ = tell.send(report))?;
    runtime.block_on(lane("main", async {
        let (send, answer) = oneshot::channel();
        let answers = thread::spawn(move || {
            let report = told.recv_timeout(PATIENCE);
            lane::thread("thread", || say!("answers"));
            let _ = send.send(());
            report.ok()
        });
        say!("waits for a thread");
        // [show
        // suspicion: a thread that the loop does not know of is to send it
        let _ = answer.await;
        // show]
        say!("goes on");
        answers.join().map_err(|_| io::Error::other("the thread panicked"))
    }))
}

fn is(told: Option<&Told>, finding: Finding, texts: &[&str]) -> bool {
    told.is_some_and(|(found, text)| {
        *found == finding && texts.iter().all(|part| text.contains(part))
    })
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let each_other =
        stage.scene("circle", "two tasks await each other", || with_reports(each_other))?;
    let two_orders = stage.scene(
        "lock order",
        "each task takes first the lock that the other takes second",
        || with_reports(in_two_orders),
    )?;
    let thread = stage.scene("suspicion", "a task waits for a thread", for_a_thread)?;
    let one_order =
        stage.scene("right way", "take the locks in one order", || with_reports(in_one_order))?;
    stage.why(
        "Each task waits for what only the other can do, and each that waits is idle as a server is that waits for \
         a request. But a handle knows which task awaits it, and a lock which task holds it. Before the loop \
         parks, it looks whether tasks wait for each other and for nothing else. That is certain, so it is \
         told at once, while other tasks go on:",
    );
    for told in each_other.value.iter().chain(&two_orders.value) {
        stage.quote(&told.1);
    }
    stage.note(
        "Where nothing is left that could wake any task, it is only suspected, and told after a grace. A thread of the \
         program may still do so, as here, where it answers once the loop has told:",
    );
    if let Some(told) = &thread.value {
        stage.quote(&told.1);
    }
    stage.by_nature("asyncio waits, and says nothing, in its debug mode either.");
    let never = ["awaits b", "awaits a", "neither goes on"];
    stage.check(
        "two tasks that await each other are named as a circle",
        each_other.is(&never)
            && is(
                each_other.value.as_ref(),
                Finding::Circle,
                &["in a circle: task #1 \"a\" waits for task #2 \"b\", which waits for task #1"],
            ),
    );
    let lock = "waits for the `Mutex::lock()` at examples/tour/lessons/deadlock.rs:";
    stage.check(
        "of two locks it says which task holds which, and the line that waits",
        two_orders.is(&["has one lock", "has one lock", "neither goes on"])
            && is(two_orders.value.as_ref(), Finding::Circle, &[lock, "a", "b"]),
    );
    stage.check(
        "what a thread could still end was suspected, before the thread answered",
        thread.is(&["waits for a thread", "answers", "goes on"])
            && is(thread.value.as_ref(), Finding::Suspected, &["keep a `Handle`"]),
    );
    stage.check(
        "in one order both had both locks, and nothing was told",
        one_order.is(&["has one lock", "has both", "has one lock", "has both"])
            && one_order.value.is_none(),
    );
    let silent = ["an hour later nothing was told"];
    stage.check(
        "asyncio told of neither",
        each_other.asyncio_alone(&silent) && two_orders.asyncio_alone(&silent),
    );
    Ok(())
}
