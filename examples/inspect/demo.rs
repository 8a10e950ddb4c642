//! A program to try it on: two loops with some tasks, and a task that blocks its loop when told.

use std::error::Error;
use std::future::pending;
use std::io::{self, BufRead};
use std::process;
use std::time::Duration;

use taketurns::insight::Serve;
use taketurns::task::{Builder, join_all};
use taketurns::time::{interval, sleep};
use taketurns::{Background, JoinHandle, spawn, spawn_blocking};

use super::show;

/// A task with a name, spawned where this is called.
#[track_caller]
fn named<F: Future + 'static>(name: &str, future: F) -> JoinHandle<F::Output> {
    Builder::new().name(name).spawn(future)
}

/// A line from the user; `None` at the end of the input.
fn line() -> Option<String> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).unwrap_or_default();
    (read > 0).then_some(line)
}

async fn tick(every: Duration) {
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        spawn(async {}).detach();
    }
}

/// A tree: it awaits two tasks, which await others.
async fn build(depth: u32) {
    if depth == 0 {
        return sleep(Duration::from_secs(3600)).await;
    }
    let parts = ["left", "right"].map(|side| named(side, Box::pin(build(depth - 1))));
    for part in join_all(parts).await {
        part.expect("it does not panic");
    }
}

pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let worker = Background::start(taketurns::Builder::new(), async |stop| {
        let ticks = named("heartbeat", tick(Duration::from_millis(50)));
        stop.cancelled().await;
        ticks.abort();
    })?;
    let _worker = Serve::new().name("worker").start(&worker.handle())?;

    // What is known of its tasks while it is stuck, its timeline, and what each task waits for.
    let builder = taketurns::Builder::new().task_slab(true).trace(10_000).on_deadlock(|_| ());
    let runtime = builder.build()?;
    let server = Serve::new().name("main").http(0).start(&runtime.handle())?;
    let path = server.path().display().to_string();
    println!("process {}, socket {}", process::id(), show::lines(&path));
    println!("page {}", server.url().expect("it has one"));
    println!("Enter: a task blocks the loop until the next Enter. Ctrl-D: the end.");
    runtime.block_on(async {
        named("clock", tick(Duration::from_millis(200))).detach();
        named("builder", build(2)).detach();
        named("forgotten", pending::<()>()).detach();
        named("<img src=x onerror=alert(1)>", pending::<()>()).detach(); // a name may be anything
        let user = named("user", async {
            while spawn_blocking(line).await.expect("it does not panic").is_some() {
                println!("the loop is blocked");
                line(); // the mistake: not by `spawn_blocking`
                println!("the loop goes on");
            }
        });
        user.await.expect("it does not panic");
    });
    drop(runtime.shutdown()); // its report lists the tasks above, which never end
    Ok(())
}
