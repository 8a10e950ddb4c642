//! How dumps read.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::ask::Listed;
use super::dump::Dump;
use crate::common::awaited::{Awaited, Detail};
use crate::common::notes::Waits;
use crate::executor::{Id, Info, State};

type Site = &'static Location<'static>;

#[track_caller]
fn here() -> Site {
    Location::caller()
}

/// A task that waits, has been polled once, and is awaited by another.
fn task(id: u64, site: Site, awaited_by: Option<u64>) -> (Info, Option<Id>) {
    named(id, None, site, awaited_by)
}

fn named(id: u64, name: Option<&str>, site: Site, by: Option<u64>) -> (Info, Option<Id>) {
    (Info::new(Id(id), name.map(Box::from), site, 1, State::Waiting), by.map(Id))
}

fn dump(listed: impl IntoIterator<Item = (Info, Option<Id>)>) -> Dump {
    let listed = listed.into_iter().map(|(task, awaited_by)| Listed {
        task,
        awaited_by,
        is_awaited_elsewhere: false,
    });
    Dump::of_loop(listed.collect(), Some(Waits::new()), None)
}

fn text(listed: impl IntoIterator<Item = (Info, Option<Id>)>) -> String {
    dump(listed).to_string()
}

#[test]
fn a_task_stands_below_the_task_that_awaits_it() {
    let site = here();
    let listed = [
        task(4, site, Some(2)),
        task(0, site, None),
        named(2, Some("server"), site, Some(0)),
        task(1, site, None),
        task(3, site, Some(2)),
    ];
    let expected = format!(
        "4 tasks and the future of `block_on`:
the future of `block_on`, called at {site}, polled once, waiting
  task #2 \"server\", spawned at {site}, polled once, waiting
    task #3, spawned at {site}, polled once, waiting
    task #4, spawned at {site}, polled once, waiting
task #1, spawned at {site}, polled once, waiting"
    );
    assert_eq!(text(listed), expected);
}

#[test]
fn an_empty_dump_says_so() {
    assert_eq!(text([]), "no task");
    assert_eq!(text([task(1, here(), None)]).lines().next(), Some("1 task:"));
}

#[test]
fn more_than_five_that_are_alike_share_a_line() {
    let (site, other) = (here(), here());
    let few = |count| (1..=count).map(|id| task(id, site, None)).chain([task(99, other, None)]);
    assert_eq!(text(few(5)).lines().count(), 7);
    let expected = format!(
        "7 tasks:
6 tasks spawned at {site}, waiting (#1 to #6); polled once each
task #99, spawned at {other}, polled once, waiting"
    );
    assert_eq!(text(few(6)), expected);
}

#[test]
fn tasks_that_stand_otherwise_or_have_a_name_keep_a_line_of_their_own() {
    let site = here();
    let alike = (1..=8).map(|id| {
        let polls = if id < 4 { 2 } else { 7 };
        let state = if id == 5 { State::Stuck } else { State::Waiting };
        let name = (id == 6).then(|| "six".into());
        (Info::new(Id(id), name, site, polls, state), None)
    });
    let expected = format!(
        "8 tasks:
6 tasks spawned at {site}, waiting (#1 to #8); polled 2 to 7 times
task #5, spawned at {site}, polled 7 times, stuck: no waker of it is left
task #6 \"six\", spawned at {site}, polled 7 times, waiting"
    );
    assert_eq!(text(alike), expected);
}

/// The line would say of all what only the first of them is called.
#[test]
fn tasks_whose_waits_are_named_otherwise_do_not_share_a_line() {
    let site = here();
    let alike = (1..=12).map(|id| Listed {
        task: task(id, site, None).0,
        awaited_by: None,
        is_awaited_elsewhere: false,
    });
    let label = |id| if id == 4 { "reading four" } else { "reading" };
    let named = |id| (Id(id), vec![Awaited::named(label(id).into(), site)]);
    let waits = (1..=12).map(named).collect();
    let expected = format!(
        "12 tasks:
11 tasks spawned at {site}, waiting (#1 to #12); polled once each; each waits as #1 does: in \"reading\", named at {site}
task #4, spawned at {site}, polled once, waiting; in \"reading four\", named at {site}"
    );
    assert_eq!(Dump::of_loop(alike.collect(), Some(waits), None).to_string(), expected);
}

#[test]
fn a_line_that_many_share_says_how_often_they_were_polled() {
    let polled = |polls: [u32; 6]| {
        let site = here();
        let tasks = (1..).zip(polls);
        let tasks =
            tasks.map(|(id, polls)| (Info::new(Id(id), None, site, polls, State::Waiting), None));
        text(tasks).rsplit_once("; ").unwrap().1.to_owned()
    };
    assert_eq!(polled([0; 6]), "polled never");
    assert_eq!(polled([1; 6]), "polled once each");
    assert_eq!(polled([3; 6]), "polled 3 times each");
    assert_eq!(polled([3, 0, 1, 2, 1, 1]), "polled 0 to 3 times");
}

#[test]
fn tasks_that_await_alike_share_a_line_with_what_they_await() {
    let (outer, inner, odd) = (here(), here(), here());
    let pairs = (0..10).flat_map(|pair| {
        let below = if pair == 7 { odd } else { inner };
        [task(2 * pair + 1, outer, None), task(2 * pair + 2, below, Some(2 * pair + 1))]
    });
    let expected = format!(
        "20 tasks:
9 tasks spawned at {outer}, waiting (#1 to #19); polled once each; each awaits what #1 does:
  task #2, spawned at {inner}, polled once, waiting
task #15, spawned at {outer}, polled once, waiting
  task #16, spawned at {odd}, polled once, waiting"
    );
    assert_eq!(text(pairs), expected);
}

#[test]
fn a_circle_is_cut_above_its_first_task_and_named() {
    let site = here();
    // 1 awaits 2, 2 awaits 3, 3 awaits 1; 4 is awaited by 2; 5 awaits itself.
    let listed = [
        task(1, site, Some(3)),
        task(2, site, Some(1)),
        task(3, site, Some(2)),
        task(4, site, Some(2)),
        task(5, site, Some(5)),
    ];
    let line = |id| format!("task #{id}, spawned at {site}, polled once, waiting");
    let expected = [
        "5 tasks:".to_owned(),
        line(1) + "; a circle: it is awaited by task #3 below",
        "  ".to_owned() + &line(2),
        "    ".to_owned() + &line(3),
        "    ".to_owned() + &line(4),
        line(5) + "; a circle: it awaits itself",
    ];
    assert_eq!(text(listed), expected.join("\n"));
}

#[test]
fn a_wait_has_no_digits_that_no_reader_needs() {
    let site = here();
    let left = Duration::from_nanos(59_899_911_898);
    let timer = Awaited::new("the timer made", site).with(Detail::DueIn(left));
    assert_eq!(timer.to_string(), format!("waits for the timer made at {site}, due in 59.899s"));
    assert_eq!(timer.due_in(), Some(left));
}

#[test]
fn an_awaiter_that_is_not_in_the_dump_is_left_out() {
    let site = here();
    let expected = format!("1 task:\ntask #1, spawned at {site}, polled once, waiting");
    assert_eq!(text([task(1, site, Some(7))]), expected);
}

#[test]
fn a_dump_has_500_lines_at_most_and_says_how_many_tasks_are_left_out() {
    let (outer, inner) = (here(), here());
    let names = (1..=2000).map(|id| named(id, Some("a name"), outer, None));
    let text_of_names = text(names);
    assert_eq!(text_of_names.lines().count(), 502);
    assert_eq!(text_of_names.lines().last(), Some("and 1500 more tasks"));
    // Tasks that share a line are told, and so is what they await.
    let alike = (1..=10).flat_map(|id| [task(id, outer, None), task(100 + id, inner, Some(id))]);
    let names = (1000..2000).map(|id| named(id, Some("a name"), outer, None));
    assert_eq!(text(alike.chain(names)).lines().last(), Some("and 502 more tasks"));
}

/// Layers of two, of which each could await both of the next: a handle has one awaiter, so each task stands in the tree once.
/// And tasks that await each other 100,000 deep need neither a deep stack nor long.
#[test]
fn a_long_chain_is_told_without_recursion() {
    let site = here();
    let begin = Instant::now();
    let chain = (1..=100_000).map(|id| task(id, site, (id > 1).then_some(id - 1)));
    assert_eq!(text(chain).lines().last(), Some("and 99500 more tasks"));
    println!("{:?}", begin.elapsed());
}

#[test]
fn json_has_every_task_and_its_awaiter() {
    let site = here();
    let listed = [task(0, site, None), named(3, Some("a \"b\""), site, Some(0))];
    let listed =
        listed.map(|(task, awaited_by)| Listed { task, awaited_by, is_awaited_elsewhere: false });
    let timer = Awaited::new("the timer made", site).with(Detail::DueIn(Duration::from_secs(2)));
    let waits = Waits::from([(Id(3), vec![Awaited::named("<it>".into(), site), timer])]);
    let dump = Dump::of_loop(listed.into(), Some(waits), None);
    let read: serde_json::Value = serde_json::from_str(&dump.to_json()).unwrap();
    let expected = serde_json::json!({
        "origin": "loop",
        "silence": null,
        "left_out": 0,
        "tasks": [
            { "id": 0, "name": null, "site": site.to_string(), "polls": 1, "state": "waiting",
              "woken_by": null, "awaited_by": null, "waits": [] },
            { "id": 3, "name": "a \"b\"", "site": site.to_string(), "polls": 1, "state": "waiting",
              "woken_by": null, "awaited_by": 0, "waits": [
                { "text": format!("in \"<it>\", named at {site}"), "kind": "named", "site": site.to_string(),
                  "label": "<it>", "depth": 0, "due_in_ns": null, "holders": [], "more_holders": 0 },
                { "text": format!("waits for the timer made at {site}, due in 2s"), "kind": "the timer made",
                  "site": site.to_string(), "label": null, "depth": 0,
                  "due_in_ns": 2_000_000_000, "holders": [], "more_holders": 0 },
              ] },
        ],
    });
    assert_eq!(read, expected);
}

#[test]
fn a_dump_that_has_not_all_tasks_says_so() {
    let site = here();
    let dump = dump([1, 2, 3, 4].map(|id| task(id, site, None))).limited(7, 4);
    assert_eq!((dump.tasks().len(), dump.left_out()), (4, 3));
    assert!(dump.to_string().starts_with("4 of 7 tasks:\n"), "{dump}");
    assert!(dump.to_json().contains("\"left_out\":3"), "{}", dump.to_json());
    // Of what a loop has written down, more may come.
    let dump = self::dump([0, 1, 2, 3].map(|id| task(id, site, None))).limited(7, 2);
    assert_eq!((dump.tasks().len(), dump.left_out()), (2, 6));
    assert!(dump.to_string().starts_with("1 of 7 tasks and the future of `block_on`:\n"), "{dump}");
    let dump = self::dump([1, 2, 3].map(|id| task(id, site, None))).limited(7, 4);
    assert_eq!(dump.left_out(), 0, "tasks come and go while it is made");
}
