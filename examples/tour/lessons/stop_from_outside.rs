//! Lesson 6: stopping a background loop from outside, so that nothing in its hands is lost.

#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use taketurns::cancel::CancellationToken;
use taketurns::sync::Event;
use taketurns::time::sleep;
use taketurns::{Background, Builder};

use crate::child::{self, Part};
use crate::compiled::is_send;
use crate::exercise::exercise;
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 6,
    slug: "stop-from-outside",
    title: "stopping a background loop",
    moral: "Ask it to stop, and join it.",
    source: include_str!("stop_from_outside.rs"),
    next: Next {
        file: "loops/background.rs",
        item: "pub fn stop",
        why: "the token that the main future is given, and what it must do",
    },
    exercise: exercise!("stop-from-outside"),
    twin: script!("06"),
    play,
};

/// What a child process of this lesson plays.
pub(crate) const PART: Part = ("daemon", daemon);

/// A negative: that the loop has not ended by then shows that it does not end.
const IN_VAIN: Duration = Duration::from_millis(100);

async fn drain() {
    say!("stopping: storing what is in hand");
    sleep(Duration::from_millis(10)).await;
    say!("stopped");
}

/// A flag of threads, and the waker of the task that waits for it, which the flag does not wake.
#[derive(Default)]
struct Flag {
    is_set: AtomicBool,
    waiter: Mutex<Option<Waker>>,
}

impl Flag {
    /// Tells `waits` once it waits.
    async fn wait(&self, waits: &Sender<()>) {
        poll_fn(|cx| {
            if self.is_set.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            *self.waiter.lock().expect("no holder panics") = Some(cx.waker().clone());
            let _ = waits.send(());
            Poll::Pending
        })
        .await;
    }
}

fn set_a_flag() -> io::Result<()> {
    let flag = Arc::<Flag>::default();
    let (waits, waited) = mpsc::channel();
    let (running, ended) = mpsc::channel::<()>();
    let its_flag = flag.clone();
    let background = Background::start(Builder::new(), async move |_| {
        let _running = running;
        its_flag.wait(&waits).await;
        drain().await;
    })?;
    waited.recv().map_err(io::Error::other)?;
    // [show
    flag.is_set.store(true, Ordering::SeqCst); // wakes no task
    // show]
    match ended.recv_timeout(IN_VAIN) {
        Err(RecvTimeoutError::Timeout) => say!("set from another thread: still waiting"),
        _ => say!("set from another thread: woken"),
    }
    let waiter = flag.waiter.lock().expect("no holder panics").take();
    waiter.expect("it waits").wake();
    background.join().map_err(io::Error::other)
}

fn ask_and_join() -> io::Result<()> {
    // [show
    let background = Background::start(Builder::new(), |stop| async move {
        stop.cancelled().await;
        drain().await;
    })?;
    // show]
    // [show
    background.stop(); // wakes the task that waits for `stop`
    background.join().map_err(io::Error::other)?;
    say!("joined");
    // show]
    Ok(())
}

/// Returns what the main future ended with.
fn ends_with_an_error() -> io::Result<Result<(), &'static str>> {
    let background = Background::start(Builder::new(), |stop| async move {
        stop.cancelled().await;
        say!("stopping: no room to store it");
        Err("no room")
    })?;
    background.stop();
    let outcome = background.join().map_err(io::Error::other)?;
    say!("joined");
    Ok(outcome)
}

/// The main program ends while a daemon is at work.
fn daemon() {
    let (taken, takes) = mpsc::channel();
    let work = async move |stop: CancellationToken| {
        println!("took the item");
        let _ = taken.send(());
        stop.cancelled().await;
        println!("stored the item");
    };
    // [show
    let started = Background::daemon(Builder::new(), work); // is not joined
    // show]
    let _daemon = started.expect("the child may start a thread");
    let _ = takes.recv();
    println!("main ends");
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let flag = stage.scene("wrong way", "set a flag that wakes no task", set_a_flag)?;
    let asked = stage.scene("right way", "ask the loop to stop, and join it", ask_and_join)?;
    let error = stage.scene("error", "the loop ends with an error", ends_with_an_error)?;
    let daemon = stage.scene("daemon", "the main program ends before the loop", || {
        let output = child::run(PART.0)?;
        String::from_utf8_lossy(&output.stdout).lines().for_each(|line| say!("{line}"));
        Ok(())
    })?;
    stage.why(
        "A task that waits is polled when it is woken, and not before. A flag of threads wakes no task, so the \
         loop waits on until something else wakes it. A `CancellationToken` may be cancelled on any thread, and \
         wakes each task that waits for it. Then the loop stores what it has in hand, and ends; `join` waits for \
         that. A daemon is neither asked nor waited for: what it has in hand at the end of the program is \
         lost.",
    );
    stage.by_nature(
        "an `Event` is for the tasks of one thread. It is not `Sync`: no `Rc` or `Arc` of it may go to another \
         thread, so a program that sets it from there does not compile. `asyncio.Event` can be set from there, and wakes its waiter no more than the flag does.",
    );
    stage.by_nature(
        "`join` gives what the main future returned, an error too, and a panic as an error. In asyncio the thread's \
         error is printed on it, and `join` gives nothing.",
    );
    stage
        .note("The daemon is another program, run as a child: its lines are counted from outside.");
    stage.check(
        "a flag that wakes no task was not seen, until another wake",
        flag.is(&[
            "set from another thread: still waiting",
            "stopping: storing what is in hand",
            "stopped",
        ]),
    );
    stage.check(
        "the compiler keeps a shared `Event` on its thread, and lets a token cross",
        !is_send!(Arc<Event>) && !is_send!(Rc<Event>) && is_send!(CancellationToken),
    );
    stage.check(
        "asked to stop, the loop stored what it had, and `join` waited for it",
        asked.is(&["stopping: storing what is in hand", "stopped", "joined"]),
    );
    stage.check(
        "the error of the loop was given to `join`; in asyncio `join` did not give it",
        error.value == Err("no room")
            && error.is(&["stopping: no room to store it", "joined"])
            && error.asyncio_alone(&["threading.excepthook alone is told: no room"]),
    );
    stage.check(
        "the daemon took one item, and stored none",
        daemon.count("took") == 1 && daemon.count("stored") == 0 && daemon.count("main ends") == 1,
    );
    Ok(())
}
