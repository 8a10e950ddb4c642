//! The futures and outputs of a program: they do what their script says, and their drops are seen.

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use taketurns::JoinHandle;

use super::program::{Dropping, Event, Script, Size, Then};
use super::world::{Actor, Looped, Task, perform, with};

/// The payload of a destructor's panic.
pub(crate) struct Planned;

/// A task's output, and the payload of its panic.
pub(crate) struct Output {
    task: usize,
    _room: [u64; 6],
}

/// A task's future. `R` is room only.
struct Scripted<R> {
    task: usize,
    _room: R,
}

#[repr(align(64))]
struct Aligned;

/// On `executor`, or on the one this thread is inside of.
pub(crate) fn spawn(task: usize, size: Size, executor: Option<&Looped>) -> JoinHandle<Output> {
    fn sized<R: Unpin + 'static>(
        task: usize,
        room: R,
        executor: Option<&Looped>,
    ) -> JoinHandle<Output> {
        let future = Scripted { task, _room: room };
        match executor {
            Some(executor) => executor.spawn(future),
            None => taketurns::spawn(future),
        }
    }
    match size {
        Size::Small => sized(task, (), executor),
        Size::Large => sized(task, [0_u64; 20], executor),
        Size::Huge => sized(task, [0_u64; 200], executor),
        Size::Aligned => sized(task, Aligned, executor),
    }
}

impl Output {
    fn new(task: usize) -> Self {
        with(|world| world.tasks[task].outputs_made += 1);
        Output { task, _room: [0; 6] }
    }
}

impl<R: Unpin> Future for Scripted<R> {
    type Output = Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        let task = self.task;
        let step = with(|world| {
            world.events.push(Event::Polled(task));
            let Task { script, polls, .. } = &mut world.tasks[task];
            *polls += 1;
            world.program.script(*script).polls.get(*polls - 1).cloned()
        });
        let Some((acts, then)) = step else { return Poll::Pending };
        for act in &acts {
            perform(act, Actor { me: Some(task), waker: Some(cx.waker()) });
        }
        match then {
            Then::Pend => Poll::Pending,
            Then::Yield => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Then::Done => Poll::Ready(Output::new(task)),
            Then::Panic => resume_unwind(Box::new(Output::new(task))),
        }
    }
}

impl<R> Drop for Scripted<R> {
    fn drop(&mut self) {
        destroy(self.task, Event::FutureDropped(self.task), |script| &script.future_drop);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        destroy(self.task, Event::OutputDropped(self.task), |script| &script.output_drop);
    }
}

fn destroy(task: usize, event: Event, which: impl FnOnce(&Script) -> &Dropping) {
    let dropping = with(|world| {
        world.events.push(event);
        which(world.program.script(world.tasks[task].script)).clone()
    });
    for act in &dropping.acts {
        perform(act, Actor { me: Some(task), waker: None });
    }
    if dropping.panics {
        resume_unwind(Box::new(Planned));
    }
}
