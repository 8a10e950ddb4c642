//! What the text of a stall says.

use std::time::Duration;

use super::{Doing, Obstacle, Stall};
use crate::executor::Id;

fn look(micros: u64) -> Stall {
    Stall {
        thread: "main".into(),
        obstacle: Obstacle::Look,
        lasted: Duration::from_micros(micros),
        ready: 2,
        doing: Doing::Unknown,
        tells_remedy: false,
        is_over: true,
    }
}

#[test]
fn a_time_is_rounded_down_to_what_the_watchdog_can_see() {
    let text = |micros| look(micros).to_string().rsplit_once(' ').unwrap().1.to_owned();
    assert_eq!([9_999, 10_000, 12_999].map(text), ["9.999ms", "10ms", "12ms"]);
    assert_eq!(look(1).ready(), 2);
}

#[test]
fn the_name_of_a_thread_cannot_break_the_line() {
    let stall = Stall { thread: "a\nb\u{1b}[2J\u{202e}".into(), ..look(1) };
    let text = stall.to_string();
    assert!(text.starts_with(r"the loop on thread a\nb\u{1b}[2J\u{202e} goes on: "), "{text}");
}

#[test]
fn each_stall_that_the_program_can_help_has_a_remedy() {
    let task = Obstacle::Turn { id: Id::ROOT, name: None, site: None, part: None };
    let remedy = |obstacle: &Obstacle, doing| obstacle.remedy(&doing).unwrap_or("none");
    let turn = "add `yield_now().await`, or move the work to `spawn_blocking`";
    let call = "move the call to `spawn_blocking`, or await an async counterpart";
    assert_eq!(remedy(&task, Doing::Computing), turn);
    assert_eq!(remedy(&task, Doing::Unknown), turn);
    assert_eq!(remedy(&task, Doing::Blocked(None)), call);
    assert_eq!(remedy(&task, Doing::NotScheduled), "none");
    let look = "move long work of wakers, destructors and hooks to `spawn_blocking`";
    assert_eq!(remedy(&Obstacle::Look, Doing::Computing), look);
    assert_eq!(remedy(&Obstacle::Look, Doing::NotScheduled), "none");
}
