//! The life of a task by its transitions, one after the other; and what a transition may not meet.

use super::count::{AwayCount, Fate};
use super::state::{AfterEnd, Join, REMOTE, SPAWNED, TaskState, Turn, Wake};
use crate::executor::State;

fn spawned() -> (TaskState, AwayCount) {
    (TaskState::new(SPAWNED), AwayCount::new())
}

/// Ends the task in a turn that has begun, and stores the output.
fn end(state: &TaskState) {
    state.future_dropped();
    state.output_stored();
    assert!(state.clear_listed());
}

#[test]
fn a_task_woken_in_its_own_turn_enters_the_queue_once_and_when_the_turn_ends() {
    let (state, away) = spawned();
    assert_eq!(state.wake(), Wake::Nothing, "in the queue since the spawn");
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    assert_eq!((state.wake(), state.wake()), (Wake::Nothing, Wake::Nothing));
    assert_eq!(state.end_turn(), Wake::Push);
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    assert_eq!(state.end_turn(), Wake::Nothing);
    assert_eq!((state.wake(), state.wake()), (Wake::Push, Wake::Nothing));
}

#[test]
fn an_abort_makes_the_next_turn_drop_the_future_and_no_later_one() {
    let (state, away) = spawned();
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    assert_eq!(state.abort(), Wake::Nothing);
    assert_eq!(state.end_turn(), Wake::Push, "woken by the abort");
    assert_eq!(state.begin_turn(&away), Turn::Cancel);
    end(&state);
    assert_eq!(state.end_last_turn(&away), AfterEnd::Over(Fate::Kept));
    assert_eq!(state.abort(), Wake::Nothing, "it has ended");
}

#[test]
fn the_handle_gets_the_output_once_and_then_frees_the_task() {
    let (state, away) = spawned();
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    assert_eq!(state.join(), Join::NotYet);
    state.future_dropped();
    assert_eq!(state.join(), Join::NotYet, "the turn that ends the task has the output");
    state.output_stored();
    assert!(state.clear_listed());
    assert_eq!(state.end_last_turn(&away), AfterEnd::Over(Fate::Kept));
    assert_eq!(state.join(), Join::Output);
    assert!(state.take_output());
    assert!(!state.take_output());
    assert_eq!(state.join(), Join::Taken);
    assert_eq!(state.handle_dropped(&away), Fate::Free);
}

#[test]
fn a_late_callback_has_a_turn_that_keeps_the_output_from_the_handle() {
    let (state, away) = spawned();
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    end(&state);
    assert_eq!(state.end_last_turn(&away), AfterEnd::Over(Fate::Kept));
    assert_eq!((state.owe_delivery(), state.owe_delivery()), (Wake::Push, Wake::Nothing));
    assert_eq!(state.begin_turn(&away), Turn::Deliver);
    assert_eq!(state.join(), Join::NotYet);
    assert_eq!(state.owe_delivery(), Wake::Nothing, "it enters when this turn ends");
    state.output_stored();
    assert_eq!(state.end_last_turn(&away), AfterEnd::Push);
}

#[test]
fn a_task_without_a_handle_retires_at_the_end_of_its_last_turn() {
    let (state, away) = spawned();
    assert_eq!(state.handle_dropped(&away), Fate::Kept);
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    state.count.inc(&away); // a waker
    state.future_dropped();
    assert!(state.clear_listed());
    assert_eq!(state.end_last_turn(&away), AfterEnd::Over(Fate::Kept), "the waker is out");
    assert_eq!(away.dec(), Fate::Free);
}

#[test]
fn a_report_tells_ready_running_waiting_and_stuck_apart() {
    let (state, away) = spawned();
    assert_eq!(state.reported(0, &away), State::Ready);
    assert_eq!(state.begin_turn(&away), Turn::Poll);
    assert_eq!(state.reported(1, &away), State::Running);
    assert_eq!(state.end_turn(), Wake::Nothing);
    assert_eq!(state.reported(1, &away), State::Stuck);
    state.count.inc(&away);
    assert_eq!(state.reported(1, &away), State::Waiting);
    assert!(away.post());
    assert_eq!(state.reported(1, &away), State::Ready, "its wake has begun");
}

#[test]
fn home_lists_a_task_that_another_thread_sent_once() {
    let state = TaskState::new(REMOTE);
    assert!(state.take_new());
    assert!(!state.take_new());
    assert!(state.is_listed());
}

type Transition = fn(&TaskState, &AwayCount);

/// What no transition may meet, each with its message.
const FORBIDDEN: [(&str, Transition); 5] = [
    ("no turn to end", |state, _| _ = state.end_turn()),
    ("no future was there", |state, _| _ = state.future_dropped()),
    ("the output is another's", |state, _| state.output_stored()),
    ("still queued, or gone", |state, _| state.begin_close()),
    ("not a task of the run queue", |state, away| {
        _ = state.begin_turn(away);
        _ = state.begin_turn(away);
    }),
];

#[test]
#[cfg(debug_assertions)]
fn a_transition_that_its_state_forbids_panics_in_debug_builds() {
    for (message, transition) in FORBIDDEN {
        let (state, away) = spawned();
        let panic =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| transition(&state, &away)));
        let text = panic.expect_err(message);
        assert_eq!(text.downcast_ref::<&str>(), Some(&message));
    }
}
