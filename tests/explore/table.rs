//! The table of `docs/schedules.md`: how many seeds it takes to find what was planted.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::bugs::{BUGS, Bug};
use crate::failure;

/// An odd number, so that the median is one of them.
const RANGES: u64 = 101;
const SEEDS: u64 = 1000;

/// What the search found in one range of seeds.
struct Found {
    /// How many seeds it took.
    seeds: u64,
    /// Of the shortest schedule: choices, turns.
    shortest: (u64, u64),
}

fn number(text: &str, before: &str, after: &str) -> u64 {
    let begin = text.find(before).unwrap_or_else(|| panic!("no {before:?} in: {text}"));
    let rest = &text[begin + before.len()..];
    rest[..rest.find(after).unwrap()].parse().unwrap()
}

fn find(bug: &Bug, range: u64) -> Found {
    let seeds = range * SEEDS..(range + 1) * SEEDS;
    let text = failure(seeds.clone(), || bug.planted());
    let text = text.unwrap_or_else(|| panic!("{}: not found by the seeds {seeds:?}", bug.name));
    let choices = number(&text, "shortest schedule: ", " choice");
    let turns = number(&text, "then in order, ", " turns");
    Found { seeds: number(&text, "fails, after ", " that") + 1, shortest: (choices, turns) }
}

fn table() -> String {
    let mut table = String::from(
        "| bug | seeds until found, median | most | schedules that show it | shortest schedule |\n\
         |---|--:|--:|--:|--:|\n",
    );
    for bug in BUGS {
        let found: Vec<_> = (0..RANGES).map(|range| find(&bug, range)).collect();
        let mut seeds: Vec<_> = found.iter().map(|found| found.seeds).collect();
        seeds.sort_unstable();
        let (median, most) = (seeds[seeds.len() / 2], seeds[seeds.len() - 1]);
        let share = 100 * RANGES / seeds.iter().sum::<u64>();
        let (choices, turns) = found.iter().map(|found| found.shortest).min().unwrap();
        let name = bug.name;
        let plural = if choices == 1 { "" } else { "s" };
        writeln!(
            table,
            "| {name} | {median} | {most} | {share} % | {choices} choice{plural}, {turns} turns |"
        )
        .unwrap();
    }
    table
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schedules.md")
}

/// The page, with `table` in place of its own.
fn with(page: &str, table: &str) -> String {
    let begin = page.find("| bug |").expect("the page has the table");
    let end = begin + page[begin..].find("\n\n").expect("a blank line ends it") + 1;
    format!("{}{table}{}", &page[..begin], &page[end..])
}

#[test]
fn the_page_has_the_table_that_its_command_writes() {
    let page = fs::read_to_string(page()).unwrap();
    assert_eq!(
        page,
        with(&page, &table()),
        "cargo test --test explore -- --ignored write_the_table"
    );
}

#[test]
#[ignore = "writes docs/schedules.md"]
fn write_the_table() {
    let text = fs::read_to_string(page()).unwrap();
    fs::write(page(), with(&text, &table())).unwrap();
}
