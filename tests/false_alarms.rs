//! A watchdog that cries without a reason is switched off. So: ordinary load, and not one report.
//!
//! Tasks compute for up to a millisecond, sleep, talk over channels and sockets, start blocking jobs, and are woken by other threads;
//! now and then all of them wait. In every other second, twice as many threads compute as there are cores, so that the
//! loop has to wait for its core. If it waits for as long as the threshold, that is told as what it is, and no alarm.
//!
//! `TAKETURNS_CALM_SECONDS` says for how long: 2 by default, 600 in `.ci/deep`. It stands in a file of its own, as its load
//! would slow other tests down.

#![cfg(all(feature = "time", feature = "offload", feature = "net"))]
#![forbid(unsafe_code)]

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures::{AsyncReadExt, AsyncWriteExt};
use taketurns::insight::{Doing, Stall};
use taketurns::net::{TcpListener, TcpStream};
use taketurns::{Builder, Handle, spawn, spawn_blocking, sync, time, yield_now};

const THRESHOLD: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

/// How often something was done.
static DONE: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);

fn is_over() -> bool {
    DONE.fetch_add(1, Relaxed);
    IS_OVER.load(Relaxed)
}

fn compute(micros: u64) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

async fn computes(micros: u64) {
    while !is_over() {
        compute(micros);
        time::sleep(Duration::from_micros(5 * micros)).await;
        yield_now().await;
    }
}

async fn echoes() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut byte = [0];
        while stream.read(&mut byte).await? > 0 {
            stream.write_all(&byte).await?;
        }
        std::io::Result::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    while !is_over() {
        stream.write_all(&[7]).await?;
        stream.read_exact(&mut [0]).await?;
        time::sleep(Duration::from_micros(300)).await;
    }
    drop(stream);
    server.await.unwrap()
}

async fn talks() {
    let (sender, receiver) = sync::channel::bounded(4);
    let sends = spawn(async move {
        while !is_over() {
            sender.send(()).await.unwrap();
            time::sleep(Duration::from_micros(100)).await;
        }
    });
    while receiver.recv().await.is_ok() {}
    sends.await.unwrap();
}

async fn offloads() {
    while !is_over() {
        spawn_blocking(|| thread::sleep(Duration::from_millis(3))).await.unwrap();
        spawn_blocking(|| compute(200)).await.unwrap();
    }
}

/// A thread that sends work, and rests for half a second in each: then the loop has little to do, or nothing.
fn sends(handle: &Handle) {
    while !is_over() {
        let begin = Instant::now();
        while begin.elapsed() < SECOND / 2 && !is_over() {
            handle.spawn(async { compute(50) }).wait().unwrap();
        }
        thread::sleep(SECOND / 2);
    }
}

/// Takes cores away in every other second.
fn hogs() {
    let begin = Instant::now();
    while !IS_OVER.load(Relaxed) {
        if begin.elapsed().as_secs() % 2 == 0 {
            thread::sleep(Duration::from_millis(10));
        } else {
            compute(1000);
        }
    }
}

#[test]
fn ordinary_load_is_not_told_of() {
    let seconds = env::var("TAKETURNS_CALM_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let on_stall = {
        let told = Arc::clone(&told);
        move |stall: &Stall| told.lock().unwrap().push(stall.clone())
    };
    let builder = Builder::new().stall_threshold(THRESHOLD).on_stall(on_stall);
    let runtime = builder.build().unwrap();
    let handle = runtime.handle();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut threads: Vec<_> = (0..2 * cores).map(|_| thread::spawn(hogs)).collect();
    threads.push(thread::spawn(move || sends(&handle)));
    runtime.block_on(async {
        let mut tasks: Vec<_> = [10, 20, 50, 100, 500, 1000].map(|us| spawn(computes(us))).into();
        tasks.push(spawn(talks()));
        tasks.push(spawn(offloads()));
        let echoes = spawn(echoes());
        time::sleep(Duration::from_secs_f64(seconds)).await;
        IS_OVER.store(true, Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        echoes.await.unwrap().unwrap();
    });
    // The threads' last work is done, and then the loop stands still no more.
    while threads.iter().any(|thread| !thread.is_finished()) {
        runtime.block_on(async { time::sleep(Duration::from_millis(1)).await });
    }
    drop(runtime);
    let told = told.lock().unwrap();
    let (starved, alarms): (Vec<_>, Vec<_>) =
        told.iter().partition(|stall| matches!(stall.doing(), Doing::NotScheduled { .. }));
    starved.iter().for_each(|stall| println!("no alarm: {stall}"));
    println!("{} steps, {} alarms", DONE.load(Relaxed), alarms.len());
    assert!(alarms.is_empty(), "{alarms:#?}");
}
