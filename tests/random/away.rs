//! What other threads do: their commands, and the steps that need nothing of the home thread's.

use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures::task::{FutureObj, Spawn};
use taketurns::Handle;

use super::face;
use super::future::{Sent, Small, WithoutOutput, scripted};
use super::local::{ABORTS, HANDLES, HOLDS, REMOTES, WAKERS, handle, home};
use super::oracle::{act as step_of, contain, scripted_panic, trace};
use super::program::{Act, Step};
use super::waker::waker;

/// Which of the threads wakes roots and stops runs.
const ALARM: u8 = 2;

pub(crate) enum Command {
    Do(Step),
    /// And say when it is done.
    DoNow(Step, Sender<()>),
    Wake(Waker, Duration),
    Stop(Handle, Duration),
}

pub(crate) struct Worker {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start() -> Self {
        let (commands, receiver) = mpsc::channel();
        Self { commands, thread: thread::spawn(move || work(&receiver)) }
    }

    /// Has it do what it was told, and ends it.
    pub(crate) fn end(self) {
        drop(self.commands);
        self.thread.join().expect("its panics are contained");
    }
}

fn work(commands: &Receiver<Command>) {
    for command in commands {
        contain(|| match command {
            Command::Do(step) => step_of(step),
            Command::DoNow(step, done) => {
                contain(|| step_of(step));
                drop(done);
            }
            Command::Wake(waker, after) => {
                pass(after);
                trace("wakes a root");
                waker.wake();
            }
            Command::Stop(handle, after) => {
                pass(after);
                trace("stops a run");
                handle.stop();
            }
        });
    }
}

fn pass(time: Duration) {
    if !time.is_zero() {
        thread::sleep(time);
    }
}

fn tell(thread: u8, command: Command) {
    let home = home();
    let worker = home.workers.take(thread).unwrap_or_else(Worker::start);
    worker.commands.send(command).expect("it takes commands until it is ended");
    home.workers.put_back(thread, worker);
}

/// Has a thread do a step, and waits for that if `now`.
pub(crate) fn on_thread(thread: u8, step: Step, now: bool) {
    if now {
        let (done, is_done) = mpsc::channel();
        tell(thread % ALARM, Command::DoNow(step, done));
        let _ = is_done.recv();
    } else {
        tell(thread % ALARM, Command::Do(step));
    }
}

pub(crate) fn wake_later(waker: Waker, after: Duration) {
    tell(ALARM, Command::Wake(waker, after));
}

pub(crate) fn stop_later(at: u8, handle: Handle) -> bool {
    tell(ALARM, Command::Stop(handle, Duration::from_micros(u64::from(at) * 30)));
    true
}

/// A step that any thread may do.
pub(crate) fn act(step: Step) {
    let Step { a, b, .. } = step;
    match step.act() {
        Act::Wake => WAKERS.take(a).into_iter().for_each(Waker::wake),
        Act::WakeByRef => {
            if let Some(waker) = WAKERS.take(a) {
                waker.wake_by_ref();
                WAKERS.put_back(a, waker);
            }
        }
        Act::DropWaker => drop(WAKERS.take(a)),
        Act::CloneWaker => {
            if let Some(waker) = WAKERS.take(a) {
                let copy = waker.clone();
                WAKERS.put_back(a, waker);
                WAKERS.put(b, copy);
            }
        }
        Act::PutWaker => WAKERS.put(a, waker(a, b)),
        Act::UseAbortHandle => {
            if let Some(abort) = ABORTS.take(a) {
                abort.abort();
                if b & 1 == 0 {
                    ABORTS.put(b >> 1, abort.clone());
                }
            }
        }
        Act::Send => {
            if let Some(handle) = handle(a) {
                REMOTES.put(b, handle.spawn(scripted::<Small, Sent>(a, b)));
            }
        }
        Act::SendObj => {
            // Some at once: one of them may meet the end of the executor.
            let Some(handle) = handle(a) else { return };
            for _ in 0..1 + (a >> 1 & 3) * 2 {
                let future = WithoutOutput(scripted::<Small, Sent>(a, b));
                let _ = handle.spawn_obj(FutureObj::new(Box::new(future)));
            }
        }
        Act::PollRemote => {
            if let Some(mut handle) = REMOTES.take(a) {
                let waker = waker(a >> 3, b);
                let poll = std::pin::pin!(&mut handle).poll(&mut Context::from_waker(&waker));
                if poll.is_pending() {
                    REMOTES.put_back(a, handle);
                }
            }
        }
        Act::DropRemote => drop(REMOTES.take(a)),
        Act::AbortRemote => {
            if let Some(handle) = REMOTES.take(a) {
                handle.abort();
                let _ = handle.is_finished();
                REMOTES.put_back(a, handle);
            }
        }
        Act::DropHandle => drop(HANDLES.take(a % 2)),
        Act::DropHold => drop(HOLDS.take(a)),
        Act::Ask => handle(a).iter().for_each(|handle| face::ask(handle, b)),
        Act::Stop => handle(a).iter().for_each(Handle::stop),
        Act::Panic => scripted_panic(b),
        Act::Script => super::oracle::run_script(b),
        _ => {}
    }
}
