//! What a lesson of the tour says of Python holds for its twin: a twin that is changed turns its lesson red.
//!
//! The tour finds a `python3` of ours, which changes the program by a `sed` script and runs it by the real one.
//! Without a `python3` of at least 3.11 there is nothing to change, and these tests say so.

#![cfg(all(unix, feature = "net", feature = "time", feature = "offload"))]
#![forbid(unsafe_code)]

#[path = "common/example.rs"]
mod example;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const CHANGES: &str = r#"
    cat > python3 <<END
#!/bin/sh
case "\$*" in *version_info*) exec $REAL "\$@" ;; esac
flags=
while [ \$# -gt 1 ]; do flags="\$flags \$1"; shift; done
program=\$1
changed=\$(printf '%s\n' "\$program" | sed "\$CHANGE")
[ "\$changed" != "\$program" ] || changed='print("the change does not fit the twin")'
exec $REAL \$flags "\$changed"
END
    chmod +x python3
"#;

const REAL: &str = "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')";

/// The folder with our `python3` in it.
fn changing() -> Option<&'static PathBuf> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let asked = Command::new("python3").args(["-I", "-c", REAL]).output().ok()?;
        let real = String::from_utf8(asked.stdout).unwrap().trim().to_owned();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("changing-python");
        std::fs::create_dir_all(&folder).unwrap();
        // A shell writes it: a file this process had open for writing might still be busy.
        let mut shell = Command::new("sh");
        let written = shell.current_dir(&folder).args(["-c", CHANGES]).env("REAL", &real).status();
        assert!(written.unwrap().success());
        Some(folder).filter(|_| !real.is_empty())
    };
    MADE.get_or_init(make).as_ref()
}

/// What fails in `lesson` when its twin is changed by this `sed` script, and how the two differ. The twin has
/// `bound` seconds.
fn failing(lesson: &str, change: &str, bound: u32) -> Option<(Vec<String>, Vec<String>)> {
    static TOUR: OnceLock<PathBuf> = OnceLock::new();
    let Some(python) = changing() else {
        eprintln!("skipped: no python3 of at least 3.11 was found here");
        return None;
    };
    let path = format!("{}:{}", python.display(), std::env::var("PATH").unwrap());
    let mut tour = Command::new(TOUR.get_or_init(|| example::built("tour")));
    tour.arg(lesson).env("PATH", path).env("CHANGE", change);
    tour.env("TAKETURNS_TWIN_BOUND", bound.to_string());
    let output = tour.output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{page}");
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(!complaints.contains("Warning"), "{complaints}");
    let said = |head: &str| {
        let lines = page.lines().filter_map(|line| line.strip_prefix(head));
        lines.map(|line| line.trim().to_owned()).collect()
    };
    Some((said("FAIL     "), said("differs")))
}

/// Seconds that no twin needs.
const AMPLE: u32 = 120;

/// Fails unless this claim alone, by its beginning, turns red.
#[track_caller]
fn assert_claim(lesson: &str, change: &str, claim: &str) {
    let Some((failed, differs)) = failing(lesson, change, AMPLE) else { return };
    assert!(failed.len() == 1 && failed[0].starts_with(claim), "{failed:?} {differs:?}");
}

/// Fails unless the comparison alone turns red, and says this.
#[track_caller]
fn assert_differs(lesson: &str, change: &str, how: &str) {
    assert_differs_within(AMPLE, lesson, change, how);
}

/// As [`assert_differs`], with a bound that is waited for.
#[track_caller]
fn assert_differs_within(bound: u32, lesson: &str, change: &str, how: &str) {
    let Some((failed, differs)) = failing(lesson, change, bound) else { return };
    let compared = failed.len() == 1 && failed[0].starts_with("the same lines in the same order");
    assert!(compared && differs.len() == 1 && differs[0].contains(how), "{failed:?} {differs:?}");
}

/// Fails unless the comparison turns red and says this, and this claim with it.
#[track_caller]
fn assert_differs_and_claims(lesson: &str, change: &str, how: &str, claim: &str) {
    let Some((failed, differs)) = failing(lesson, change, AMPLE) else { return };
    let both = failed.len() == 2 && failed[0].starts_with(claim);
    assert!(both && differs.len() == 1 && differs[0].contains(how), "{failed:?} {differs:?}");
}

#[test]
fn one_that_ends_with_an_error_after_its_lines() {
    assert_differs("7", "$ a raise SystemExit(3)", "asyncio said all its lines, but it ended with");
}

#[test]
fn one_that_does_not_end_after_its_lines() {
    let lingers = "$ a import time; time.sleep(1000)";
    assert_differs_within(5, "7", lingers, "did not end in time");
    let silent = "$ a import os, time; os.close(1); time.sleep(1000)";
    assert_differs_within(5, "22", silent, "did not end in time");
}

#[test]
fn one_that_says_a_line_more() {
    assert_differs("22", "$ a print('more')", "asyncio says: ");
    assert_differs("22", "$ a print('== another')", "asyncio has another scene");
}

/// Lesson 1.
mod a_lost_task {
    use super::assert_claim;

    #[test]
    fn that_catches_its_cancellation() {
        assert_claim("1", "s/ raise$/ pass/", "`asyncio.run` cancelled it");
    }

    #[test]
    fn that_is_not_cancelled() {
        let alone = "s/^task = asyncio.run(entry())/task = asyncio.new_event_loop().run_until_complete(entry())/";
        assert_claim("1", alone, "`asyncio.run` cancelled it");
    }

    #[test]
    fn that_takes_one_last_turn_only() {
        assert_claim("1", "s/range(9)/range(2)/", "in asyncio each had a second");
    }

    #[test]
    fn that_something_refers_to() {
        let kept = "s/asyncio.create_task(forgotten())/collect.kept = &/";
        assert_claim("1", kept, "the forgotten task was collected there");
    }
}

#[test]
fn a_wait_that_is_not_over_at_its_time() {
    assert_claim("7", "s/sleep(0.1)/sleep(0.2)/", "as long in asyncio");
}

#[test]
fn a_clean_up_that_takes_no_time() {
    assert_claim("9", "s/sleep(0.3)/sleep(0)/", "in asyncio it held the error up");
}

#[test]
fn parcels_that_are_empty() {
    assert_differs("15", "s/bytes(1024)/bytes(0)/", "asyncio says: ");
}

/// Lessons 12, 15 and 20: the debug mode of asyncio tells of a turn when it is over.
mod a_long_turn {
    use super::{assert_claim, assert_differs};

    #[test]
    fn that_is_told_of_while_it_lasts() {
        assert_claim("12", "s/^    is_stuck = False$/    pass/", "asyncio tells of it when");
        assert_claim("15", "s/^    has_turn = False$/    pass/", "asyncio tells of it when");
        assert_claim("20", "s/^    is_done = True$/    pass/", "asyncio tells of it when");
    }

    #[test]
    fn that_does_not_block() {
        let waits = "s/^    time.sleep(0.3)$/    await asyncio.sleep(0.3)/; s/    is_stuck = True$/    print('-- told of the culprit after its turn')/";
        assert_differs("12", waits, "asyncio says: tick 0 / blocks / tick 1 / tick 2 / blocked");
    }
}

#[test]
fn a_run_that_has_a_time_limit() {
    let no_error = "s/asyncio.run(stop, timeout=1)/pass/";
    assert_claim("16", no_error, "`asyncio.run` refuses a parameter");
}

#[test]
fn a_job_that_is_not_overtaken() {
    let no_limit = "s/wait_for(job, timeout=HOUR)/wait_for(job, timeout=None)/";
    assert_claim("33", no_limit, "by the twin's clock it is");
}

#[test]
fn a_result_that_can_be_awaited() {
    assert_claim("27", "s/await task.result()$/await task/", "in asyncio `await task.result()`");
}

#[test]
fn an_error_that_vanishes() {
    let silent = "s/-- reported all the same: {error}/-- reported/";
    assert_claim("28", silent, "asyncio reported it");
}

#[test]
fn a_timer_of_the_loop_that_uses_it() {
    let own = "s/await timer$/await asyncio.sleep(0)/";
    assert_differs("29", own, "asyncio says: ");
}

#[test]
fn callbacks_that_are_added_in_another_order() {
    let at_once = "s/-- after the await,/--/";
    assert_claim("19", at_once, "asyncio calls it");
    let first = "/^async def between/,$ s/await asyncio.sleep(0)$/pass/";
    assert_claim("19", first, "in asyncio it goes on between them");
}

#[test]
fn one_that_yields_less_often() {
    assert_differs("32", "s/for k in 10, 100/for k in 20, 100/", "asyncio says: every 20: 49");
}

#[test]
fn a_gather_that_takes_longer() {
    assert_claim("13", "s/fetch(1, 3)/fetch(1, 4)/", "as long in asyncio");
}

#[test]
fn workers_that_take_longer() {
    let longer = "s/permits, number, 1 + number/permits, number, 2 + number/";
    assert_claim("10", longer, "as long in asyncio");
    let apart = "s/await asyncio.sleep(1)$/await asyncio.sleep(1 + number)/";
    assert_claim("10", apart, "in asyncio ten sleeps of one deadline");
}

#[test]
fn a_semaphore_without_a_bound() {
    assert_differs(
        "18",
        "s/permits, tasks = asyncio.Semaphore(5)/permits, tasks = asyncio.Semaphore(50)/",
        "asyncio says: ",
    );
}

#[test]
fn a_budget_of_another_size() {
    assert_differs(
        "26",
        "s/i % 128 == 0/i % 64 == 0/",
        "asyncio says: budget: 1000 rounds, the other task took 15",
    );
}

#[test]
fn a_lock_of_tasks_that_is_none() {
    assert_differs(
        "31",
        "s/^asyncio.run(two(asyncio.Lock()))/asyncio.run(two(NoLock()))/",
        "asyncio says: ",
    );
}

#[test]
fn a_task_that_cannot_be_cancelled() {
    let catches = "/^async def deaf/,$ s/    await asyncio.sleep(1)$/    await asyncio.wait([asyncio.create_task(asyncio.sleep(0))])/; \
        s/    task.cancel()$/    await asyncio.sleep(0.1)/";
    assert_claim("11", catches, "in asyncio it was cancelled");
}

#[test]
fn a_test_that_sees_each_error() {
    let base = "s/isinstance(outcome, Exception) for/isinstance(outcome, BaseException) for/";
    assert_claim("14", base, "in asyncio `isinstance(outcome, Exception)`");
}

#[test]
fn a_group_whose_body_yields() {
    assert_differs("17", "s/^run(dispatch(False))/run(dispatch(True))/", "asyncio says: ");
}

#[test]
fn an_event_that_is_set_later() {
    assert_claim("8", "s/call_later(1, /call_later(2, /", "as long in asyncio");
}

#[test]
fn a_waiter_that_does_not_write() {
    let silent = "s/    (print if/    (id if name == \"-- a\" else print if/";
    assert_claim("35", silent, "in asyncio both wrote");
}

#[test]
fn a_deadlock_that_asyncio_tells_of() {
    let tells = "s/^    done, _ = await.*$/&; logging.getLogger('asyncio').warning('stuck')/";
    assert_claim("36", tells, "asyncio told of neither");
}

#[test]
fn locks_that_are_taken_in_one_order() {
    let ends = "s/takes(two, one)/takes(one, two)/";
    assert_differs("36", ends, "has one lock / has both / has one lock / has both / ended");
}

#[test]
fn a_row_that_takes_a_long_turn() {
    let slow = "s/^    Turns.count += 1$/&; asyncio.get_running_loop().clock.now += 0.2/";
    assert_claim("37", slow, "asyncio told nothing");
    assert_differs("37", "s/^ROWS = 8/ROWS = 7/", "health answers, after 7");
}

#[test]
fn a_stuck_loop_that_is_asked_at_another_place() {
    let elsewhere = "s/^async def blocks/async def works/; s/(blocks(/(works(/";
    assert_claim("38", elsewhere, "asyncio knows the line");
    let free = "s/^    stuck.set()$/    asyncio.get_running_loop().call_soon(stuck.set)/; s/^    go_on.wait()$/    await asyncio.to_thread(go_on.wait)/";
    assert_differs("38", free, "asyncio says: main waits / sleeper waits / culprit waits");
}

#[test]
fn a_refusal_that_names_a_place() {
    let place = r#"s/print(f"-- {error}")/print(f"-- {error}, entered at line 1")/"#;
    assert_claim("24", place, "asyncio's name no place");
}

#[test]
fn a_computation_that_is_not_offloaded() {
    let in_place = "s/^asyncio.run(beside(on_a_thread))/asyncio.run(beside(in_place))/";
    assert_differs("30", in_place, "asyncio says: result 816 / the neighbour");
}

#[test]
fn a_process_that_ends_in_another_way() {
    assert_differs("30", "s/_exit(3)/_exit(4)/", "no result: exit code 4");
}

#[test]
fn a_thread_that_is_waited_for_at_the_end() {
    assert_differs(
        "3",
        "s/daemon=True, rest=\"\"/daemon=False, rest=\"over.set()\"/",
        "asyncio says: a / Background task iteration 0",
    );
}

#[test]
fn a_coroutine_that_is_awaited_on_its_thread() {
    let run = "s/^on_a_thread(target=background)/on_a_thread(background(), target=asyncio.run)/";
    assert_differs_and_claims("4", run, "background runs", "asyncio warned each time");
}

#[test]
fn a_client_that_is_sent_nothing() {
    let none = "s/await queue.put(data)$/pass/";
    assert_differs("5", none, "asyncio says: client a connected");
}

#[test]
fn an_error_that_no_thread_is_told() {
    let silent = "s/^threading.excepthook = .*/threading.excepthook = lambda _: None/";
    assert_claim("6", silent, "the error of the loop was given to `join`");
}

#[test]
fn an_event_that_wakes_the_loop() {
    let safe = "/wrong way/,/right way/ s/background.stop.set()/background.loop.call_soon_threadsafe(background.stop.set)/; s/thread.join(0.1)/thread.join(60)/; /any wake of/ d";
    assert_differs("6", safe, "asyncio says: stopping: storing what is in hand");
}

#[test]
fn a_stopped_loop_that_is_run_meanwhile() {
    let runs = "s/submit(too_late(), limit=0.1)/loop.run_until_complete(too_late())/";
    let how = "asyncio says: done after all / the value: 2 / the loop runs again";
    assert_differs_and_claims("23", runs, how, "in asyncio the wait for a stopped loop");
}

#[test]
fn an_idle_loop_that_is_woken() {
    let woken =
        "s/task.result()))$/&; loop._write_to_self()/; s/future.result(0.1)/future.result(60)/";
    assert_claim("25", woken, "in asyncio `create_task` from another thread");
}

#[test]
fn a_bridge_that_forwards_each_error() {
    let forwards = "s/limit=0.1, forwards=False/limit=60, forwards=True/";
    assert_differs("25", forwards, "asyncio says: error no");
}

#[test]
fn one_that_warns_is_not_heard_on_the_terminal() {
    assert_differs(
        "22",
        "$ a import warnings; warnings.warn('threads'); print('more')",
        "asyncio says: ",
    );
}

#[test]
fn a_refusal_that_says_where_the_outer_run_is() {
    let place = r#"s/print(f"-- {error}")/print(f"-- {error}, entered at line 1")/"#;
    assert_claim("22", place, "asyncio's names no place");
}
