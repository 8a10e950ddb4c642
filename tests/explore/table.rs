//! The table of `docs/schedules.md`: how many seeds it takes to find what was planted.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::bugs::{BUGS, Bug, RARE};
use crate::{failure_of, pct};
use taketurns::testing::Explorer;

/// An odd number, so that the median is one of them.
const RANGES: u64 = 101;
const SEEDS: u64 = 1000;
/// By priorities, for which a failure takes longer to shrink.
const RANGES_BY_PRIORITIES: u64 = 21;
/// For the rare bugs, whose runs are long.
const RANGES_OF_THE_RARE: u64 = 9;

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

fn find(explorer: Explorer, bug: &Bug, range: u64) -> Found {
    let seeds = range * SEEDS..(range + 1) * SEEDS;
    let text = failure_of(|| explorer.run(seeds.clone(), || bug.planted()));
    let text = text.unwrap_or_else(|| panic!("{}: not found by the seeds {seeds:?}", bug.name));
    let choices = number(&text, "shortest schedule: ", " choice");
    let turns = number(&text, "then in order, ", " turns");
    Found { seeds: number(&text, ", after ", " that") + 1, shortest: (choices, turns) }
}

/// What the search found in each range, and how many seeds it took: the median, the most, all together.
fn search(explorer: Explorer, ranges: u64, bug: &Bug) -> (Vec<Found>, [u64; 3]) {
    let found: Vec<_> = (0..ranges).map(|range| find(explorer, bug, range)).collect();
    let mut seeds: Vec<_> = found.iter().map(|found| found.seeds).collect();
    seeds.sort_unstable();
    let numbers = [seeds[seeds.len() / 2], seeds[seeds.len() - 1], seeds.iter().sum()];
    (found, numbers)
}

fn table() -> String {
    let mut table = String::from(
        "| bug | uniform, median | most | schedules that show it | shortest schedule | PCT, median | most |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for bug in BUGS {
        let (found, [median, most, all]) = search(Explorer::new(), RANGES, &bug);
        let share = 100 * RANGES / all;
        let (choices, turns) = found.iter().map(|found| found.shortest).min().unwrap();
        let (_, [by_priorities, most_by_priorities, _]) = search(pct(), RANGES_BY_PRIORITIES, &bug);
        let name = bug.name;
        let plural = if choices == 1 { "" } else { "s" };
        writeln!(
            table,
            "| {name} | {median} | {most} | {share} % | {choices} choice{plural}, {turns} turns | {by_priorities} | \
             {most_by_priorities} |"
        )
        .unwrap();
    }
    for bug in RARE {
        let (_, [median, most, _]) = search(pct(), RANGES_OF_THE_RARE, &bug);
        let name = bug.name;
        writeln!(table, "| {name} | none in 100,000 | | | | {median} | {most} |").unwrap();
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
