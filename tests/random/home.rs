//! What the thread of the executors does: the main program, and each step of user code that runs there.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use taketurns::task::Builder;
use taketurns::{cancel, spawn, spawn_blocking, time};

use super::away;
use super::face::{self, Face};
use super::future::{Aligned, Large, Local, Out, Pad, Scripted, Small, scripted};
use super::local::{ABORTS, HANDLES, HOLDS, REMOTES, clear, home};
use super::oracle::{self, Kind, Token, contain, is_dry, run_script};
use super::program::{Act, Program, Step};
use super::wait::{self, Wait, made};
use super::waker::waker;

/// Runs the main program, then ends all there is, in one of two orders.
pub(crate) fn run(program: &Program) {
    let home = home();
    home.configs.set(program.configs);
    for at in 0..2 {
        contain(|| make(at, at));
    }
    for &step in &program.main {
        contain(|| oracle::act(step));
    }
    if program.configs[3][0] & 1 == 0 {
        for at in 0..2 {
            contain(|| home.faces.take(at).into_iter().for_each(|face| face::end(face, at)));
        }
    }
    drop(home);
    clear();
}

fn make(at: u8, config: u8) {
    let home = home();
    if home.face(at).is_none() {
        let face = Face::new(home.configs.get()[usize::from(config % 4)]);
        HANDLES.put(at % 2, face.handle());
        home.faces.put(at, Rc::new(face));
    }
}

/// The future of a `block_on`. Unlike a task it always ends: it wakes itself, or has a thread wake it.
pub(crate) struct Root(Scripted<Small, Local>, u8);

pub(crate) fn root(script: u8) -> Root {
    Root(scripted(script, script), 0)
}

impl Future for Root {
    type Output = Out;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Out> {
        if self.1 == 6 || is_dry() {
            return Poll::Ready(Out::new(0, false));
        }
        self.1 += 1;
        let poll = pin!(&mut self.0).poll(cx);
        if poll.is_pending() {
            match self.1 % 3 {
                0 => cx.waker().wake_by_ref(),
                late => away::wake_later(cx.waker().clone(), 40 * u32::from(late) * MICROSECOND),
            }
        }
        poll
    }
}

const MICROSECOND: Duration = Duration::from_micros(1);

fn spawn_at<P: Pad>(step: Step) {
    let home = home();
    let future = scripted::<P, Local>(step.a, step.b);
    let handle = match step.act() {
        Act::Spawn => match home.face(step.a) {
            Some(face) => face.spawn(future),
            None => return,
        },
        Act::SpawnNamed => match made(|| Builder::new().name("named").spawn(future)) {
            Some(handle) => handle,
            None => return,
        },
        _ => match made(|| spawn(future)) {
            Some(handle) => handle,
            None => return,
        },
    };
    home.waits.put(step.b, Wait::join(handle));
}

/// A wait of a slot that is a task's handle, for as long as `f` uses it.
fn with_join(at: u8, f: impl FnOnce(&dyn wait::Join)) {
    let home = home();
    let Some(wait) = home.waits.take(at) else { return };
    if let Wait::Join(handle) = &wait {
        f(&**handle);
    }
    home.waits.put_back(at, wait);
}

/// Any step, at home.
pub(crate) fn act(step: Step) {
    let Step { a, b, .. } = step;
    let home = home();
    match step.act() {
        Act::Spawn | Act::SpawnHere | Act::SpawnNamed => match a >> 2 & 3 {
            0 => spawn_at::<Aligned>(step),
            1 => spawn_at::<Large>(step),
            _ => spawn_at::<Small>(step),
        },
        Act::Poll => {
            if let Some(mut wait) = home.waits.take(a) {
                let waker = waker(a >> 2, b);
                if wait.poll(&mut Context::from_waker(&waker)).is_pending() {
                    home.waits.put_back(a, wait);
                }
            }
        }
        Act::DropWait => drop(home.waits.take(a)),
        Act::Abort => {
            let Some(wait) = home.waits.take(a) else { return };
            match &wait {
                Wait::Join(handle) => handle.abort(),
                Wait::Remote(handle) => handle.abort(),
                Wait::Job(job) => job.abort(),
                _ => {}
            }
            home.waits.put_back(a, wait);
        }
        Act::TakeAbortHandle => with_join(a, |handle| ABORTS.put(b, handle.abort_handle())),
        Act::OnDone => {
            let token = Token::at_home(Kind::Closure);
            // It may own another task's handle.
            let owned = if b & 1 == 0 { home.waits.take(b >> 1) } else { None };
            with_join(a, |handle| {
                handle.on_done(Box::new(move || {
                    let _ = &owned;
                    token.check();
                    run_script(b >> 3);
                }));
            });
        }
        Act::GuardIt => match home.waits.take(a) {
            Some(Wait::Join(handle)) => home.waits.put(b, handle.guard()),
            Some(other) => home.waits.put_back(a, other),
            None => {}
        },
        Act::Run => {
            if let Some(face) = home.face(a) {
                face.run(a, b);
            }
        }
        Act::End => home.faces.take(a).into_iter().for_each(|face| face::end(face, b)),
        Act::Make => make(a, b),
        Act::AwaitRemote => REMOTES.take(a).into_iter().for_each(|remote| {
            home.waits.put(b, Wait::Remote(remote));
        }),
        Act::OnThread => away::on_thread(a, Step::of_thread(a >> 1, b), false),
        Act::OnThreadNow => away::on_thread(a, Step::of_thread(a >> 1, b), true),
        Act::CallLater => {
            let token = Token::at_home(Kind::Closure);
            let call = move || {
                token.check();
                run_script(b >> 2);
            };
            if let Some(call) = made(|| time::call_later(wait::span(a), call)) {
                home.calls.put(b, call);
            }
        }
        Act::CancelCall => {
            if let Some(call) = home.calls.take(a) {
                let _ = call.cancel();
            }
        }
        Act::Block => {
            let token = Token::anywhere(Kind::Closure);
            let output = a >> 2 & 31;
            let job = move || {
                token.check();
                run_script(b >> 2);
                Out::new(output, true)
            };
            if let Some(job) = made(|| spawn_blocking(job)) {
                home.waits.put(a, Wait::Job(job));
            }
        }
        Act::Sleep => put(b, made(|| wait::sleep(a))),
        Act::Timeout => {
            let wait = home.waits.take(b);
            put(b, wait.and_then(|wait| made(|| wait::timeout(a, wait))));
        }
        Act::Interval => put(b, made(|| wait::interval(a))),
        Act::Cancelled => put(b, made(|| Wait::Cancelled(cancel::cancelled()))),
        Act::Advance => put(b, Some(wait::advance(a))),
        Act::Pause => contain(time::pause),
        Act::Resume => contain(time::resume),
        Act::Hold => made(time::hold).into_iter().for_each(|hold| HOLDS.put(a, hold)),
        Act::MakeHandle => {
            if let Some(face) = home.face(a) {
                HANDLES.put(a % 2, face.handle());
            }
        }
        Act::Hook => {
            if let Some(face) = home.face(a) {
                let owned = if b & 1 == 0 { home.waits.take(b >> 1) } else { None };
                face.set_hook(b >> 3, owned);
            }
        }
        _ => away::act(step),
    }
}

fn put(at: u8, wait: Option<Wait>) {
    if let Some(wait) = wait {
        home().waits.put(at, wait);
    }
}
