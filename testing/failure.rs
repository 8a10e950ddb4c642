//! [`Failure`]: a run that fails, and the text that says so.

#![forbid(unsafe_code)]

use std::fmt;
use std::thread;

use super::environment::{CHOICES, SCHEDULE, SEED};
use super::panics::Panic;
use super::shrink::{Certainty, Shrunk};
use super::source::Source;
use super::trace::{Difference, Trace};

/// How many panics the text has, of many: the first and the last.
const FIRST: usize = 3;
const LAST: usize = 2;

/// What a body whose runs differ may depend on.
const MORE: &str = "the body depends on more than the order of turns (a thread, real time, an address, the order of a \
                    `HashMap`)";

/// The first run that failed.
pub(super) struct Failure {
    pub(super) source: Source,
    /// How many runs passed before it.
    pub(super) passed: u64,
    pub(super) what: What,
}

pub(super) enum What {
    Fails(Shrunk),
    /// Two runs with the same choices took different turns. The trace is the second run's.
    Differs(Difference, Trace),
    /// This choice of the list, counted from 1, could not be made as the list has it.
    Astray(usize, Trace),
}

impl Failure {
    /// The choices of the list that are enough for the failure, with `comma` between them.
    fn choices(&self, list: &[usize], comma: &str) -> String {
        let enough = match &self.what {
            What::Fails(shrunk) => list.len().min(shrunk.choices),
            What::Differs(..) | What::Astray(..) => list.len(),
        };
        let choices: Vec<_> = list[..enough].iter().map(ToString::to_string).collect();
        if choices.is_empty() { "0".to_owned() } else { choices.join(comma) }
    }

    fn write_title(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.passed;
        match &self.source {
            Source::Plain => return write!(f, "plain order fails, before any seed"),
            Source::Uniform { seed } => write!(f, "seed {seed} fails"),
            Source::Pct { seed, depth, .. } => {
                write!(f, "seed {seed} fails under PCT of depth {depth}")
            }
            Source::List(_) => write!(f, "schedule {} fails", passed + 1),
        }?;
        write!(f, ", after {passed} that passed")
    }

    /// How to see it again: by the environment, and in code.
    fn write_again(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explorer = "taketurns::testing::Explorer::new()";
        let (set, code) = match &self.source {
            Source::Plain => (String::new(), format!("{explorer}.replay([], ..)")),
            Source::Uniform { seed } => {
                (format!("{SEED}={seed}"), format!("taketurns::testing::explore([{seed}], ..)"))
            }
            Source::Pct { seed, depth, .. } => (
                format!("{SEED}={seed} {SCHEDULE}=pct:{depth}"),
                format!(
                    "{explorer}.schedule(Schedule::Pct {{ depth: {depth} }}).run([{seed}], ..)"
                ),
            ),
            Source::List(list) => (
                format!("{CHOICES}={}", self.choices(list, ",")),
                format!("{explorer}.replay([{}], ..)", self.choices(list, ", ")),
            ),
        };
        let again = match (thread::current().name(), set.as_str()) {
            (Some(test), "") if test != "main" => format!("cargo test {test}"),
            (Some(test), set) if test != "main" => format!("{set} cargo test {test}"),
            (_, "") => "run it".to_owned(),
            (_, set) => format!("run it with {set} in the environment"),
        };
        write!(f, "\nagain: {again}\n   or: {code}")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_title(f)?;
        let (by, taker) = match self.source {
            Source::List(_) => ("from the list", "the list"),
            _ => ("by the seed", "the seed"),
        };
        let legend = format!("      * {taker} took it before others that were queued");
        match &self.what {
            What::Fails(shrunk) => {
                let panics = shrunk.trial.panics.as_deref().unwrap_or_default();
                write_panics(panics, f)?;
                shrunk.write(by, f)?;
                write!(f, "\n{}\n{legend}", shrunk.trial.trace)?;
                self.write_again(f)?;
                match panics.first().and_then(Panic::backtrace) {
                    Some(backtrace) => {
                        write!(f, "\nbacktrace of the first panic:\n{backtrace}")
                    }
                    None => Ok(()),
                }
            }
            What::Differs(difference, trace) => {
                let turns = trace.turns;
                write!(f, "\nit was run twice with the same choices, and {difference}\n{MORE}")?;
                write!(f, "\nthe second run, {turns} turns:\n{trace}\n{legend}")?;
                self.write_again(f)
            }
            What::Astray(choice, trace) => {
                let turns = trace.turns;
                write!(
                    f,
                    "\nchoice {choice} could not be made as the list has it: the list was made for another body, or "
                )?;
                write!(f, "{MORE}; the run, {turns} turns:\n{trace}\n{legend}")?;
                self.write_again(f)
            }
        }
    }
}

fn write_panics(panics: &[Panic], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let last = panics.len().saturating_sub(LAST).max(FIRST.min(panics.len()));
    for panic in &panics[..panics.len().min(FIRST)] {
        write!(f, "\n  {panic}")?;
    }
    if last > FIRST {
        write!(f, "\n  ... {} more ...", last - FIRST)?;
    }
    for panic in &panics[last..] {
        write!(f, "\n  {panic}")?;
    }
    Ok(())
}

impl Shrunk {
    /// How short the schedule is, and how sure that is. `by`: what made its choices.
    fn write(&self, by: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { choices, trial, certainty } = self;
        let turns = trial.trace.turns;
        let choices_by = format!("{choices} choice{} {by}", if *choices == 1 { "" } else { "s" });
        match (certainty, choices) {
            (Certainty::NotRepeatable, _) => write!(
                f,
                "\nthe same choices pass in another run: {MORE}; the run that failed, {turns} turns:"
            ),
            (_, 0) => {
                write!(f, "\nit fails in plain order too, with no choice {by}, in {turns} turns:")
            }
            (Certainty::Least, _) => {
                write!(f, "\nshortest schedule: {choices_by}, then in order, {turns} turns:")
            }
            (Certainty::GivenUp, _) => write!(
                f,
                "\nshortest schedule found before giving up: {choices_by}, then in order, {turns} turns:"
            ),
        }
    }
}
