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
fn each_stall_has_a_remedy() {
    let task = Obstacle::Turn { id: Id::ROOT, name: None, site: None, part: None };
    let remedy = |obstacle: &Obstacle, doing| obstacle.remedy(&doing);
    let turn = "add `yield_now().await`, or move the work to `spawn_blocking`";
    let call = "move the call to `spawn_blocking`, or await an async counterpart";
    assert_eq!(remedy(&task, Doing::Computing), turn);
    assert_eq!(remedy(&task, Doing::Unknown), turn);
    assert_eq!(remedy(&task, Doing::Blocked(None)), call);
    let starved = Doing::NotScheduled { ran: Duration::ZERO, of: Duration::ZERO };
    let less = "give the machine less to do, or if the turn is long all the same, ";
    assert_eq!(remedy(&task, starved.clone()), format!("{less}{turn}"));
    let look = "move long work of wakers, destructors and hooks to `spawn_blocking`";
    assert_eq!(remedy(&Obstacle::Look, Doing::Computing), look);
    let less = "give the machine less to do, or if the look is long all the same, ";
    assert_eq!(remedy(&Obstacle::Look, starved), format!("{less}{look}"));
}

#[test]
fn of_a_thread_that_got_no_core_text_and_json_have_for_how_long_it_ran() {
    let (ran, of) = (Duration::from_micros(45_678), Duration::from_millis(100));
    let stall = Stall { doing: Doing::NotScheduled { ran, of }, is_over: false, ..look(130_000) };
    let end = "; the thread ran for 45ms of 100ms, as the system gave its core to others";
    assert!(stall.to_string().ends_with(end), "{stall}");
    let read: serde_json::Value = serde_json::from_str(&stall.to_json()).unwrap();
    assert_eq!(read["doing"], "not scheduled");
    assert_eq!((&read["ran_ns"], &read["ran_of_ns"]), (&45_678_000.into(), &100_000_000.into()));
}
