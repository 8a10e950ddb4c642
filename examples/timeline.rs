//! The timeline of a small program that has three mistakes in it.
//!
//!     $ cargo run --example timeline -- /tmp
//!     (a chart, and what is wrong)
//!     /tmp/timeline.html: open it in a browser
//!     /tmp/timeline.json: open it in https://ui.perfetto.dev
//!
//! With a number after the folder it goes on until there are so many events.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fs;
use std::future::pending;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use taketurns::sync::channel;
use taketurns::time::{interval, sleep};
use taketurns::{Builder, spawn, task, yield_now};

fn named(name: &str) -> task::Builder {
    task::Builder::new().name(name)
}

/// Three readers of a channel, a task that ticks, and what goes wrong.
async fn program(events: usize) {
    let (sender, receiver) = channel::bounded::<u32>(4);
    for number in 1..=3 {
        let receiver = receiver.clone();
        let read = async move { while receiver.recv().await.is_ok() {} };
        named(&format!("reader {number}")).spawn(read).detach();
    }
    let ticks = async {
        let mut ticks = interval(Duration::from_millis(5));
        loop {
            ticks.tick().await;
        }
    };
    named("ticker").spawn(ticks).detach();
    named("forgotten").spawn(pending::<()>()).detach();
    for round in 0..8 {
        for item in 0..5 {
            sender.send(item).await.expect("the readers read on");
        }
        sleep(Duration::from_millis(10)).await;
        if round == 3 {
            // A thread that sleeps cannot do anything else meanwhile: neither can the tasks.
            named("blocker").spawn(async { thread::sleep(Duration::from_millis(40)) }).detach();
        }
    }
    // Three events a turn: begun, woken, ended.
    for _ in 0..events / 3 / 10 {
        let turns: Vec<_> = (0..10).map(|_| spawn(yield_now())).collect();
        for turn in turns {
            turn.await.expect("it only yields");
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".into()));
    let events = arguments.next().map_or(Ok(0), |number| number.parse())?;
    let runtime = Builder::new().trace(10_000.max(2 * events)).on_lost(|_| {}).build()?;
    runtime.block_on(program(events));
    let handle = runtime.handle();
    drop(runtime); // the tasks that it still has are lost
    let trace = handle.trace().expect("the builder asked for one");
    print!("{}", trace.to_text());
    for (name, text, opens) in [
        ("timeline.html", trace.to_html(), "a browser"),
        ("timeline.json", trace.to_perfetto(), "https://ui.perfetto.dev"),
    ] {
        let path = folder.join(name);
        fs::write(&path, text)?;
        println!("{}: open it in {opens}", path.display());
    }
    Ok(())
}
