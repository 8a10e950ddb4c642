use super::recorder::{Clock, Recorder};
use super::trace_tests::{Loop, task};
use crate::executor::observe::{Cause, Observe};

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
    let found = "\nat 500.0ms: block_on had a turn of 20.0ms, called at insight/trace/";
    assert!(text.contains(found), "{text}");
}

#[test]
fn perfetto_gets_a_track_for_each_task_and_an_arrow_for_each_wake() {
    let it = Loop::new(100);
    it.play();
    it.recorder.ended(&task(0));
    let file: serde_json::Value = serde_json::from_str(&it.trace().to_perfetto()).unwrap();
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
    assert_eq!(instants, ["lost", "spawned", "spawned", "look", "look"]);
}

#[test]
fn the_page_loads_nothing() {
    let page = Loop::new(8).trace().to_html();
    for outside in ["http:", "https:", "src=", "@import", "url(", "fetch(", "import("] {
        assert!(!page.contains(outside), "{outside}");
    }
}
