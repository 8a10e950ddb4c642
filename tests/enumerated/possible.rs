//! Which cases there are. What is left out cannot be, or is another case by another name.

use super::{Cancel, Case, Does, Done, Drops, Handle, Last, Late, Wake};

pub(super) fn possible(case: Case) -> bool {
    ends_as_it_does(case) && is_woken_and_kept(case) && calls_back(case)
}

fn ends_as_it_does(case: Case) -> bool {
    let Case { does, load, wake, cancel, .. } = case;
    let comes_to_an_end = cancel.comes_too_late();
    match does {
        // It ends in the turn in which it would be woken; an abort in that turn is too late.
        Does::CompletesAtFirst | Does::PanicsAtFirst => {
            wake == Wake::Nobody && (comes_to_an_end || cancel == Cancel::AbortInItsTurn)
        }
        // Without the wake, or cancelled before it, it would be one that pends for ever.
        Does::CompletesAtSecond | Does::PanicsAtSecond => wake != Wake::Nobody && comes_to_an_end,
        // It has no output, and does not end by itself.
        Does::PendsForEver => load == Drops::Quietly && !comes_to_an_end,
    }
}

fn is_woken_and_kept(case: Case) -> bool {
    let Case { wake, cancel, handle, last, late, .. } = case;
    let impossible =
        // Never polled, it has no waker.
        cancel.before_first_turn() && (wake, last) != (Wake::Nobody, Last::NobodyButHome)
        // Such a wake would come after the end; `Late` has that.
        || cancel.in_the_first_run() && wake == Wake::BetweenRuns
        // An abort needs the handle.
        || cancel == Cancel::AbortAfterTheEnd && handle.gone_before_the_end()
        || cancel == Cancel::AbortBeyond && !handle.there_when_the_executor_closes()
        // Closed, the executor has no runs between which to drop anything.
        || cancel.closes() && (handle == Handle::DroppedBetweenRuns || last == Last::BetweenRuns)
        // No waker, no use of it.
        || last == Last::NobodyButHome && late == Late::Used;
    !impossible
}

fn calls_back(case: Case) -> bool {
    let Case { wake, cancel, handle, last, late, done, .. } = case;
    let handle_is_there = match done {
        Done::Never => return true,
        Done::First | Done::FirstBadly => true,
        // Polled by hand, the handle waits for the second as it does in `LateBetweenRuns`.
        Done::FirstAgain => !handle.gone_before_the_end() && !handle.polled_by_hand(),
        Done::Second => match handle {
            Handle::AwaitedByTask => !case.ends_before_it_is_awaited(),
            handle => handle.polled_by_hand() || handle == Handle::GivenUp,
        },
        // An awaiting task drops it with the outcome.
        Done::LateInside => handle != Handle::AwaitedByTask && !handle.gone_before_the_end(),
        Done::LateBetweenRuns => {
            handle != Handle::AwaitedByTask && !handle.gone_before_the_end() && !cancel.closes()
        }
        // Closed, it has not ended before that.
        Done::LateAtTheClose => handle.there_when_the_executor_closes() && !cancel.closes(),
        Done::Beyond => handle.there_when_the_executor_closes(),
    };
    // Callbacks begin where the waking is over: one wake for each run in which the subject may end. A waker
    // beyond its end is to them a reference, and a wake that comes too late: one at home, one after it.
    let woken = matches!(wake, Wake::Nobody | Wake::AtHome | Wake::BetweenRuns);
    let kept = match last {
        Last::NobodyButHome => true,
        Last::AtHome | Last::Beyond => late == Late::Used,
        Last::BetweenRuns | Last::Elsewhere | Last::BeyondElsewhere => false,
    };
    handle_is_there && woken && kept
}
