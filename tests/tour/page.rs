//! What is on the page: its width and signs, the list, the programs, the charts, the summary.

use std::fs;
use std::path::Path;

use super::{LESSONS, text, tour, whole_tour};

const CHAPTERS: usize = 12;

/// To the left of what a program printed, which is as wide as it is.
const QUOTE: &str = "  > ";

/// What is printed of one lesson.
fn lesson(number: &str) -> &'static str {
    let page = text(&whole_tour().stdout);
    let begin = page.find(&format!("\nLesson {number}:")).expect("the lesson is played") + 1;
    let rest = &page[begin..];
    rest.split("\n────").next().expect("there is always a first part")
}

/// As one line.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines below the heading of a scene.
fn chart(number: &str, scene: &str) -> Vec<&'static str> {
    let (_, rest) = lesson(number).split_once(scene).expect("the scene is played");
    rest.lines().skip(2).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn the_page_is_80_columns_wide_and_plain_when_piped() {
    for output in
        [whole_tour(), &tour(&["--list"]), &tour(&["--help"]), &tour(&["--break", "starvation"])]
    {
        let page = text(&output.stdout);
        for line in page.lines().filter(|line| !line.starts_with(QUOTE)) {
            assert!(line.chars().count() <= 80, "{line:?}");
        }
        assert!(!page.contains('\x1b'), "an escape code in a pipe: {page:?}");
    }
}

#[test]
fn each_lesson_shows_5_to_12_lines_of_the_source_that_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tour/lessons");
    let shared = fs::read_to_string(root.join("site.rs")).unwrap();
    for (number, slug) in LESSONS {
        let source = fs::read_to_string(root.join(format!("{}.rs", slug.replace('-', "_"))));
        let source = source.unwrap() + &shared;
        let shown: Vec<&str> = lesson(number)
            .lines()
            .skip(2)
            .map_while(|line| line.strip_prefix("  │"))
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert!((5..=12).contains(&shown.len()), "lesson {number} shows {}", shown.len());
        for line in shown {
            assert!(source.lines().any(|there| there.trim() == line), "{slug}: {line}");
        }
    }
}

#[test]
fn the_legend_explains_every_cell_of_a_chart() {
    let legend = "
  █ has its turn   │ waits   · had no turn yet   × dropped
  blank: has ended, is not spawned yet, or is no part of this run
";
    assert!(text(&whole_tour().stdout).contains(legend));
}

#[test]
fn a_reader_sees_at_a_glance_that_no_child_has_a_turn() {
    let rows = chart("15", "The wrong way: make tasks in a loop that never awaits");
    let expected = "
   manager a b c d e f g ..
   █                          Manager started
   █       · · · · · · ·      2500 tasks made, 0 started
   █       · · · · · · ·      5000 tasks made, 0 started
   █       · · · · · · ·      7500 tasks made, 0 started
   █       · · · · · · ·      10000 tasks made, 0 started
   █       · · · · · · ·      Manager stopped by its bound, 10240000 bytes held
           █ · · · · · ·      the first to start: child 1
           │ █ · · · · ·
           │ │ █ · · · ·
           │ │ │ █ · · ·
           │ │ │ │ █ · ·
           │ │ │ │ │ █ ·
           │ │ │ │ │ │ █
           × × × × × × ×      (dropped)
                              after the manager: 10000 started
                              reported: manager
   asyncio alone: told of the manager after its turn";
    assert_eq!(format!("\n{}", rows.join("\n")), expected);
}

#[test]
fn times_by_the_virtual_clock_are_exact() {
    let rows = chart("7", "The wrong way: await one, then the next");
    let here: Vec<&str> = rows.iter().filter_map(|row| row.split_whitespace().next()).collect();
    let page = text(&whole_tour().stdout);
    assert!(unwrapped(page).contains("printed for both, in milliseconds: "), "{page}");
    assert_eq!(here, ["here", "0", "100", "100", "200", "200", "300"]);
}

#[test]
fn what_to_read_next_is_there() {
    for (number, _) in LESSONS {
        let (_, next) = lesson(number).split_once("\nread on  ").expect("each says it");
        let next = unwrapped(next.split("\nbreak it ").next().unwrap_or(next));
        let (file, rest) = next.split_once(", `").expect("a file");
        let (item, _) = rest.split_once("`: ").expect("an item");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let source = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", file.display()));
        assert!(source.contains(item), "{} has no {item}", file.display());
    }
}

#[test]
fn each_lesson_ends_with_an_exercise_that_turns_checks_of_it_red() {
    for (number, name) in LESSONS {
        let run = "cargo run --release --example tour --";
        let asks = format!("What turns red? At the root of the repository: {run} --break {name}");
        assert!(unwrapped(lesson(number)).ends_with(&asks), "{name}");
        let shown = tour(&["--break", name]);
        assert_eq!(shown.status.code(), Some(0), "{name}");
        assert_eq!(shown, tour(&["-b", number]));
        let shown = text(&shown.stdout);
        let apply = format!("\napply    git apply examples/tour/breaks/{name}.patch\n");
        assert!(shown.contains("\n  > @@ -") && shown.contains(&apply), "{shown}");
        assert!(shown.contains(&format!("\nplay     {run} {name}\n")), "{shown}");

        let (shown, _) = shown.split_once("\nundo ").expect("it says how to undo it");
        let expected: Vec<String> =
            shown.split("\nexpect   FAIL ").skip(1).map(unwrapped).collect();
        assert!(!expected.is_empty(), "{shown}");
        for red in expected {
            let fails_early = red.starts_with("the lesson can be played: ");
            let green = format!(" ok {}", red.trim_end_matches(" .."));
            assert!(fails_early || unwrapped(lesson(number)).contains(&green), "{red}");
        }
    }
}

#[test]
fn an_exercise_names_each_check_that_turns_red() {
    let shown = tour(&["--break", "starvation"]);
    let expected = "
play     cargo run --release --example tour -- starvation
expect   FAIL they started only once it had stopped, the first that was spawned
         first
expect   FAIL the same lines in the same order as asyncio ..
undo     git apply -R examples/tour/breaks/starvation.patch
";
    assert!(text(&shown.stdout).ends_with(expected), "{}", text(&shown.stdout));
}

#[test]
fn the_screen_cites_no_document_that_a_reader_does_not_have() {
    let page = text(&whole_tour().stdout);
    assert!(!page.contains("document"), "{page}");
}

#[test]
fn docs_say_where_each_lesson_comes_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lessons.md");
    let docs = fs::read_to_string(path).unwrap();
    for (number, name) in LESSONS {
        assert!(docs.contains(&format!("esson {number}, `{name}`")), "{name}");
    }
}

#[test]
fn the_summary_is_one_line_a_lesson_under_its_chapter() {
    let page = text(&whole_tour().stdout);
    let summary = page.rsplit("─\n").next().expect("there is always a last part");
    // A line for each chapter, a blank one, and the outcome.
    assert_eq!(summary.lines().count(), LESSONS.len() + CHAPTERS + 2, "{summary}");
    let ok = |line: &&str| line.starts_with("ok ");
    let named = summary.lines().filter(ok).map(|line| {
        let mut words = line.split_whitespace().skip(1);
        (words.next().expect("a number"), words.next().expect("a name"))
    });
    assert!(named.eq(LESSONS), "{summary}");
}

#[test]
fn the_list_has_each_number_and_name_by_chapter() {
    let list = tour(&["--list"]);
    assert_eq!(list.status.code(), Some(0));
    let list = text(&list.stdout);
    let named = list.lines().filter_map(|line| {
        let mut words = line.strip_prefix("  ")?.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    assert!(named.eq(LESSONS), "{list}");
    let chapters: Vec<&str> =
        list.lines().filter(|line| line.starts_with(char::is_alphabetic)).collect();
    assert_eq!(chapters.len(), CHAPTERS, "{list}");
    let missing = "(The numbers to 32 are rows of docs/lessons.md.)";
    assert_eq!(list.lines().last(), Some(missing));
    for chapter in chapters {
        assert!(
            text(&whole_tour().stdout).contains(&format!("─\n{chapter}\n\nLesson")),
            "{chapter}"
        );
    }
}

#[test]
fn help_says_what_there_is() {
    let help = tour(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for option in [
        "--list",
        "--break",
        "--step",
        "--timeline",
        "NO_COLOR",
        "80 columns",
        "or with\nTERM=dumb.",
    ] {
        assert!(text(&help.stdout).contains(option));
    }
}

/// The tests with every feature play the lessons with this one.
#[test]
fn with_the_feature_inspect_a_stuck_loop_is_asked_over_the_socket() {
    let lesson = lesson("38");
    let told = lesson.lines().find_map(|line| line.strip_prefix(QUOTE)?.strip_prefix("loop 1 "));
    let what = "\"tour\": in the turn of task #3 \"culprit\", spawned at examples/tour/lessons/stuck_loop.rs:";
    if cfg!(feature = "inspect") {
        assert!(told.is_some_and(|told| told.starts_with(what)), "{lesson}");
    } else {
        assert!(
            unwrapped(lesson).contains("Play this lesson with that feature to see it."),
            "{lesson}"
        );
    }
}
