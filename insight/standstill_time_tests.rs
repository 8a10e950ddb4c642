//! Which time counts: in which the loop's thread had no core, the watchdog had none, or the process was stopped.

#[cfg(feature = "inspect")]
use super::Stall;
use super::{LoopState, Standstill, TWO_READY, goes_on, made, ms, stands};
use crate::insight::proc::Act;
use crate::insight::stall::Doing;

/// Samples of a thread that is ready, and runs so long, waits so long and is given a core so often in each 25 ms; the end of
/// what they tell at 100 ms.
fn told_of_a_ready_thread(ran: u64, waited: u64, given: u64) -> String {
    let made = made();
    made.act.replace(Some(Act::Runs));
    made.run(0, 0, 0);
    let mut told = String::new();
    for _ in 0..5 {
        told = made.after(25);
        made.run(ran, waited, given);
    }
    told.rsplit("; ").next().unwrap().to_owned()
}

#[test]
fn a_thread_that_gets_no_core_is_told_from_one_that_computes() {
    let starved =
        |ran| format!("the thread ran for {ran} of 75ms, as the system gave its core to others");
    let computes = "the thread computes";
    assert_eq!(told_of_a_ready_thread(0, 0, 0), starved("0ns")); // all the time: its wait is not booked before it ends
    assert_eq!(told_of_a_ready_thread(18, 7, 1), starved("54ms")); // for a quarter of the time, and a little more
    assert_eq!(told_of_a_ready_thread(19, 6, 1), computes);
    assert_eq!(told_of_a_ready_thread(25, 0, 0), computes); // it keeps its core
}

#[test]
fn running_time_that_the_kernel_books_at_its_next_tick_is_not_taken_for_a_wait() {
    let made = made();
    made.act.replace(Some(Act::Runs));
    made.run(0, 0, 0);
    assert_eq!([0, 25].map(|gap| made.after(gap)), [const { String::new() }; 2]);
    made.run(47, 0, 0);
    assert_eq!(made.after(50), "");
    // 28 of the 75 ms are not booked: more than a quarter, but for the tick that may be due.
    assert_eq!(made.after(25), stands("100ms", &format!("{TWO_READY}; the thread computes")));
}

/// What is told at 100 ms of a thread that is ready, and by the kernel's books runs so long in each of the last three gaps.
fn told_of_what_is_booked(booked: [u64; 3]) -> String {
    let made = made();
    made.act.replace(Some(Act::Runs));
    made.run(0, 0, 0);
    assert_eq!([0, 25].map(|gap| made.after(gap)), [const { String::new() }; 2]);
    let told = booked.map(|ran| {
        made.run(ran, 0, 0);
        made.after(25)
    });
    told.last().unwrap().rsplit("; ").next().unwrap().to_owned()
}

/// By the books of a virtual machine's kernel it has run when the host gives the core back. But it was not seen to.
#[test]
fn a_core_that_the_host_keeps_is_told_from_a_thread_that_computes() {
    let starved =
        |ran| format!("the thread ran for {ran} of 75ms, as the system gave its core to others");
    assert_eq!(told_of_what_is_booked([0, 0, 44]), starved("25ms"));
    assert_eq!(told_of_what_is_booked([0, 56, 0]), starved("25ms")); // and then another thread has it
    assert_eq!(told_of_what_is_booked([0, 84, 1]), starved("26ms")); // more than there was
    let computes = "the thread computes";
    assert_eq!(told_of_what_is_booked([10, 30, 30]), computes); // 5 ms of each 30 are from the gap before
    assert_eq!(told_of_what_is_booked([0, 30, 30]), computes);
}

/// Where the kernel books only at each tenth look.
#[test]
fn a_thread_that_computes_is_told_from_one_without_a_core_also_between_two_ticks() {
    let made = made();
    made.standstill.replace(Standstill::new(ms(4), "main".into()));
    made.act.replace(Some(Act::Runs));
    let mut told = Vec::new();
    for now in 0..40 {
        made.run(if now % 10 == 9 { 10 } else { 0 }, 0, 0);
        told.extend(
            made.sample(1).map(|stall| (stall.lasted().as_millis(), stall.doing().clone())),
        );
    }
    assert_eq!(told, [4, 8, 16, 32].map(|lasted| (lasted, Doing::Computing)));
}

#[test]
fn the_time_in_which_a_ready_thread_was_blocked_is_not_taken_for_time_without_a_core() {
    let made = made();
    let blocked = || Act::Blocked(None);
    let acts = [blocked(), blocked(), blocked(), blocked(), Act::Runs];
    let told = acts.map(|act| {
        let given = u64::from(act == Act::Runs);
        made.act.replace(Some(act));
        made.run(0, 0, given);
        made.after(25)
    });
    assert!(told[4].ends_with("; the thread computes"), "{told:?}");
}

#[test]
fn a_thread_that_has_run_for_the_threshold_computes_however_long_it_waited_for_its_core() {
    let made = made();
    made.act.replace(Some(Act::Runs));
    let mut told = Vec::new();
    for _ in 0..36 {
        made.run(5, 20, 1);
        told.extend(Some(made.after(25)).filter(|text| !text.is_empty()));
    }
    let ends: Vec<_> = told.iter().map(|text| text.rsplit("; ").next().unwrap()).collect();
    let starved =
        |times| format!("the thread ran for {times}, as the system gave its core to others");
    let all = ["15ms of 75ms", "35ms of 175ms", "75ms of 375ms"].map(starved);
    assert_eq!(ends, [&all[0], &all[1], &all[2], "the thread computes"]); // it ran for 155 of 775 ms
}

#[cfg(feature = "inspect")]
#[test]
fn a_stall_that_goes_on_does_what_the_last_sample_has_seen() {
    let made = made();
    made.act.replace(Some(Act::Runs));
    let mut seen = Vec::new();
    for _ in 0..30 {
        made.run(5, 20, 1);
        let told = made.after(25);
        let (_, stall) = made.standstill.borrow().goes_on().unzip();
        if let Some(Stall { doing, lasted, .. }) = stall {
            seen.push((lasted.as_millis(), doing, !told.is_empty()));
        }
    }
    let starved = |ran, of| Doing::NotScheduled { ran: ms(ran), of: ms(of) };
    assert_eq!(seen[0], (100, starved(15, 75), true));
    assert_eq!(seen[1], (125, starved(20, 100), false));
    assert_eq!(seen[16], (500, starved(95, 475), false));
    assert_eq!(seen[17], (525, Doing::Computing, false));
}

#[test]
fn a_stopped_process_does_not_set_it_off() {
    let made = made();
    for _ in 0..100 {
        assert_eq!(made.after(25), "");
        assert_eq!(made.after(25), "");
        assert_eq!(made.after(3_600_000), ""); // stopped for an hour, in the middle of a short turn
        made.change(|pulse| pulse.turns += 1);
    }
    // The time before and after it counts, and what was told stays told.
    assert_eq!([25, 25, 51, 25, 25].map(|gap| made.after(gap)), [const { String::new() }; 5]);
    assert_eq!(made.after(25), stands("100ms", TWO_READY));
    assert_eq!([51, 1000, 50].map(|gap| made.after(gap)), [const { String::new() }; 3]);
    assert_eq!(made.after(50), stands("200ms", TWO_READY));
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(1000), goes_on("200ms"));
}

#[test]
fn time_in_which_the_watchdog_waited_for_a_core_counts() {
    let made = made();
    made.own_wait.set(Some(ms(7000)));
    let sample = |gap, waited| {
        made.own_wait.set(Some(made.own_wait.get().unwrap() + ms(waited)));
        made.after(gap)
    };
    assert_eq!(sample(25, 25), "");
    assert_eq!(sample(60, 10), ""); // all of it: it slept for 50 ms at most, as a watchdog may
    assert_eq!(sample(61, 10), ""); // 10 of it: it slept for 51 ms, or it was stopped
    assert_eq!(sample(1000, 29), "");
    assert_eq!(sample(40, 500), stands("139ms", TWO_READY)); // no more than there was
    assert_eq!(sample(1000, 960), stands("1.139s", TWO_READY));
    made.own_wait.set(None); // the system does not tell it any more
    assert_eq!([50, 51].map(|gap| made.after(gap)), [const { String::new() }; 2]);
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(10), goes_on("1.199s"));
}

#[test]
fn time_in_which_the_loops_thread_ran_counts_also_if_the_watchdog_was_not_ready() {
    let made = made();
    made.act.replace(Some(Act::Runs));
    let sample = |gap, ran| {
        made.run(ran, 0, 0);
        made.sample(gap).map_or(ms(0), |stall| stall.lasted())
    };
    assert_eq!([(25, 25), (25, 25)].map(|(gap, ran)| sample(gap, ran)), [ms(0); 2]); // 25 ms
    assert_eq!(sample(1000, 35), ms(0)); // 25 of them, as 10 may be from before
    assert_eq!(sample(100, 59), ms(0)); // 49
    assert_eq!(sample(100, 60), ms(199)); // all: it slept for 50 at most
    assert_eq!(sample(200, 1000), ms(399)); // no more than there was
}

#[test]
fn of_the_time_without_a_core_in_which_the_turn_has_ended_half_is_told() {
    for (gap, waited, told) in
        [(50, 0, 150), (90, 40, 145), (91, 40, 140), (91, 60, 145), (1000, 980, 600)]
    {
        let made = made();
        made.own_wait.set(Some(ms(0)));
        assert_eq!(made.until(125).len(), 1);
        made.own_wait.set(Some(ms(waited)));
        made.change(|pulse| (pulse.turns, pulse.stands) = (7, LoopState::Parked));
        assert_eq!(made.after(gap), goes_on(&format!("{told}ms")), "{gap} {waited}");
    }
}

#[test]
fn a_debugger_that_stops_the_loops_thread_alone_does_not_set_it_off() {
    let made = made();
    assert_eq!(made.until(75), [""; 0]);
    made.act.replace(Some(Act::Stopped));
    assert_eq!(made.until(10_000), [""; 0]);
    made.act.replace(Some(Act::Runs));
    // 50 ms before it, and 50 after. In the first 25 it may have been stopped yet.
    let told = format!("10075: {}", stands("100ms", &format!("{TWO_READY}; the thread computes")));
    assert_eq!(made.until(10_100), [told]);
}

#[test]
fn a_turn_that_a_debugger_has_stopped_for_a_moment_lasted_no_shorter_than_was_told() {
    let made = made();
    assert_eq!(made.until(225).len(), 2); // the last: for at least 200 ms
    made.act.replace(Some(Act::Stopped));
    assert_eq!(made.after(25), "");
    made.act.replace(Some(Act::Runs));
    assert_eq!([25, 25].map(|gap| made.after(gap)), [const { String::new() }; 2]);
    assert_eq!(made.counts().longest, ms(225));
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(25), goes_on("250ms"));
    // It is stopped when the turn ends.
    assert_eq!(made.until(475).len(), 1);
    made.act.replace(Some(Act::Stopped));
    assert_eq!(made.after(25), "");
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(25), goes_on("150ms"));
}

#[test]
fn time_that_a_sample_itself_takes_counts_if_the_turn_was_there_before() {
    let made = made();
    made.slow.set(ms(20)); // the turn may have begun in the first of these
    assert_eq!([25, 25, 25].map(|gap| made.after(gap)), [const { String::new() }; 3]);
    assert_eq!(made.after(25), stands("115ms", TWO_READY));
    made.slow.set(ms(0));
    made.change(|pulse| pulse.turns += 1);
    assert_eq!(made.after(25), goes_on("160ms"));
}

/// Samples every 25 ms until `end`, in each of which the process is stopped for a while, and the loop's thread, which does
/// `act`, runs and waits so long, and is given a core so often.
fn told_when_stopped_in_each_gap(
    act: &Act,
    (ran, waited, given): (u64, u64, u64),
    end: u64,
) -> Vec<String> {
    let made = made();
    made.own_wait.set(Some(ms(0)));
    made.act.replace(Some(act.clone()));
    let mut told = Vec::new();
    while made.now.get() < ms(end) {
        made.own_slices.set(made.own_slices.get() + 2); // the stop, and its end
        made.run(ran, waited, given);
        let text = made.after(25);
        if !text.is_empty() {
            told.push(format!(
                "{}: {}",
                made.now.get().as_millis(),
                text.split("; ").next().unwrap()
            ));
        }
    }
    made.change(|pulse| pulse.turns += 1);
    made.own_slices.set(made.own_slices.get() + 2);
    made.run(ran, waited, given);
    told.extend(Some(made.after(25)).filter(|text| !text.is_empty()));
    told
}

#[test]
fn of_time_with_stops_shorter_than_the_watchdogs_sleep_what_the_thread_ran_and_waited_counts() {
    let stopped = told_when_stopped_in_each_gap;
    let first = |told: Vec<String>| told.into_iter().next().unwrap_or_default();
    let begin = stands("100ms", "").split("; ").next().unwrap().to_owned();
    assert_eq!(stopped(&Act::Runs, (1, 1, 3), 1200), [""; 0]); // 49 gaps count, with 2 ms each
    // Not the first gap, at whose begin the schedule was not read.
    let told = stopped(&Act::Runs, (5, 5, 3), 300);
    assert_eq!(told, [format!("300: {begin}"), goes_on("110ms")]);
    // It got no core, so nothing is known of it.
    assert_eq!(first(stopped(&Act::Runs, (0, 0, 0), 200)), format!("150: {begin}"));
    // The call would have blocked it all the same.
    let blocked = Act::Blocked(None);
    assert_eq!(first(stopped(&blocked, (0, 0, 2), 200)), format!("125: {begin}"));
}

#[test]
fn a_thread_that_is_also_blocked_for_short_times_is_told_of_if_the_watchdog_was_not_woken() {
    let made = made();
    made.own_wait.set(Some(ms(0)));
    made.act.replace(Some(Act::Runs));
    for _ in 0..4 {
        made.run(5, 0, 20);
        assert_eq!(made.after(25), "");
    }
    made.run(5, 0, 20);
    assert_eq!(made.after(25), stands("100ms", &format!("{TWO_READY}; the thread computes")));
}
