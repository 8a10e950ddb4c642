//! `cargo run --release -p taketurns-benches --bin dump`: a dump of 100,000 live tasks, made by another thread.
//!
//! **Measured**: how long `Handle::dump` takes on that thread, and for how long it keeps the loop from giving turns. For that a
//! task yields all the while, and notes the longest time between two of its turns: in CPU time of the loop's thread, as on the wall
//! the system takes the core away for longer. The same without a dump stands beside it. The median of 21 dumps, the best and the
//! worst, each after 20 ms of turns. With `slab` as an argument the runtime has a task slab, with `idle` nothing yields, with `waits` it
//! is known what each task waits for.
//!
//! **Not claimed**: that the loop runs on at full speed meanwhile. A dump costs it as much time in all as one slice after the
//! other takes; that is in the first column.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::env;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use taketurns::time::sleep;
use taketurns::{Builder, spawn, yield_now};
use taketurns_benches::cpu::thread_time;

const TASKS: usize = 100_000;
const DUMPS: usize = 21;

fn main() -> std::io::Result<()> {
    let has = |word| env::args().any(|argument| argument == word);
    let runtime = Builder::new().task_slab(has("slab")).report_deadlocks(has("waits")).build()?;
    let handle = runtime.handle();
    let [mut takes, mut stops, mut without] = [const { Vec::new() }; 3];
    runtime.block_on(async {
        for _ in 0..TASKS {
            match has("waits") {
                true => spawn(sleep(Duration::from_secs(3600))).detach(),
                false => spawn(pending::<()>()).detach(),
            }
        }
        let longest = Rc::new(Cell::new(Duration::ZERO));
        if !has("idle") {
            let longest = Rc::clone(&longest);
            spawn(async move {
                let mut last = thread_time();
                loop {
                    yield_now().await;
                    let now = thread_time();
                    longest.set(longest.get().max(now - last));
                    last = now;
                }
            })
            .detach();
        }
        for _ in 0..DUMPS {
            let ask = |dumps: bool| {
                let (handle, (tell, told)) = (handle.clone(), oneshot::channel());
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    let begin = Instant::now();
                    let dump = dumps.then(|| handle.dump(Duration::from_secs(10)));
                    let took = begin.elapsed();
                    let _ = tell.send((took, dump.map_or(TASKS, |dump| dump.tasks().len())));
                });
                told
            };
            yield_now().await;
            longest.set(Duration::ZERO);
            ask(false).await.expect("the thread answers");
            without.push(longest.replace(Duration::ZERO));
            let (took, tasks) = ask(true).await.expect("the thread answers");
            assert!(tasks >= TASKS);
            takes.push(took);
            stops.push(longest.get());
        }
    });
    println!("{TASKS} live tasks             median        best       worst");
    for (what, times) in [
        ("a dump takes       ", &mut takes),
        ("the loop stops for ", &mut stops),
        ("without a dump     ", &mut without),
    ] {
        times.sort();
        let [median, best, worst] = [DUMPS / 2, 0, DUMPS - 1].map(|nth| times[nth]);
        println!("{what}      {median:>10.2?}  {best:>10.2?}  {worst:>10.2?}");
    }
    Ok(())
}
