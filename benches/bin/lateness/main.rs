//! `cargo run --release -p taketurns-benches --bin lateness`: how late sleeps are, beside tokio's. Two
//! minutes; prints a table and draws docs/lateness.svg.
//!
//! **Measured**: how long after its end a sleep is known to have ended, by std's clock, read before the sleep
//! is made and after it was awaited. 10,000 sleeps a series, one after another, of 50 us to 5 ms, evenly over
//! the orders of magnitude and the same for everybody. On an idle loop, and under load: a task beside it that
//! computes for 1 us and yields, for ever. And 1,000 sleeps of 1 ms on an idle loop, where tokio's tick of 1
//! ms shows most. Each series in processes of its own, five in turn, all of their sleeps together. A sleep
//! that ends early ends the measurement.
//!
//! **Not claimed**: that these are the machine's and not the program's: what is left when tick and slack are
//! small is how long the system takes to wake a thread, and on a machine with other work the highest numbers
//! are that work. Nothing is said of many timers at once: `fire` of `bin/timers.rs` has 10,000. Under load
//! the wait is for the loop's next look, which is 61 turns of 1 us on both; longer turns make both later.

#![forbid(unsafe_code)]

mod figure;
mod series;

use std::env;
use std::fs;
use std::process::ExitCode;

use taketurns_benches::side_by_side::{Error, numbers_of};

use series::{OURS, Plan, ROUNDS, SERIES, Series, TOKIO};

const FIGURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lateness.svg");

/// What is asked of the median of 1 ms sleeps, ours over tokio's.
const ASKED: f64 = 0.15;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => measure_all(),
        [name, plan, round] => measure_here(name, plan, round),
        _ => Err("it takes no arguments".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How late the sleeps of a series were, in ns, rising.
struct Lateness(Vec<u64>);

impl Lateness {
    fn new(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Self(nanos)
    }

    /// The least that so many hundredths of all are not above, in us.
    fn percentile(&self, hundredths: usize) -> f64 {
        let rank = (self.0.len() * hundredths).div_ceil(100).max(1);
        self.0[rank - 1] as f64 / 1000.0
    }
}

fn measure_all() -> Result<(), Error> {
    let mut spread = SERIES.map(|_| Vec::new());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let round = round.to_string();
        let measure =
            |series: &Series, plan: Plan| numbers_of::<u64>(&[series.name, plan.name(), &round]);
        for (series, nanos) in SERIES.iter().zip(&mut spread) {
            nanos.extend(measure(series, Plan::Spread)?);
        }
        ours.extend(measure(OURS, Plan::Millisecond)?);
        theirs.extend(measure(TOKIO, Plan::Millisecond)?);
    }
    let rows: Vec<_> = SERIES.iter().zip(spread.map(Lateness::new)).collect();
    let (ours, theirs) = (Lateness::new(ours).percentile(50), Lateness::new(theirs).percentile(50));
    print!("{}", table(&rows));
    println!("a sleep of 1 ms on an idle loop, median: {ours:.1} us, on tokio {theirs:.1} us");
    println!("ratio: {:.3}, asked: at most {ASKED}", ours / theirs);
    fs::write(FIGURE, figure::draw(&rows))?;
    Ok(())
}

fn measure_here(name: &str, plan: &str, round: &str) -> Result<(), Error> {
    let series = SERIES.iter().find(|series| series.name == name);
    let series = series.ok_or_else(|| format!("no series is called {name}"))?;
    let plan = Plan::named(plan).ok_or_else(|| format!("no plan is called {plan}"))?;
    for late in series.measure(&plan.sleeps(round.parse()?)) {
        println!("{}", late.as_nanos());
    }
    Ok(())
}

/// A row a series.
fn table(rows: &[(&Series, Lateness)]) -> String {
    let columns = ["median", "p90", "p99", "max"].map(|column| format!("{column:>10}")).concat();
    let mut text = format!("{:44}{columns}\n", "us late");
    for (series, lateness) in rows {
        text += &format!("{:44}", series.name);
        for hundredths in [50, 90, 99, 100] {
            text += &format!("{:>10.1}", lateness.percentile(hundredths));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_that_so_many_are_not_above() {
        let lateness = Lateness::new((1..=200).rev().map(|us| us * 1000).collect());
        let found = [1, 50, 90, 99, 100].map(|hundredths| lateness.percentile(hundredths));
        assert_eq!(found, [2.0, 100.0, 180.0, 198.0, 200.0]);
        let three = Lateness::new(vec![7_500, 1_000, 2_000]);
        assert_eq!([0, 50, 67].map(|hundredths| three.percentile(hundredths)), [1.0, 2.0, 7.5]);
    }

    #[test]
    fn the_table_has_a_row_a_series_in_us() {
        let rows = [(OURS, Lateness::new((1..=200).map(|us| us * 1000).collect()))];
        let expected = "\
us late                                         median       p90       p99       max
idle: taketurns                                  100.0     180.0     198.0     200.0
";
        assert_eq!(table(&rows), expected);
    }
}
