//! A figure of several systems in one run: each measurement in a process of its own, in turn, medians.
//!
//! A process of its own, since what a runtime leaves in the allocator is found there by the next: its
//! memory could not be told apart, and its time would depend on who came before. In turn, A B C D A B C D,
//! since a machine does not stay as fast as it was.

#![forbid(unsafe_code)]

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;

use crate::system::{Sleeps, System};
use crate::systems::{Taketurns, TokioCurrentThread, TokioLocalRuntime, TokioLocalSet};

/// One measurement of one system: a number for each column.
pub trait Figure<const COLUMNS: usize> {
    /// What the numbers are.
    const COLUMNS: [Column; COLUMNS];

    /// How often each system is measured.
    const ROUNDS: usize;

    /// Measures, in a process that has done nothing else.
    fn measure<S: System<Spawner: Sleeps>>() -> [f64; COLUMNS];
}

/// A column of the table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading, with the unit.
    pub heading: &'static str,
    /// Whether taketurns over the least of tokio's three means something.
    pub ratio: bool,
    /// What that ratio is to be at most; without a ratio, the number of taketurns.
    pub asked: Option<f64>,
}

/// What happens instead of a table.
pub type Error = Box<dyn std::error::Error>;

/// A system's name and its numbers.
type Row<const COLUMNS: usize> = (&'static str, [f64; COLUMNS]);

/// The whole program: prints the table, or is the process that measures the system it is told to.
///
/// Exit code 1 when something could not be measured or a measurement found an error, whatever the numbers.
pub fn main<F: Figure<COLUMNS>, const COLUMNS: usize>() -> ExitCode {
    let done = match env::args().nth(1) {
        Some(system) => measure_here::<F, COLUMNS>(&system),
        None => all_rounds::<F, COLUMNS>().map(|rows| print!("{}", table(&F::COLUMNS, &rows))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A system and how it is measured; ours first.
type Entrant<const COLUMNS: usize> = (&'static str, fn() -> [f64; COLUMNS]);

fn entrants<F: Figure<COLUMNS>, const COLUMNS: usize>() -> [Entrant<COLUMNS>; 4] {
    fn entrant<F: Figure<COLUMNS>, S, const COLUMNS: usize>() -> Entrant<COLUMNS>
    where
        S: System<Spawner: Sleeps>,
    {
        (S::NAME, F::measure::<S>)
    }
    [
        entrant::<F, Taketurns, COLUMNS>(),
        entrant::<F, TokioCurrentThread, COLUMNS>(),
        entrant::<F, TokioLocalSet, COLUMNS>(),
        entrant::<F, TokioLocalRuntime, COLUMNS>(),
    ]
}

fn measure_here<F: Figure<COLUMNS>, const COLUMNS: usize>(system: &str) -> Result<(), Error> {
    let entrants = entrants::<F, COLUMNS>();
    let found = entrants.iter().find(|(name, _)| *name == system);
    let (_, measure) = found.ok_or_else(|| format!("no system is called {system}"))?;
    for number in measure() {
        println!("{number}");
    }
    Ok(())
}

fn all_rounds<F: Figure<COLUMNS>, const COLUMNS: usize>() -> Result<Vec<Row<COLUMNS>>, Error> {
    let systems = entrants::<F, COLUMNS>().map(|(name, _)| name);
    let mut rounds = systems.map(|_| Vec::new());
    for _ in 0..F::ROUNDS {
        for (system, rounds) in systems.iter().zip(&mut rounds) {
            rounds.push(measure_apart(system)?);
        }
    }
    Ok(systems.into_iter().zip(rounds.iter().map(|rounds| medians(rounds))).collect())
}

/// Has a new process of this program measure the system.
fn measure_apart<const COLUMNS: usize>(system: &str) -> Result<[f64; COLUMNS], Error> {
    let numbers: Vec<f64> = numbers_of(&[system])?;
    numbers.try_into().map_err(|numbers| format!("{system} printed {numbers:?}").into())
}

/// The numbers, one a line, that a new process of this program prints with these arguments.
///
/// # Errors
///
/// When it cannot be run, fails, or prints something else.
pub fn numbers_of<T: FromStr>(arguments: &[&str]) -> Result<Vec<T>, Error>
where
    Error: From<T::Err>,
{
    let mut process = Command::new(env::current_exe()?);
    let output = process.args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", arguments.join(" "), output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::parse).collect::<Result<_, _>>()?)
}

/// Of each column the median, the upper one of two.
fn medians<const COLUMNS: usize>(rounds: &[[f64; COLUMNS]]) -> [f64; COLUMNS] {
    std::array::from_fn(|column| {
        let mut numbers: Vec<_> = rounds.iter().map(|round| round[column]).collect();
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    })
}

/// A row a system, and the ratios below.
fn table<const COLUMNS: usize>(columns: &[Column; COLUMNS], rows: &[Row<COLUMNS>]) -> String {
    let mut text = format!("{:20}", "");
    for column in columns {
        text += &format!("  {}", column.heading);
    }
    text.push('\n');
    for (system, numbers) in rows {
        text += &format!("{system:20}");
        for (column, number) in columns.iter().zip(numbers) {
            text += &format!("  {number:>width$.1}", width = column.heading.len());
        }
        text.push('\n');
    }
    let ratio = |index: usize| columns[index].ratio.then(|| ratio(rows, index));
    text += &summary("ratio to tokio best", columns, ratio);
    if columns.iter().any(|column| column.asked.is_some()) {
        text += &summary("asked, at most", columns, |index| columns[index].asked);
    }
    text
}

/// A row that has a number below some columns only.
fn summary(name: &str, columns: &[Column], number: impl Fn(usize) -> Option<f64>) -> String {
    let mut text = format!("{name:20}");
    for (index, column) in columns.iter().enumerate() {
        let number = number(index).map_or(String::new(), |number| format!("{number:.3}"));
        text += &format!("  {number:>width$}", width = column.heading.len());
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The first row's number over the least of the others.
fn ratio<const COLUMNS: usize>(rows: &[Row<COLUMNS>], column: usize) -> f64 {
    let others = rows[1..].iter().map(|(_, numbers)| numbers[column]);
    rows[0].1[column] / others.fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_of_one_column_and_in_the_middle() {
        assert_eq!(medians(&[[5.0, 1.0], [1.0, 9.0], [3.0, 2.0]]), [3.0, 2.0]);
    }

    struct Nothing;

    impl Figure<1> for Nothing {
        const COLUMNS: [Column; 1] = [Column { heading: "nothing", ratio: true, asked: None }];
        const ROUNDS: usize = 1;

        fn measure<S: System<Spawner: Sleeps>>() -> [f64; 1] {
            [0.0]
        }
    }

    #[test]
    fn a_process_measures_the_system_it_is_told_to_and_no_other() {
        assert!(measure_here::<Nothing, 1>("tokio_LocalSet").is_ok());
        let error = measure_here::<Nothing, 1>("tokio").expect_err("there are three of that");
        assert_eq!(error.to_string(), "no system is called tokio");
    }

    #[test]
    fn the_ratio_is_ours_to_the_least_of_tokio_where_it_means_something() {
        let columns = [
            Column { heading: "ns a task", ratio: true, asked: Some(0.5) },
            Column { heading: "million polls", ratio: false, asked: None },
        ];
        let rows =
            [("ours", [50.0, 1.0]), ("a", [400.0, 2.0]), ("b", [200.0, 20.0]), ("c", [300.0, 3.0])];
        let text = table(&columns, &rows);
        let lines: Vec<_> = text.lines().collect();
        let expected = [
            "                      ns a task  million polls",
            "ours                       50.0            1.0",
            "a                         400.0            2.0",
            "b                         200.0           20.0",
            "c                         300.0            3.0",
            "ratio to tokio best       0.250",
            "asked, at most            0.500",
        ];
        assert_eq!(lines, expected);
    }
}
