//! The watchdog: a task that does not give its turn back is told of while it has it.
//!
//! How long a stall lasts is not up to the clock: a task is stuck until the watchdog has told of it. Then it is released.

#![forbid(unsafe_code)]

#[path = "common/child.rs"]
mod child;

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::panic::{Location, resume_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use taketurns::insight::{Doing, Named, Stall};
use taketurns::{Builder, Runtime, spawn, task, yield_now};

/// So short that a test is quick. A busy machine may take so long over any turn, so a test looks only at the one it is about.
const SHORT: Duration = Duration::from_millis(2);

/// A runtime whose watchdog writes down the stalls that the test is about.
struct Watched {
    runtime: Runtime,
    told: Arc<Mutex<Vec<Stall>>>,
    /// Has something in it for each.
    release: Release,
}

/// Where a task is stuck until it has been told of.
struct Release(mpsc::Receiver<()>);

impl Release {
    fn block(self) {
        self.0.recv().expect("the watchdog tells, or is there to do so");
    }
}

fn watched(is: impl Fn(&Stall) -> bool + Send + Sync + 'static) -> Watched {
    watched_by(Builder::new(), is)
}

fn watched_by(builder: Builder, is: impl Fn(&Stall) -> bool + Send + Sync + 'static) -> Watched {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, release) = mpsc::channel();
    let on_stall = {
        let told = Arc::clone(&told);
        move |stall: &Stall| {
            let mut told = told.lock().unwrap();
            let goes_on = |last: &Stall| !last.is_over() && last.site() == stall.site();
            let of_it = if stall.is_over() { told.last().is_some_and(goes_on) } else { is(stall) };
            if of_it {
                told.push(stall.clone());
                let _ = tell.send(());
            }
        }
    };
    let runtime = builder.stall_threshold(SHORT).on_stall(on_stall).build().unwrap();
    Watched { runtime, told, release: Release(release) }
}

/// Ends the runtime, and with it the watchdog. What that told first and last.
fn told(runtime: Runtime, told: &Mutex<Vec<Stall>>) -> (Stall, Stall) {
    drop(runtime);
    let told = told.lock().unwrap();
    let (first, last) = (told.first().expect("it was told of"), told.last().unwrap());
    assert!(!first.is_over() && first.lasted() >= SHORT, "{told:?}");
    assert!(last.is_over() && last.lasted() >= first.lasted(), "{told:?}");
    assert_eq!(told.iter().filter(|stall| stall.is_over()).count(), 1, "{told:?}");
    assert_eq!((first.task(), first.site()), (last.task(), last.site()));
    (first.clone(), last.clone())
}

/// Whether the thread has come to where it blocks: a busy machine may stop it before that.
fn is_blocked(stall: &Stall) -> bool {
    matches!(stall.doing(), Doing::Blocked(_) | Doing::Unknown)
}

/// The thread of a stall was blocked in a place that begins so, if the system tells that.
fn assert_blocked(stall: &Stall, place: &str) {
    match stall.doing() {
        Doing::Blocked(Some(told)) if cfg!(target_os = "linux") => {
            assert!(told.starts_with(place), "{told}");
        }
        Doing::Unknown if !cfg!(target_os = "linux") => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_that_blocks_is_named_while_it_is_stuck() {
    let watched = watched(|stall| stall.name() == Some("stuck") && is_blocked(stall));
    let release = watched.release;
    let site = watched.runtime.block_on(async {
        let (stuck, site) = (async { release.block() }, Location::caller());
        let task = task::Builder::new().name("stuck").spawn(stuck);
        spawn(async {}).detach();
        task.await.unwrap();
        site
    });
    let handle = watched.runtime.handle();
    let (first, last) = told(watched.runtime, &watched.told);
    let counts = handle.metrics().stalls.unwrap();
    assert!(counts.count >= 1 && counts.longest >= last.lasted(), "{counts:?}");
    assert_eq!(first.task().unwrap().to_string(), "#1");
    let told = first.site().unwrap();
    assert_eq!((told.file(), told.line()), (site.file(), site.line() + 1));
    assert_eq!(first.ready(), 1, "the task that was spawned after it");
    assert!(!first.is_look());
    assert_eq!(first.named_at(), None);
    assert_blocked(&first, "futex");
}

/// Where in the program a turn is, the system does not say. Where it was named, the program has: of what is named inside of each
/// other, the innermost that the turn has not left.
#[test]
fn the_part_of_the_program_that_does_not_end_is_told_if_it_was_named() {
    for is_inner_named in [true, false] {
        let watched = watched(|stall| stall.name() == Some("stuck"));
        let release = watched.release;
        let line = line!();
        let over = async { yield_now().await }.named("over before it");
        let outer = async move {
            over.await;
            let blocks = async { release.block() };
            if is_inner_named { blocks.named("a lock").await } else { blocks.await }
        };
        let outer = outer.named("all of it");
        watched.runtime.block_on(async {
            task::Builder::new().name("stuck").spawn(outer).await.unwrap();
        });
        let (first, last) = told(watched.runtime, &watched.told);
        let expected = if is_inner_named { line + 5 } else { line + 7 };
        assert_eq!(
            [&first, &last].map(|it| it.named_at().map(Location::line)),
            [Some(expected); 2]
        );
        let text = format!(", in what is named at {}:{expected}:", file!());
        assert!(first.to_string().contains(&text), "{first}");
    }
}

#[test]
fn an_endless_loop_is_told_of() {
    let watched = watched(|stall| stall.name() == Some("loops"));
    let told = Arc::clone(&watched.told);
    let endless = async move {
        while told.lock().unwrap().is_empty() {
            // It would never return: that it does is the watchdog's work.
            (0..100_000).for_each(|number| _ = std::hint::black_box(number));
        }
    };
    let spawn = async { task::Builder::new().name("loops").spawn(endless).await.unwrap() };
    watched.runtime.block_on(spawn);
    let (first, _) = self::told(watched.runtime, &watched.told);
    // A machine with other work may give it no core, and that would be told.
    let computes = matches!(first.doing(), Doing::Computing | Doing::NotScheduled { .. });
    assert!(computes || cfg!(not(target_os = "linux")), "{first}");
}

#[test]
fn the_future_of_block_on_is_named_by_its_call() {
    let is_root = |stall: &Stall| stall.task().is_none() && stall.site().is_some();
    let watched = watched(is_root);
    let (release, line) = (watched.release, line!());
    watched.runtime.block_on(async { release.block() });
    let (first, _) = told(watched.runtime, &watched.told);
    assert_eq!(first.site().map(|site| (site.file(), site.line())), Some((file!(), line + 1)));
    assert!(!first.is_look() && first.name().is_none());
    let text = first.to_string();
    assert!(text.contains(" stands still: the future of `block_on`, called at tests"), "{text}");
}

/// A waker that blocks where the loop calls it.
#[cfg(feature = "time")]
#[test]
fn a_look_is_named_when_a_waker_blocks_in_it() {
    use futures::task::{ArcWake, waker};

    struct Blocks(Mutex<Option<Release>>);

    impl ArcWake for Blocks {
        fn wake_by_ref(this: &Arc<Self>) {
            if let Some(release) = this.0.lock().unwrap().take() {
                release.block();
            }
        }
    }

    let watched = watched(|stall| stall.is_look() && is_blocked(stall));
    let waker = waker(Arc::new(Blocks(Mutex::new(Some(watched.release)))));
    watched.runtime.block_on(async {
        let mut sleep = std::pin::pin!(taketurns::time::sleep(Duration::from_micros(1)));
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        taketurns::time::sleep(Duration::from_millis(1)).await; // its own waker comes after the other
    });
    let (first, _) = told(watched.runtime, &watched.told);
    assert_eq!((first.task(), first.site(), first.name()), (None, None, None));
    assert_blocked(&first, "futex");
}

#[cfg(feature = "time")]
#[test]
fn a_loop_that_has_spun_before_is_watched_as_any_other() {
    let builder = Builder::new().adaptive_wait(Duration::from_secs(60));
    let watched = watched_by(builder, |stall| stall.site().is_some() && is_blocked(stall));
    let release = watched.release;
    watched.runtime.block_on(async {
        taketurns::time::sleep(Duration::from_millis(1)).await;
        release.block();
    });
    let (first, _) = told(watched.runtime, &watched.told);
    assert_blocked(&first, "futex");
}

#[test]
fn a_panic_of_the_function_changes_nothing() {
    let (tell, release) = mpsc::channel();
    let on_stall = move |stall: &Stall| {
        let _ = tell.send(stall.is_over());
        resume_unwind(Box::new("asked for")); // without the panic hook's text
    };
    let runtime = Builder::new().stall_threshold(SHORT).on_stall(on_stall).build().unwrap();
    for _ in 0..3 {
        runtime.block_on(async { while release.recv().unwrap() {} });
    }
    drop(runtime);
    assert!(release.iter().last() == Some(true), "the end of the last stall was told of");
}

#[test]
fn each_loop_has_its_own_watchdog() {
    let stuck = |name: &'static str| {
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let watched = watched(|stall| stall.site().is_some());
            let release = watched.release;
            watched.runtime.block_on(async { release.block() });
            assert_eq!(told(watched.runtime, &watched.told).0.thread(), name);
        })
    };
    let threads = ["one", "two", "three"].map(|name| stuck(name).unwrap());
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// The function waits for what comes only after the end of the runtime.
#[test]
fn the_end_of_the_runtime_does_not_wait_for_a_function_that_waits_for_it() {
    let (tell, told) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let on_stall = move |_: &Stall| {
        let _ = tell.send(());
        let _ = ended.lock().unwrap().recv();
    };
    let runtime = Builder::new().stall_threshold(SHORT).on_stall(on_stall).build().unwrap();
    runtime.block_on(async { told.recv().unwrap() });
    drop(runtime);
    drop(end);
    assert!(told.iter().count() <= 1, "its thread ends, and drops the function");
}

#[test]
fn what_the_function_owns_is_dropped_when_the_runtime_has_ended() {
    let owned = Arc::new(());
    let of_function = Arc::clone(&owned);
    let on_stall = move |_: &Stall| drop(Arc::clone(&of_function));
    let runtime = Builder::new().on_stall(on_stall).build().unwrap();
    drop(runtime);
    assert_eq!(Arc::strong_count(&owned), 1);
}

/// How many threads of this process are watchdogs, by their names.
#[cfg(target_os = "linux")]
fn watchdogs() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "taketurns-watch").count()
}

/// In a process of its own, as it counts threads.
#[cfg(target_os = "linux")]
#[test]
fn there_is_a_thread_if_there_is_a_threshold_and_none_for_zero() {
    if !child::is_child() {
        child::stderr("there_is_a_thread_if_there_is_a_threshold_and_none_for_zero");
        return;
    }
    let threads = |builder: Builder| {
        let before = child::threads();
        let runtime = builder.build().unwrap();
        runtime.block_on(async {});
        while child::threads() > before && watchdogs() == 0 {} // it has its name a moment after it began
        let there = watchdogs();
        drop(runtime);
        child::wait_for_threads(before); // as the list of the system is late
        there
    };
    let ms = Duration::from_millis;
    assert_eq!(threads(Builder::new()), 0);
    assert!(Runtime::new().unwrap().metrics().stalls.is_none());
    assert_eq!(threads(Builder::new().stall_threshold(Duration::ZERO)), 0);
    assert_eq!(threads(Builder::new().on_stall(|_| {}).stall_threshold(Duration::ZERO)), 0);
    assert_eq!(threads(Builder::new().stall_threshold(Duration::ZERO).on_stall(|_| {})), 0);
    assert_eq!(threads(Builder::new().on_stall(|_| {})), 1);
    assert_eq!(threads(Builder::new().stall_threshold(ms(100))), 1);
    assert_eq!(threads(Builder::new().stall_threshold(Duration::from_nanos(1))), 1);
    assert_eq!(threads(Builder::new().stall_threshold(Duration::MAX)), 1);
}

/// This test binary again, as the scene of the test `name`, with pipes in place of its input and stderr.
fn scene(name: &str) -> Child {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env(child::SCENE, name).env_remove("TAKETURNS_DEBUG");
    child.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    child.spawn().unwrap()
}

/// The scene is stuck in the read of its input until this test has read what the watchdog has printed.
#[cfg(target_os = "linux")]
#[test]
fn without_a_function_it_prints_a_line_for_each_report() {
    if child::is_child() {
        let reads = async { _ = std::io::stdin().read(&mut [0]).unwrap() };
        let run = || {
            let runtime = Builder::new().stall_threshold(SHORT).build().unwrap();
            runtime.block_on(async {
                let task = task::Builder::new().name("reader").spawn(reads);
                spawn(async {}).detach();
                task.await.unwrap();
            });
        };
        return thread::Builder::new().name("io".into()).spawn(run).unwrap().join().unwrap();
    }
    let mut scene = scene("without_a_function_it_prints_a_line_for_each_report");
    let stderr = BufReader::new(scene.stderr.take().unwrap());
    let mut lines =
        stderr.lines().map(Result::unwrap).filter(|line| line.contains("task #1 \"reader\""));
    let first = lines.find(|line| line.contains("is blocked in")).unwrap();
    drop(scene.stdin.take());
    let (begin, end) = first.split_once(", has had its turn for at least ").unwrap();
    let site =
        begin.strip_prefix("the loop on thread io stands still: task #1 \"reader\", spawned at ");
    assert!(site.unwrap().starts_with(file!()), "{first}");
    let (_, end) = end.split_once("; ").unwrap();
    let end = end.strip_prefix(
        "1 other task is known to be ready; the thread is blocked in read on \"pipe:[",
    );
    let remedy = "; move the call to `spawn_blocking`, or await an async counterpart";
    assert!(end.is_some_and(|end| end.ends_with(remedy)), "{first}");
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("the loop on thread io goes on: task #1 \"reader\", spawned"),
        "{last}"
    );
    assert!(scene.wait().unwrap().success());
}

/// What the watchdog would print waits behind a write that never ends.
#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_nobody_reads_does_not_keep_stalls_from_being_counted() {
    if child::is_child() {
        thread::spawn(|| {
            thread::sleep(Duration::from_secs(20));
            std::process::exit(1); // a panic's text would wait, too
        });
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut stderr = std::io::stderr().lock();
            tell.send(()).unwrap();
            stderr.write_all(&[b'.'; 1 << 24]).unwrap(); // more than a pipe holds
        });
        told.recv().unwrap();
        let runtime = Builder::new().stall_threshold(SHORT).build().unwrap();
        let handle = runtime.handle();
        runtime.block_on(async {
            while handle.metrics().stalls.unwrap().longest < 20 * SHORT {}
            let before = handle.metrics().stalls.unwrap().count;
            yield_now().await;
            while handle.metrics().stalls.unwrap().count == before {}
        });
        drop(runtime);
        std::process::exit(0);
    }
    let mut scene = scene("a_stderr_that_nobody_reads_does_not_keep_stalls_from_being_counted");
    assert!(scene.wait().unwrap().success());
}

/// The longest that a turn of an ordinary program takes here is a few milliseconds. If the machine has other work, the loop
/// may stand still because it gets no core, and that is told as what it is.
const LONG: Duration = Duration::from_millis(100);

/// A function for `on_stall` that prints what is an alarm.
#[cfg(target_os = "linux")]
fn print_alarm(stall: &Stall) {
    if !matches!(stall.doing(), Doing::NotScheduled { .. }) {
        eprintln!("alarm: {stall}");
    }
}

/// A parked loop stands still for as long as nothing happens, and a host loop may wait between two ticks.
#[cfg(all(target_os = "linux", feature = "time"))]
#[test]
fn a_loop_that_waits_is_not_told_of() {
    if !child::is_child() {
        let stderr = child::stderr("a_loop_that_waits_is_not_told_of");
        assert!(!stderr.contains("alarm"), "{stderr}");
        return;
    }
    let runtime = Builder::new().stall_threshold(LONG / 2).on_stall(print_alarm).build().unwrap();
    runtime.block_on(async { taketurns::time::sleep(4 * LONG).await });
    // Where there is more than one core, this one spins all the time.
    let spins = Builder::new().adaptive_wait(Duration::from_secs(60)).stall_threshold(LONG / 2);
    let spins = spins.on_stall(print_alarm).build().unwrap();
    spins.block_on(async { taketurns::time::sleep(3 * LONG).await });
    let task = runtime.spawn(async { taketurns::time::sleep(3 * LONG).await });
    while !task.is_finished() {
        runtime.run_until_stalled();
        thread::sleep(runtime.next_deadline().unwrap_or_default());
    }
}

#[cfg(target_os = "linux")]
fn send(scene: &Child, signal: &str) {
    let pid = scene.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
}

/// Stops the scene again and again, nearly always in the middle of a turn, for several times the threshold.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_stopped_is_not_told_of() {
    if child::is_child() {
        static IS_OVER: AtomicBool = AtomicBool::new(false);
        let input = thread::spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            IS_OVER.store(true, Relaxed);
        });
        let runtime = Builder::new().stall_threshold(LONG).on_stall(print_alarm).build().unwrap();
        eprintln!("begins");
        runtime.block_on(async {
            while !IS_OVER.load(Relaxed) {
                let begin = Instant::now();
                while begin.elapsed() < LONG / 20 {}
                yield_now().await;
            }
        });
        return input.join().unwrap();
    }
    let mut scene = scene("a_process_that_is_stopped_is_not_told_of");
    let mut lines = BufReader::new(scene.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "begins"));
    for _ in 0..5 {
        thread::sleep(LONG / 2);
        send(&scene, "STOP");
        thread::sleep(3 * LONG); // the stop itself is the test
        send(&scene, "CONT");
    }
    drop(scene.stdin.take());
    let alarms: Vec<String> = lines.filter(|line| line.starts_with("alarm")).collect();
    assert_eq!(alarms, [""; 0]);
    assert!(scene.wait().unwrap().success());
}

/// As `cpulimit` does. A turn of 60 ms of the thread's time is in its middle for most of a second.
#[cfg(target_os = "linux")]
#[test]
fn short_stops_in_quick_succession_do_not_make_a_turn_long() {
    if child::is_child() {
        let ran_ms = || {
            let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            schedule.split(' ').next().unwrap().parse::<u64>().unwrap() / 1_000_000
        };
        let builder = Builder::new().stall_threshold(4 * LONG).on_stall(print_alarm);
        let turn = async {
            eprintln!("begins");
            let end = ran_ms() + 60;
            while ran_ms() < end {}
        };
        return builder.build().unwrap().block_on(turn);
    }
    let mut scene = scene("short_stops_in_quick_succession_do_not_make_a_turn_long");
    let mut lines = BufReader::new(scene.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "begins"));
    let stops = std::iter::repeat_with(|| {
        send(&scene, "STOP");
        thread::sleep(LONG); // the stop itself is the test
        send(&scene, "CONT");
        thread::sleep(LONG / 20);
        scene.try_wait().unwrap()
    });
    assert!(stops.take(500).flatten().next().unwrap().success());
    let alarms: Vec<String> = lines.filter(|line| line.starts_with("alarm")).collect();
    assert_eq!(alarms, [""; 0]);
}

/// `cargo test --release --test watchdog -- --ignored --nocapture`, in `.ci/deep`: best on a machine with nothing else to do.
#[test]
#[ignore = "it measures: how soon a stall of twice the threshold is told of"]
fn a_stall_of_twice_the_threshold_is_told_of_before_one_and_a_half() {
    const THRESHOLD: Duration = Duration::from_millis(20);
    const TRIALS: usize = 100;
    let (tell, told) = mpsc::channel();
    let on_stall = move |stall: &Stall| {
        if !stall.is_over() {
            let _ = tell.send(Instant::now());
        }
    };
    let runtime = Builder::new().stall_threshold(THRESHOLD).on_stall(on_stall).build().unwrap();
    let mut taken: Vec<Duration> = runtime.block_on(async {
        let mut taken = Vec::new();
        for trial in 0..TRIALS {
            // From a loop that runs and from one that was parked, at any time between two samples.
            #[cfg(feature = "time")]
            taketurns::time::sleep(Duration::from_micros(trial as u64 * 777 % 50_000)).await;
            let _ = trial;
            yield_now().await;
            while told.try_recv().is_ok() {}
            let begin = Instant::now();
            thread::sleep(2 * THRESHOLD);
            taken.push(told.try_recv().map_or(Duration::MAX, |told| told - begin));
        }
        taken
    });
    taken.sort();
    let in_time = taken.iter().filter(|&&time| time <= THRESHOLD * 3 / 2).count();
    println!(
        "{in_time} of {TRIALS} in time; after {:?} at the earliest, {:?} in the middle, {:?} at the latest",
        taken[0],
        taken[TRIALS / 2],
        taken[TRIALS - 1]
    );
    assert_eq!(in_time, TRIALS);
}
