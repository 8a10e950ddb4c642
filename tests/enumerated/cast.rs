//! The tasks of a case.

use std::future::Future;
use std::panic::panic_any;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;

use super::notes::{Load, Notes};
use super::scene::Scene;
use super::{Cancel, Case, Does, Last, Wake};

/// What is watched: does what the case says.
pub(super) struct Subject {
    scene: Rc<Scene>,
    polls: u32,
}

impl Subject {
    pub(super) fn new(scene: Rc<Scene>) -> Self {
        Self { scene, polls: 0 }
    }

    /// One that only completes.
    pub(super) fn plain() -> Self {
        let case = Case::all().next().unwrap();
        Self::new(Scene::new(case, Notes::new()))
    }

    fn first_poll(&self, cx: &Context<'_>) {
        let (scene, case) = (&self.scene, self.scene.case);
        let woken_by_others = !matches!(case.wake, Wake::Nobody | Wake::ByItself);
        if woken_by_others || case.last != Last::NobodyButHome {
            let own = cx.waker();
            let waker = if case.last == Last::BeyondElsewhere {
                thread::scope(|scope| scope.spawn(|| own.clone()).join().unwrap())
            } else {
                own.clone()
            };
            *scene.waker.borrow_mut() = Some(waker);
        }
        if case.wake == Wake::ByItself {
            cx.waker().wake_by_ref();
        }
        scene.abort_if(Cancel::AbortInItsTurn);
    }
}

impl Future for Subject {
    type Output = Load;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Load> {
        self.polls += 1;
        let (notes, case) = (&self.scene.notes, self.scene.case);
        notes.note(|events| events.polls += 1);
        if self.polls == 1 {
            self.first_poll(cx);
        }
        match (case.does, self.polls) {
            (Does::CompletesAtFirst, _) | (Does::CompletesAtSecond, 2..) => {
                Poll::Ready(Load::new(notes, "output", case.load))
            }
            (Does::PanicsAtFirst, _) | (Does::PanicsAtSecond, 2..) => {
                panic_any(Load::new(notes, "poll", case.load))
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let notes = &self.scene.notes;
        notes.note_drop(|events| events.future_drops += 1);
        self.scene.case.future.act(notes, "drop");
    }
}

/// Awaits the subject, and has its handle.
pub(super) struct Awaiting(pub(super) Rc<Scene>);

impl Future for Awaiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.notes.note(|events| events.awaiting += 1);
        let polled = self.0.poll_handle(cx);
        if polled.is_ready() {
            self.0.abort_if(Cancel::AbortAfterTheEnd);
        }
        polled
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        drop(self.0.handle.take());
    }
}

/// Passes by, waits for the gate, passes again, ends.
pub(super) struct Bystander {
    scene: Rc<Scene>,
    passes: &'static str,
    ends: &'static str,
    waits: bool,
}

impl Bystander {
    pub(super) fn new(scene: &Rc<Scene>, passes: &'static str, ends: &'static str) -> Self {
        Self { scene: Rc::clone(scene), passes, ends, waits: true }
    }
}

impl Future for Bystander {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.scene.notes.note(|events| events.bystanders.push(self.passes));
        if std::mem::replace(&mut self.waits, false) {
            self.scene.gate.borrow_mut().push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.scene.notes.note(|events| events.bystanders.push(self.ends));
        if self.ends == "-after" {
            self.scene.after_the_end();
        }
    }
}
