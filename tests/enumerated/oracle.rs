//! What must be observed of a case, from the axes alone.

use taketurns::task::OnDoneError;

use super::notes::Observed;
use super::{Cancel, Case, Does, Done, Drops, Given, Handle, Seen, Wake};

pub(super) fn expected(case: Case) -> Observed {
    let outcome = outcome(case);
    Observed {
        polls: polls(case),
        future_drops: 1,
        seen: seen(case, outcome),
        awaiting: awaiting(case),
        hand_panicked: drop_of(case, outcome) == Dropped::ByHand && drop_panics(case, outcome),
        reports: reports(case, outcome),
        loads_leaked: leaked(case, outcome),
        loads_dropped_twice: 0,
        strays: 0,
        bystanders: match case.cancel {
            Cancel::CloseBeforeFirstTurn => "-before -after",
            Cancel::CloseWhileItWaits => "before after -before -after",
            _ => "before after before -before after -after fresh fresh",
        }
        .to_owned(),
        lost: lost(case),
        // A leaked load has the notes.
        holders: leaked(case, outcome),
    }
}

fn polls(case: Case) -> u32 {
    let woken_in_the_first_run = matches!(case.wake, Wake::ByItself | Wake::AtHome);
    match case.does {
        Does::CompletesAtFirst | Does::PanicsAtFirst => 1,
        Does::CompletesAtSecond | Does::PanicsAtSecond => 2,
        Does::PendsForEver if case.cancel.before_first_turn() => 0,
        Does::PendsForEver if case.cancel.in_the_first_run() => 1,
        Does::PendsForEver => 1 + u32::from(woken_in_the_first_run),
    }
}

fn completes(case: Case) -> bool {
    matches!(case.does, Does::CompletesAtFirst | Does::CompletesAtSecond)
}

fn panics(case: Case) -> bool {
    matches!(case.does, Does::PanicsAtFirst | Does::PanicsAtSecond)
}

/// What the task ended with. The first panic wins, and any panic wins over all else.
fn outcome(case: Case) -> Given {
    if panics(case) {
        Given::Panicked("poll")
    } else if case.future != Drops::Quietly {
        Given::Panicked("drop")
    } else if completes(case) {
        Given::Output
    } else if case.cancel.closes() {
        Given::Shutdown
    } else {
        Given::Cancelled
    }
}

/// Whether dropping the outcome panics.
fn drop_panics(case: Case, outcome: Given) -> bool {
    match outcome {
        Given::Output | Given::Panicked("poll") => case.load != Drops::Quietly,
        Given::Panicked(_) => case.future == Drops::PanickingTwice,
        Given::Cancelled | Given::Shutdown => false,
    }
}

/// Whether a late callback is registered before the handle is polled for the outcome, which then waits
/// for the callback's turn.
fn overtakes(case: Case) -> bool {
    case.done == Done::LateBetweenRuns && !case.ends_in_the_first_run()
}

/// Callbacks and wakes as they were registered, each once; late ones in a turn of their own.
fn seen(case: Case, outcome: Given) -> Vec<Seen> {
    let by_hand = case.handle.polled_by_hand();
    let awaited = by_hand || case.handle == Handle::AwaitedByTask;
    let given_in_the_runs = awaited && !case.cancel.closes() && !(by_hand && overtakes(case));
    let given_beyond = !given_in_the_runs && (by_hand || case.handle == Handle::KeptBeyond);
    let called = Seen::Called(match outcome {
        Given::Panicked(_) => Given::Panicked("unread"),
        outcome => outcome,
    });

    let mut seen = Vec::new();
    match case.done {
        Done::First => seen.push(called),
        Done::FirstAgain if case.cancel.closes() => {
            seen.extend([called, Seen::Refused(OnDoneError::Ended)]);
        }
        Done::FirstBadly | Done::FirstAgain => seen.extend([called; 2]),
        _ => {}
    }
    seen.extend(by_hand.then_some(Seen::Woken));
    seen.extend((case.done == Done::Second).then_some(called));
    seen.extend(given_in_the_runs.then_some(Seen::Gave(outcome)));
    if case.done.comes_late() {
        let late = match case.done {
            _ if given_in_the_runs => Seen::Refused(OnDoneError::Taken),
            Done::Beyond => Seen::Refused(OnDoneError::Ended),
            _ if case.cancel.closes() => Seen::Refused(OnDoneError::Ended),
            _ => called,
        };
        seen.extend(vec![late; if case.done == Done::LateBetweenRuns { 2 } else { 1 }]);
        // Polled since, the handle has a waker again.
        seen.extend((by_hand && late == called).then_some(Seen::Woken));
    }
    seen.extend(given_beyond.then_some(Seen::Gave(outcome)));
    seen
}

/// Polls of the awaiting task.
fn awaiting(case: Case) -> u32 {
    // A callback that came meanwhile is called first.
    let overtaken = u32::from(case.done == Done::FirstAgain);
    match case.cancel {
        _ if case.handle != Handle::AwaitedByTask => 0,
        Cancel::CloseBeforeFirstTurn => 0,
        Cancel::CloseWhileItWaits => 1,
        _ if case.ends_before_it_is_awaited() => 1 + overtaken,
        _ => 2 + overtaken,
    }
}

/// How the outcome is dropped, if nobody takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dropped {
    Taken,
    /// A panic on the way is reported.
    ByTheLoop,
    /// A panic of an output's drop is the hand's.
    ByHand,
}

fn drop_of(case: Case, outcome: Given) -> Dropped {
    let by_hand = match case.handle {
        Handle::DroppedBefore | Handle::GivenUp => return Dropped::ByTheLoop,
        // Its task is closed too.
        Handle::AwaitedByTask => case.cancel.closes(),
        // The callback has its turn after that.
        Handle::DroppedInside if case.done == Done::LateInside && !case.cancel.closes() => {
            return Dropped::ByTheLoop;
        }
        Handle::DroppedInside | Handle::DroppedBetweenRuns | Handle::DroppedBeyond => true,
        Handle::PolledByHand | Handle::PolledByHandBadly | Handle::KeptBeyond => false,
    };
    match by_hand {
        true if outcome == Given::Output => Dropped::ByHand,
        true => Dropped::ByTheLoop,
        false => Dropped::Taken,
    }
}

/// The panic that is the outcome goes to nobody.
fn is_unhandled(case: Case, outcome: Given) -> bool {
    let called = seen(case, outcome).iter().any(|seen| matches!(seen, Seen::Called(_)));
    let panicked = matches!(outcome, Given::Panicked(_));
    panicked && !called && drop_of(case, outcome) != Dropped::Taken
}

/// Each panic that was given to nobody, once.
fn reports(case: Case, outcome: Given) -> Vec<&'static str> {
    let mut reports = Vec::new();
    // One is the outcome already; or it takes an output's place.
    reports.extend((panics(case) && case.future != Drops::Quietly).then_some("drop"));
    let replaced = completes(case) && case.future != Drops::Quietly;
    reports.extend((replaced && case.load != Drops::Quietly).then_some("load"));
    reports.extend((case.done == Done::FirstBadly).then_some("callback"));
    if case.handle == Handle::PolledByHandBadly {
        let wakes = seen(case, outcome).into_iter().filter(|&seen| seen == Seen::Woken);
        reports.extend(wakes.map(|_| "waker"));
    }
    // The executor is gone, and the hook with it.
    if case.handle == Handle::DroppedBeyond {
        return reports;
    }
    match outcome {
        Given::Panicked(what) if is_unhandled(case, outcome) => reports.push(what),
        _ if drop_of(case, outcome) == Dropped::ByTheLoop && drop_panics(case, outcome) => {
            reports.push("load");
        }
        _ => {}
    }
    reports
}

/// When the hook drops what it is told, panics, and the payload panics in its drop too, the payload of
/// that panic is leaked rather than asked again; nothing else ever is.
fn leaked(case: Case, outcome: Given) -> usize {
    let thrice = outcome == Given::Panicked("poll") && case.load == Drops::PanickingTwice;
    usize::from(thrice && is_unhandled(case, outcome))
}

/// Polls of the tasks that were lost, in the order of spawning.
fn lost(case: Case) -> Vec<u64> {
    let others = u64::from(case.cancel == Cancel::CloseWhileItWaits);
    match case.handle {
        _ if !case.cancel.closes() => vec![],
        Handle::AwaitedByTask => vec![others, polls(case).into(), others, others],
        _ => vec![others, polls(case).into(), others],
    }
}
