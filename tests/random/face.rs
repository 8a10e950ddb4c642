//! The two faces of the crate: a bare executor over a driver that is counted, and a runtime.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use taketurns::executor::{Driver, Executor, ParkThread, Pending, Unpark};
use taketurns::time::Clock;
use taketurns::{Builder, Handle, JoinHandle, OnExit, Order, Runtime, UnhandledPanic};

use super::future::Future;
use super::home::root;
use super::oracle::{Kind, Token, finding, is_home, run_script, trace};
use super::program::Config;
use super::wait::{Wait, span};
use super::{away, oracle};

pub(crate) enum Face {
    Executor(Executor<'static, Counted>),
    Runtime(Box<Runtime>),
}

/// Parks the thread. Its unparkers are counted: one that is left is a hub that is left.
pub(crate) struct Counted(ParkThread);

struct CountedUnpark(Box<dyn Unpark>, #[expect(dead_code, reason = "it counts")] Token);

impl Unpark for CountedUnpark {
    fn unpark(&self) {
        self.0.unpark();
    }
}

impl Driver for Counted {
    fn wait(&mut self, limit: Option<Duration>) {
        self.0.wait(limit);
    }

    fn wake(&mut self, any_ready: bool) {
        self.0.wake(any_ready);
    }

    fn pending(&self) -> Pending {
        self.0.pending()
    }

    fn unparker(&self) -> Box<dyn Unpark> {
        Box::new(CountedUnpark(self.0.unparker(), Token::anywhere(Kind::Hub)))
    }
}

/// Runs a script, as a hook of an executor; it must be called at home.
pub(crate) fn hook(script: u8) {
    if !is_home() {
        finding("a hook of the executor runs on another thread");
    }
    run_script(script);
}

const MS: Duration = Duration::from_millis(1);

impl Face {
    pub(crate) fn new(config: Config) -> Self {
        let [kind, clock, exit, order, seed, interval, unhandled, other] = config;
        let interval = [1, 2, 3, 7, 61][usize::from(interval) % 5];
        trace(format_args!("a new face by {config:?}"));
        if kind % 3 == 0 {
            let interval = NonZeroU32::new(interval).expect("not 0");
            return Self::Executor(Executor::new(Counted(ParkThread::new()), interval));
        }
        let builder = Builder::new()
            .event_interval(interval)
            .clock([Clock::Real, Clock::Manual, Clock::AutoAdvance][usize::from(clock) % 3])
            .on_exit(match exit % 4 {
                0 => OnExit::Cancel { grace: MS },
                1 => OnExit::Wait { deadline: MS },
                _ => OnExit::Drop,
            })
            .order(if order % 3 == 0 { Order::Shuffled(seed.into()) } else { Order::Fifo })
            .deadlock_grace(MS)
            .max_blocking_threads(1 + usize::from(other & 1))
            // A job that is stuck is then a hang, which the watchdog sees.
            .blocking_deadline(Duration::from_secs(3600));
        let builder = reporting(builder, kind, exit);
        let token = Token::anywhere(Kind::Closure);
        let builder = builder.on_lost(move |_| {
            token.check();
            hook(other >> 1);
        });
        let builder = match unhandled % 8 {
            0 => builder.unhandled_panic(UnhandledPanic::Print),
            1 | 2 => builder.unhandled_panic(UnhandledPanic::Stop),
            _ => {
                let token = Token::anywhere(Kind::Closure);
                builder.unhandled_panic(UnhandledPanic::Call(Arc::new(move |_| {
                    token.check();
                    hook(unhandled >> 3);
                })))
            }
        };
        Self::Runtime(Box::new(builder.build().expect("the system has descriptors")))
    }

    pub(crate) fn handle(&self) -> Handle {
        match self {
            Self::Executor(executor) => Handle::new(executor),
            Self::Runtime(runtime) => runtime.handle(),
        }
    }

    pub(crate) fn spawn<F: Future>(&self, future: F) -> JoinHandle<F::Output> {
        match self {
            Self::Executor(executor) => executor.spawn(future),
            Self::Runtime(runtime) => runtime.spawn(future),
        }
    }

    /// Another hook, which owns what a slot held: a handle of the executor itself, it may be.
    pub(crate) fn set_hook(&self, script: u8, owned: Option<Wait>) {
        if let Self::Executor(executor) = self {
            let token = Token::at_home(Kind::Closure);
            executor.on_unhandled(move |_, error| {
                let _ = (&owned, &error);
                token.check();
                hook(script);
            });
        }
    }

    /// Runs it in one of the ways there are. Each ends: a root has somebody who wakes it, or does so itself.
    pub(crate) fn run(&self, at: u8, how: u8) {
        let script = how >> 3;
        match (how % 8, self) {
            (0, _) => (0..3).for_each(|_| self.tick()),
            (1 | 2, Self::Executor(executor)) => _ = executor.try_run_until_stalled(),
            (1 | 2, Self::Runtime(runtime)) => runtime.run_until_stalled(),
            (3 | 4, Self::Executor(executor)) => drop(executor.try_block_on(root(script))),
            (3 | 4, Self::Runtime(runtime)) => drop(runtime.try_block_on(root(script))),
            (5, Self::Executor(executor)) => drop(executor.block_on(root(script))),
            (5, Self::Runtime(runtime)) => drop(runtime.block_on(root(script))),
            (_, _) if !away::stop_later(at, self.handle()) => {}
            (_, Self::Executor(executor)) => _ = executor.try_run_forever(),
            (_, Self::Runtime(runtime)) => runtime.run_forever(),
        }
    }

    fn tick(&self) {
        let _ = match self {
            Self::Executor(executor) => executor.try_tick(),
            Self::Runtime(runtime) => runtime.try_tick(),
        };
    }

    fn end(self, how: u8) {
        oracle::trace("ends");
        match self {
            Self::Executor(executor) if how % 2 == 0 => drop(executor.close()),
            Self::Runtime(runtime) if how % 2 == 0 => drop(runtime.shutdown().to_string()),
            other => drop(other),
        }
    }
}

/// With the reports that the upper bits of `which` choose. What is told of deadlocks calls a script.
fn reporting(builder: Builder, which: u8, script: u8) -> Builder {
    let has = |bit: u8| which >> bit & 1 == 1;
    let builder = builder
        .task_slab(has(2))
        .trace(if has(3) { 1 << (which >> 6) } else { 0 })
        .histograms(has(4));
    let builder = if has(5) {
        let token = Token::anywhere(Kind::Closure);
        builder.on_deadlock(move |deadlock| {
            token.check();
            trace(format_args!("is told of a deadlock: {deadlock}"));
            let _ = (deadlock.to_string(), deadlock.to_json());
            hook(script >> 2);
        })
    } else {
        builder
    };
    if which >> 6 == 3 {
        let token = Token::anywhere(Kind::Closure);
        builder.stall_threshold(MS).on_stall(move |stall| {
            token.check();
            trace(format_args!("is told of a stall: {stall}"));
            let _ = (stall.to_string(), stall.to_json());
            run_script(script >> 2);
        })
    } else {
        builder
    }
}

/// Asks a loop how it stands; a dump waits a moment for it.
pub(crate) fn ask(handle: &Handle, what: u8) {
    let text = match what % 4 {
        0 => handle.dump(span(what >> 2)).to_string(),
        1 => handle.dump(span(what >> 2)).to_json(),
        2 => handle.metrics().to_string(),
        _ => handle.trace().map_or_else(String::new, |trace| trace.to_text()),
    };
    trace(format_args!("is told {} bytes", text.len()));
}

/// Ends it, unless it runs: then it ends when the last who runs it lets go.
pub(crate) fn end(face: Rc<Face>, how: u8) {
    match Rc::try_unwrap(face) {
        Ok(face) => face.end(how),
        Err(shared) => drop(shared),
    }
}
