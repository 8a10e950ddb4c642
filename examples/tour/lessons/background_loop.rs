//! Lesson 3: a loop on a thread of its own, while the main program works. At its end a program leaves threads behind.

#![forbid(unsafe_code)]

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use taketurns::cancel::CancellationToken;
use taketurns::time::sleep;
use taketurns::{Background, Builder, block_on};

use crate::child::{self, Part};
use crate::exercise::exercise;
use crate::lane::{self, lane};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 3,
    slug: "background-loop",
    title: "a loop on a thread of its own",
    moral: "`Background`: a loop that is waited for.",
    source: include_str!("background_loop.rs"),
    next: Next {
        file: "loops/background.rs",
        item: "pub struct Background",
        why: "how such a loop starts, is reached and ends",
    },
    exercise: exercise!("background-loop"),
    twin: script!("03"),
    play,
};

/// What a child process of this lesson plays.
pub(crate) const PART: Part = ("left-behind", left_behind);

/// The main program ends while a thread is at work.
fn left_behind() {
    let (begun, begins) = mpsc::channel();
    let work = async move {
        println!("a");
        println!("Background task iteration 0");
        let _ = begun.send(());
        sleep(Duration::from_secs(1000)).await;
        println!("Background task iteration 1");
        println!("b");
    };
    // [show
    // a thread that is not joined
    thread::spawn(|| block_on(work));
    // show]
    let _ = begins.recv();
    println!("Main program finished");
}

/// Goes on to its end once it is asked to stop.
async fn until_stopped(stop: CancellationToken, begun: Sender<()>) {
    say!("a");
    say!("Background task iteration 0");
    let _ = begun.send(());
    stop.cancelled().await;
    say!("Background task iteration 1");
    sleep(Duration::from_millis(10)).await;
    say!("b");
}

/// A `Background` that goes out of scope.
fn out_of_scope() -> io::Result<()> {
    let (begun, begins) = mpsc::channel();
    let main = |stop| lane("background", until_stopped(stop, begun));
    // [show
    // a loop that is waited for, at the end of its scope at the latest
    let _background = Background::start(Builder::new(), main)?;
    // show]
    begins.recv().map_err(io::Error::other)?;
    say!("Main program finished");
    Ok(())
}

/// A meeting of the two programs, so that no order depends on how fast they are.
struct Meeting {
    reached: Sender<()>,
    goes_on: oneshot::Receiver<()>,
}

/// The other side of a [`Meeting`].
type Other = (Receiver<()>, oneshot::Sender<()>);

fn meeting() -> (Meeting, Other) {
    let (reached, reaches) = mpsc::channel();
    let (go_on, goes_on) = oneshot::channel();
    (Meeting { reached, goes_on }, (reaches, go_on))
}

async fn work(meetings: [Option<Meeting>; 5]) {
    say!("a");
    for (i, meeting) in meetings.into_iter().enumerate() {
        say!("Background task iteration {i}");
        if let Some(meeting) = meeting {
            let _ = meeting.reached.send(());
            let _ = meeting.goes_on.await;
        }
        sleep(Duration::from_millis(10)).await;
    }
    say!("finished");
    say!("b");
}

fn together() -> io::Result<()> {
    let ((first, other), (second, another)) = (meeting(), meeting());
    let meetings = [None, Some(first), None, Some(second), None];
    say!("Main program started");
    let main = |_| lane("background", work(meetings));
    // [show
    let background = Background::start(Builder::new(), main)?;
    // .. the main program works ..
    // show]
    for (n, (reaches, go_on)) in [other, another].into_iter().enumerate() {
        reaches.recv().map_err(io::Error::other)?;
        say!("Main program iteration {n}");
        let _ = go_on.send(());
    }
    // [show
    background.join().map_err(io::Error::other)?;
    say!("Main program finished");
    // show]
    Ok(())
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let left = stage.scene("wrong way", "end the main program while a thread works", || {
        for line in String::from_utf8_lossy(&child::run(PART.0)?.stdout).lines() {
            say!("{line}");
        }
        Ok(())
    })?;
    let scope = stage.scene("end of scope", "leave the scope while the loop works", || {
        lane::thread("main", out_of_scope)
    })?;
    let right = stage
        .scene("right way", "work beside it, then join it", || lane::thread("main", together))?;
    stage.why(
        "A loop on a thread of its own goes on while the main program computes, blocks or sleeps. But a program \
         ends with its main thread, whatever its other threads have in hand. `Background` starts the thread and the \
         loop; `join` waits for what it returns. If it is dropped, it asks its loop to stop, and waits for \
         that.",
    );
    stage.by_nature(
        "Python waits at its end for each thread that is no daemon; only a daemon's work is lost. Rust waits \
         for none.",
    );
    stage.note(
        "The wrong way is another program, run as a child: this is what its reader sees of it. In the other \
         scenes the main program and the background meet, so that their order is the same in each run.",
    );
    stage.slip(
        "Where two threads print, each run may have another order. But `Main program started` always comes first: \
         the main program says it before it starts the thread.",
    );
    let begun = ["a", "Background task iteration 0", "Main program finished"];
    stage.check("a thread that is not joined was lost in the middle of its work", left.is(&begun));
    stage.check(
        "at the end of its scope the `Background` was stopped and waited for",
        scope.is(&[&begun[..], &["Background task iteration 1", "b"]].concat()),
    );
    stage.check(
        "both went on side by side, and `join` waited for the rest",
        right.is(&[
            "Main program started",
            "a",
            "Background task iteration 0",
            "Background task iteration 1",
            "Main program iteration 0",
            "Background task iteration 2",
            "Background task iteration 3",
            "Main program iteration 1",
            "Background task iteration 4",
            "finished",
            "b",
            "Main program finished",
        ]),
    );
    Ok(())
}
