//! Panic x drop x cancel x callback x who drops last x home or away: every combination.
//!
//! The axes are enums, and a [`Case`] is one value of each. [`possible`] leaves out what cannot be, with the
//! reason; [`scene::play`] plays a case on an executor of its own; [`expected`] says from the axes alone what
//! must be observed. One subject is watched, with a bystander spawned before it and one after it.

#[path = "enumerated/cast.rs"]
mod cast;
#[path = "enumerated/notes.rs"]
mod notes;
#[path = "enumerated/oracle.rs"]
mod oracle;
#[path = "enumerated/possible.rs"]
mod possible;
#[path = "enumerated/scene.rs"]
mod scene;

use std::panic::catch_unwind;

use oracle::expected;
use possible::possible;
use taketurns::task::OnDoneError;

/// An axis: its values, and the array of them all.
macro_rules! axis {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$value),*];
        }
    };
}

axis! {
    /// What the future does.
    Does { CompletesAtFirst, CompletesAtSecond, PendsForEver, PanicsAtFirst, PanicsAtSecond, }
}

axis! {
    /// What a drop does; twice is: with a payload whose drop panics.
    Drops { Quietly, Panicking, PanickingTwice, }
}

axis! {
    /// What wakes the subject after its first poll.
    Wake {
        Nobody,
        ByItself,
        AtHome,
        /// By this thread, outside of any run.
        BetweenRuns,
        /// By another thread, while this one is in a run.
        Elsewhere,
    }
}

axis! {
    /// What ends the subject. Each abort is one call of `Scene::abort_if`.
    Cancel {
        Nothing,
        AbortBeforeFirstTurn,
        AbortInItsTurn,
        /// In another's turn, after the wake if there is one.
        AbortWhileItWaits,
        AbortBetweenRuns,
        /// By another thread, which has an `AbortHandle`, between runs.
        AbortElsewhere,
        AbortAfterTheEnd,
        /// After the subject's end and the executor's, by another thread.
        AbortBeyond,
        CloseBeforeFirstTurn,
        CloseWhileItWaits,
    }
}

impl Cancel {
    fn closes(self) -> bool {
        matches!(self, Cancel::CloseBeforeFirstTurn | Cancel::CloseWhileItWaits)
    }

    /// The task ends by itself.
    fn comes_too_late(self) -> bool {
        matches!(self, Cancel::Nothing | Cancel::AbortAfterTheEnd | Cancel::AbortBeyond)
    }

    fn in_the_first_run(self) -> bool {
        matches!(self, Cancel::AbortInItsTurn | Cancel::AbortWhileItWaits)
    }

    fn before_first_turn(self) -> bool {
        matches!(self, Cancel::AbortBeforeFirstTurn | Cancel::CloseBeforeFirstTurn)
    }
}

axis! {
    /// What becomes of the handle.
    Handle {
        AwaitedByTask,
        /// With a foreign waker.
        PolledByHand,
        /// With a foreign waker that panics.
        PolledByHandBadly,
        /// As soon as nothing is left to do with it, and before the subject ends.
        DroppedBefore,
        /// The same, after it was polled with a foreign waker.
        GivenUp,
        /// After the subject's end, in another's turn or destructor.
        DroppedInside,
        DroppedBetweenRuns,
        /// After the executor is gone.
        DroppedBeyond,
        /// Polled only after the executor is gone.
        KeptBeyond,
    }
}

impl Handle {
    fn gone_before_the_end(self) -> bool {
        matches!(self, Handle::DroppedBefore | Handle::GivenUp)
    }

    fn polled_by_hand(self) -> bool {
        matches!(self, Handle::PolledByHand | Handle::PolledByHandBadly)
    }

    fn there_when_the_executor_closes(self) -> bool {
        self.polled_by_hand() || matches!(self, Handle::DroppedBeyond | Handle::KeptBeyond)
    }
}

axis! {
    /// Where a waker of the subject is kept beyond its end, and dropped.
    Last {
        NobodyButHome,
        AtHome,
        /// By this thread, outside of any run.
        BetweenRuns,
        /// By another thread, while this one is inside of the executor.
        Elsewhere,
        /// By this thread, after the executor is gone.
        Beyond,
        /// By another thread, which also made it.
        BeyondElsewhere,
    }
}

axis! {
    /// Whether that waker is cloned and used first.
    Late { Unused, Used, }
}

axis! {
    /// When a callback is registered.
    Done {
        Never,
        /// With the spawn, before anybody awaits.
        First,
        /// The same, and it panics; then comes one that does not.
        FirstBadly,
        /// The same, and it registers one more when it is called.
        FirstAgain,
        /// After somebody awaits.
        Second,
        /// After the subject's end, outside of any run: two.
        LateBetweenRuns,
        /// After the subject's end, in another's turn or destructor, where the handle may be dropped next.
        LateInside,
        /// After the subject's end, right before the executor is closed.
        LateAtTheClose,
        /// After the executor is gone.
        Beyond,
    }
}

impl Done {
    fn comes_late(self) -> bool {
        matches!(
            self,
            Done::LateBetweenRuns | Done::LateInside | Done::LateAtTheClose | Done::Beyond
        )
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    does: Does,
    /// The future's drop.
    future: Drops,
    /// The drop of the output, or of what the poll panics with.
    load: Drops,
    wake: Wake,
    cancel: Cancel,
    handle: Handle,
    last: Last,
    late: Late,
    done: Done,
}

impl Case {
    /// Before an awaiting task first polls the handle.
    fn ends_before_it_is_awaited(self) -> bool {
        matches!(self.cancel, Cancel::AbortBeforeFirstTurn | Cancel::CloseBeforeFirstTurn)
            || matches!(self.does, Does::CompletesAtFirst | Does::PanicsAtFirst)
    }

    fn ends_in_the_first_run(self) -> bool {
        match self.does {
            Does::CompletesAtFirst | Does::PanicsAtFirst => true,
            Does::CompletesAtSecond | Does::PanicsAtSecond => {
                matches!(self.wake, Wake::ByItself | Wake::AtHome)
            }
            Does::PendsForEver => {
                self.cancel == Cancel::AbortBeforeFirstTurn || self.cancel.in_the_first_run()
            }
        }
    }

    /// The product of the axes.
    fn all() -> impl Iterator<Item = Self> {
        fn next<T: Copy>(number: &mut usize, axis: &[T]) -> T {
            let value = axis[*number % axis.len()];
            *number /= axis.len();
            value
        }
        (0..).map_while(|mut number| {
            let case = Self {
                does: next(&mut number, Does::ALL),
                future: next(&mut number, Drops::ALL),
                load: next(&mut number, Drops::ALL),
                wake: next(&mut number, Wake::ALL),
                cancel: next(&mut number, Cancel::ALL),
                handle: next(&mut number, Handle::ALL),
                last: next(&mut number, Last::ALL),
                late: next(&mut number, Late::ALL),
                done: next(&mut number, Done::ALL),
            };
            (number == 0).then_some(case)
        })
    }
}

/// What somebody is told of the outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Given {
    Output,
    /// In there; a callback, which is lent the outcome, cannot tell.
    Panicked(&'static str),
    Cancelled,
    Shutdown,
}

/// What comes of a handle, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// The foreign waker.
    Woken,
    Called(Given),
    /// The outcome was taken out.
    Gave(Given),
    /// The callback was not taken.
    Refused(OnDoneError),
}

#[test]
fn every_combination() {
    notes::silence_known_panics();
    let (mut played, mut failed) = (0, Vec::new());
    for case in Case::all().filter(|&case| possible(case)) {
        played += 1;
        let (observed, expected) = (catch_unwind(|| scene::play(case)), expected(case));
        match observed {
            Ok(observed) if observed == expected => {}
            Ok(observed) => {
                failed.push(format!("{case:?}\nobserved {observed:?}\nexpected {expected:?}"));
            }
            Err(_) => failed.push(format!("{case:?}\npanicked\nexpected {expected:?}")),
        }
    }
    println!("{played} combinations");
    let first = failed[..failed.len().min(5)].join("\n\n");
    assert!(failed.is_empty(), "{} of {played} combinations failed:\n{first}", failed.len());
}
