use std::panic::Location;

use super::asides::Noted;
use super::lanes::{Moment, Picture};
use super::recorder::{Clock, Recorder};
use super::trace_tests::{Loop, task};
use crate::executor::Id;
use crate::executor::observe::{Cause, Observe, TurnEnd};

#[test]
fn the_text_is_a_line_for_each_task_and_what_is_wrong() {
    let it = Loop::new(100);
    it.play();
    assert_eq!(
        it.trace().to_text_within(60),
        "\
21 events; 3 tasks; 2.2µs, by turns
         0ns                                        2.2µs
block_on ████████········································
#1 odd 1         ████████················████████
#2               ░░░░░░░░████████················████████
loop                             ────────
█ has its turn  ░ ready  · waits  × lost  ─ the thread sleeps
"
    );
}

#[test]
fn wide_characters_take_two_columns_and_a_long_title_is_cut() {
    let name =
        |id: Id| Some(["ab", "読む人", "読む人が三人と読む本が三冊"][id.0 as usize - 1].into());
    let recorder = Recorder::new(8, Clock::Virtual(Box::new(|| 0)), Box::new(name));
    (1..=3).for_each(|id| recorder.woken(&task(id), Cause::Outside));
    (1..=3).for_each(|id| {
        recorder.begins_turn(&task(id), 1);
        recorder.ends_turn(&task(id), TurnEnd::Waits);
    });
    recorder.leaves();
    let text = recorder.recording().trace().to_text_within(40);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1..5],
        [
            "                         0ns         0ns",
            "#1 ab                    █████··········",
            "#2 読む人                ░░░░░█████·····",
            "#3 読む人が三人と読む本… ░░░░░░░░░░█████",
        ]
    );
}

#[test]
fn a_chart_of_any_width_and_of_any_number_of_tasks_can_be_drawn() {
    for tasks in [0, 1, 1000] {
        let it = Loop::new(10_000);
        (1..=tasks).for_each(|id| it.spawn(id, Cause::Outside));
        (1..=tasks).for_each(|id| it.last_turn(id, 3000));
        let mut trace = it.trace();
        for is_virtual in [false, true] {
            trace.is_virtual = is_virtual;
            for columns in [0, 40, 41, usize::MAX] {
                let text = trace.to_text_within(columns);
                let chart = text.lines().skip(1).take(tasks.min(50) as usize + 1);
                let widest = chart.map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= columns.clamp(40, 10_000), "{tasks}, {columns}: {text}");
            }
        }
        let heading =
            ["0 events; 0 tasks; 0ns", "4 events; 1 task; 3.0µs", "4000 events; 1000 tasks; 3.0ms"];
        assert_eq!(trace.to_text().split_once(',').unwrap().0, heading[tasks.min(2) as usize]);
    }
}

#[test]
fn names_cannot_leave_the_data_of_the_page() {
    let name = "</script><script>alert(1)</script><!-- script -->\u{2028}\\\"";
    let clock = Clock::Virtual(Box::new(|| 0));
    let recorder = Recorder::new(8, clock, Box::new(move |_| Some(name.into())));
    recorder.woken(&task(1), Cause::Outside);
    let page = recorder.recording().trace().to_html();
    assert_eq!(page.matches("</script").count(), 2, "its own two");
    assert_eq!(page.matches("<!-- script -->").count(), 0);
    let data = page.split_once("id=\"trace\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let escaped = "</script><script>alert(1)</script><!-- script -->\\u{2028}\\\\\\\"";
    assert_eq!(data["lanes"][0]["title"], format!("#1 {escaped}"));
}

#[test]
fn a_reader_without_scripts_gets_the_findings_as_text() {
    let without = |page: &str| {
        let (_, rest) = page.split_once("<noscript>").unwrap();
        let (text, _) = rest.split_once("</noscript>").unwrap();
        text.split_once("<pre>").unwrap().1.split_once("</pre>").unwrap().0.to_owned()
    };
    let clock = Clock::Virtual(Box::new(|| 0));
    let name = |_| Some("</noscript><b>&".into());
    let recorder = Recorder::new(8, clock, Box::new(name));
    recorder.woken(&task(1), Cause::Outside);
    recorder.ended(&task(1));
    let page = recorder.recording().trace().to_html();
    let text = without(&page);
    let begin = "at 0ns: #1 &lt;/noscript&gt;&lt;b&gt;&amp;, spawned at ";
    assert!(text.starts_with(begin) && text.ends_with(", was lost\n"), "{text}");
    let empty = Loop::new(8).trace().to_html();
    assert_eq!(without(&empty), "no long turn, no starved task, and no lost one");
}

/// They would turn the rest of a line around.
#[test]
fn what_turns_a_line_around_is_escaped_in_a_name() {
    let clock = Clock::Virtual(Box::new(|| 0));
    let name = |_| Some("a\u{202e}b\n\u{2066}\"".into());
    let recorder = Recorder::new(8, clock, Box::new(name));
    recorder.woken(&task(1), Cause::Outside);
    let trace = recorder.recording().trace();
    assert!(trace.to_text().contains(r"#1 a\u{202e}b\n\u{2066}… "), "{}", trace.to_text());
    for picture in [trace.to_html(), trace.to_perfetto()] {
        assert!(picture.contains(r##""#1 a\\u{202e}b\\n\\u{2066}\\\""##), "{picture}");
        assert!(!picture.contains(['\u{202e}', '\u{2066}']));
    }
}

#[test]
fn all_times_of_the_text_are_since_the_build_when_older_events_were_dropped() {
    let it = Loop::new(4);
    it.turn(0, 200_000_000, || ());
    it.turn(0, 300_000_000, || ());
    it.look();
    it.turn(0, 20_000_000, || ());
    it.look();
    let text = it.trace().to_text();
    assert!(text.contains(" 500.0ms ") && text.contains(" 520.0ms\n"), "{text}");
    let found = "\nat 500.0ms: block_on, called at insight/trace/";
    assert!(text.contains(found) && text.ends_with(", had a turn of 20.0ms\n"), "{text}");
    assert!(it.trace().to_html().contains(r#""from":500000000,"#));
}

#[test]
fn the_page_has_the_words_for_what_has_no_lane() {
    let it = Loop::new(100);
    let all = [Cause::Timer, Cause::Source, Cause::Job, Cause::Thread, Cause::Outside];
    for by in [Cause::Task(Id(2))].into_iter().chain(all) {
        it.recorder.woken(&task(1), by);
        it.turn(1, 10, || ());
    }
    let page = it.trace().to_html();
    let data = page.split_once("id=\"trace\">").unwrap().1.split_once("</script>").unwrap().0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let turns = data["lanes"][0]["turns"].as_array().unwrap();
    let causes = turns.chunks(7).map(|turn| {
        let place = usize::try_from(-1 - turn[5].as_i64().unwrap()).unwrap();
        data["causes"][place].as_str().unwrap()
    });
    let causes: Vec<_> = causes.collect();
    let told = [Cause::Unknown].into_iter().chain(all).map(|cause| cause.to_string());
    assert_eq!(causes, told.collect::<Vec<_>>());
}

#[test]
fn perfetto_gets_a_track_for_each_task_and_an_arrow_for_each_wake() {
    let it = Loop::new(100);
    it.play();
    it.recorder.ended(&task(0));
    let mut trace = it.trace();
    trace.is_virtual = false; // so that time is drawn
    let file: serde_json::Value = serde_json::from_str(&trace.to_perfetto()).unwrap();
    let events = file["traceEvents"].as_array().unwrap();
    let all = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    let names: Vec<_> = all("M").into_iter().map(|event| &event["args"]["name"]).collect();
    let names: Vec<_> = names.into_iter().filter_map(|name| name.as_str()).collect();
    assert_eq!(names, ["taketurns", "the loop", "block_on", "#1 odd 1", "#2"]);
    let slices: Vec<_> = all("X")
        .iter()
        .map(|event| format!("{} {} {} {}", event["name"], event["tid"], event["ts"], event["dur"]))
        .collect();
    assert_eq!(
        slices,
        [
            r#""turn" 2 0 0.3"#,
            r#""turn" 3 0.3 0.2"#,
            r#""turn" 3 1.6 0.4"#,
            r#""turn" 4 0.5 0.1"#,
            r#""turn" 4 2 0.2"#,
            r#""sleeps" 1 0.6 1"#,
        ]
    );
    let arrows = |phase| {
        all(phase)
            .iter()
            .map(|event| format!("{} {} {}", event["id"], event["tid"], event["ts"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(arrows("s"), ["1 2 0", "2 2 0", "5 3 1.6"]);
    assert_eq!(arrows("f"), ["1 3 0.3", "2 4 0.5", "5 4 2"]);
    let ready: Vec<_> = all("C")
        .iter()
        .map(|event| format!("{} {}", event["ts"], event["args"]["ready"]))
        .collect();
    assert_eq!(ready, ["0 0", "0.3 1", "0.5 0", "1.6 0", "2 0"]);
    let instants: Vec<_> = all("i").iter().map(|event| event["name"].as_str().unwrap()).collect();
    // That of #1 is at the moment at which its first turn begins: an arrow would end at it.
    assert_eq!(instants, ["lost", "spawned", "look", "look"]);
    let of_1 = all("X").into_iter().find(|event| event["tid"] == 3).unwrap();
    assert_eq!(of_1["args"]["spawned_by"], "the future of `block_on`");
}

/// Slices without a length at one moment would lie upon each other, and so would the ends of their arrows.
#[test]
fn under_a_virtual_clock_perfetto_gets_turns_that_are_as_wide_as_each_other() {
    let it = Loop::new(100);
    it.pass(5000);
    it.turn(2, 0, || it.spawn(4, Cause::Task(Id(2))));
    it.turn_that(TurnEnd::Yields, 4, 0, || ());
    it.turn(4, 0, || ());
    let file: serde_json::Value = serde_json::from_str(&it.trace().to_perfetto()).unwrap();
    let events = file["traceEvents"].as_array().unwrap().iter();
    let slices: Vec<_> = events.filter(|event| event["ph"] == "X").collect();
    let place = |slice: &&serde_json::Value| format!("{} {}", slice["ts"], slice["dur"]);
    assert_eq!(slices.iter().map(place).collect::<Vec<_>>(), ["0 1", "1 1", "2 1"]);
    assert!(slices.iter().all(|slice| slice["args"]["at_us"] == 5), "{slices:?}");
}

#[test]
fn the_page_loads_nothing() {
    let page = Loop::new(8).trace().to_html();
    for outside in ["http:", "https:", "src=", "@import", "url(", "fetch(", "import("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

const MS: u64 = 1_000_000;

#[test]
fn of_many_lanes_those_with_findings_are_drawn_first_and_alike_lost_tasks_are_one_line() {
    let it = Loop::new(1000);
    it.turn(0, 1000, || (1..=70).for_each(|id| it.spawn(id, Cause::Task(Id(0)))));
    (1..69).for_each(|id| it.turn(id, 1000, || ()));
    it.last_turn(70, 20 * MS);
    it.turn(69, 1000, || ());
    (1..70).for_each(|id| it.recorder.ended(&task(id)));
    let text = it.trace().to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[2].starts_with("#70 ") && lines[2].contains('█'), "{text}");
    assert!(lines[3].starts_with("#69 odd 69 ") && lines[3].contains('░'), "{text}");
    assert!(lines[4].starts_with("#1 odd 1 "), "{text}");
    assert!(lines[51].starts_with("#48 ") && lines[52] == "and 21 more", "{text}");
    assert_eq!(lines.len(), 57, "{text}");
    let without_place = |line: &str| {
        let (whose, what) = line.split_once(", spawned at insight/trace/trace_tests.rs:").unwrap();
        whose.to_owned() + what.split_once(',').unwrap().1
    };
    assert_eq!(
        lines[54..].iter().map(|line| without_place(line)).collect::<Vec<_>>(),
        [
            "at 69.0µs: #70 had a turn of 20.0ms",
            "at 1.0µs: #69 odd 69 was ready for 20.1ms, behind the turn of 20.0ms of #70",
            "at 20.1ms: #1 odd 1, #2, #3 odd 3 and 66 more were lost",
        ]
    );
}

#[test]
fn of_starved_tasks_it_is_told_what_they_wait_behind() {
    let it = Loop::new(1000);
    it.spawn(2, Cause::Outside);
    it.pass(MS);
    it.spawn(4, Cause::Outside);
    it.last_turn(6, 12 * MS);
    it.turn(8, 15 * MS, || ());
    it.turn(2, 3 * MS, || ());
    it.turn(4, 0, || ());
    it.recorder.woken(&task(2), Cause::Outside);
    (0..5).for_each(|_| it.turn(8, 3 * MS, || ()));
    let text = it.trace().to_text();
    let told: Vec<_> = text.lines().filter(|line| line.contains("behind")).collect();
    assert_eq!(
        told[0],
        "at 0ns: #2 and #4 were ready for up to 30.0ms, behind the turn of 15.0ms of #8"
    );
    assert!(told[1].starts_with("at 31.0ms: #2, spawned at "), "{text}");
    assert!(told[1].ends_with(", was ready for 15.0ms, behind 5 turns"), "{text}");
    assert_eq!(told.len(), 2, "{text}");
}

#[test]
fn of_a_starved_task_that_waits_behind_one_turn_or_none_it_is_told_so() {
    let it = Loop::new(100);
    it.spawn(2, Cause::Outside);
    it.turn(4, 2 * MS, || ());
    it.look();
    it.pass(10 * MS);
    it.last_turn(2, 0);
    it.spawn(6, Cause::Outside);
    it.pass(10 * MS);
    it.last_turn(6, 0);
    let text = it.trace().to_text();
    for (whose, what) in [
        ("\nat 0ns: #2, spawned at ", ", was ready for 12.0ms, behind 1 turn\n"),
        ("\nat 12.0ms: #6, spawned at ", ", was ready for 10.0ms, while no task had a turn\n"),
    ] {
        assert!(text.contains(whose) && text.contains(what), "{text}");
    }
}

/// The job began before all that the ring shows, and so did the first turn.
#[test]
fn a_turn_whose_beginning_was_dropped_has_a_step_of_its_own_beside_the_jobs_that_go_on() {
    let it = Loop::new(4);
    it.recording().keep(Noted::JobBegan(0, Location::caller()));
    it.turn(2, 10, || (4..=8).for_each(|id| it.recorder.woken(&task(id), Cause::Task(Id(2)))));
    it.look();
    let trace = it.trace();
    assert_eq!(trace.dropped(), 4, "{:?}", trace.events());
    let picture = Picture::of(&trace);
    let steps: Vec<_> = picture.lanes.iter().flat_map(|lane| &lane.turns).collect();
    let steps: Vec<_> = steps.iter().map(|turn| (turn.begin.step, turn.end.step)).collect();
    assert_eq!(steps, [(1, 2), (0, 2)], "of the turn, and of the job");
    let woken = picture.lanes.iter().filter_map(|lane| lane.ready);
    assert!(woken.clone().count() == 2 && woken.clone().all(|wake| wake.at.step == 2));
    assert!(woken.clone().all(|wake| wake.from.is_some()), "within that turn");
}

#[test]
fn a_park_whose_beginning_was_dropped_has_a_step_of_its_own() {
    let it = Loop::new(4);
    it.turn(0, 100, || ());
    it.park(1000);
    it.turn(1, 200, || ());
    it.turn(2, 300, || ());
    let trace = it.trace();
    let what = trace.events().iter().map(|event| event.what.to_string());
    let what: Vec<_> = what.collect();
    assert_eq!(what[..2], ["unparks", "task #1 begins a turn"], "{what:?}");
    let picture = Picture::of(&trace);
    let steps = |(begin, end): (Moment, Moment)| (begin.step, end.step);
    let turns = picture.turns.iter().map(|&turn| picture.turn(turn));
    let turns: Vec<_> = turns.map(|turn| steps((turn.begin, turn.end))).collect();
    assert_eq!(picture.parks.iter().copied().map(steps).collect::<Vec<_>>(), [(0, 1)]);
    assert_eq!(turns, [(1, 2), (2, 3)]);
    let chart: Vec<_> =
        trace.to_text_within(40).lines().skip(2).take(3).map(str::to_owned).collect();
    assert_eq!(
        chart,
        [
            "#1 odd 1 ··········██████████··········",
            "#2       ····················██████████",
            "loop     ──────────",
        ]
    );
}

/// The time of its wake is that of the turn's end, so it seems to have been ready for no time.
#[test]
fn a_task_that_became_ready_within_a_long_turn_is_told_to_have_been_so() {
    let it = Loop::new(100);
    it.turn(0, 50 * MS, || ());
    it.turn(3, 50 * MS, || it.spawn(4, Cause::Task(Id(3))));
    it.turn(4, 5 * MS, || ());
    it.turn(4, 5 * MS, || it.spawn(6, Cause::Task(Id(4)))); // no long turn
    it.turn_that(TurnEnd::Yields, 3, 50 * MS, || {
        [8, 10].into_iter().for_each(|id| it.spawn(id, Cause::Task(Id(3))));
    });
    it.turn(8, 0, || ());
    it.turn(3, 0, || ());
    let mut trace = it.trace();
    trace.is_virtual = false; // so that time is drawn
    let text = trace.to_text_within(60);
    let within = |turn: &str| {
        let lines = text.lines().filter(|line| line.contains("since some time within the turn"));
        lines.map(str::to_owned).find(|line| line.starts_with(turn))
    };
    let of = "since some time within the turn of 50.0ms of #3 odd 3";
    let of_one = within("at 50.0ms: #4, spawned at ").unwrap();
    assert!(of_one.ends_with(&format!(", was ready {of}")), "{text}");
    assert_eq!(within("at 110.0ms"), Some(format!("at 110.0ms: #8 and #10 were ready {of}")));
    assert_eq!(text.matches("since some time within the turn").count(), 2, "{text}");
    assert!(text.contains("  ? maybe ready  "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("#4  ") && line.contains("?█")), "{text}");
    let perfetto = trace.to_perfetto();
    assert_eq!(perfetto.matches(r#""or_longer_by_us":50000"#).count(), 2, "{perfetto}");
}
