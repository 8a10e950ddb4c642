//! A figure of several systems in one run: each measurement in a process of its own, in turn.
//!
//! A process of its own, since what a runtime leaves in the allocator is found there by the next: its
//! memory could not be told apart, and its time would depend on which system came before. In turn, A B C D A
//! B C D, since a machine does not stay as fast as it was: what is compared is each system with ours *of the
//! same round*, and the table has the median and the quartiles of these ratios.

#![forbid(unsafe_code)]

mod table;

use std::env;
use std::process::{Command, ExitCode, Output, Stdio};
use std::str::FromStr;

use table::{Measured, table};

/// What happens instead of a table.
pub type Error = Box<dyn std::error::Error>;

/// A column of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What they are, with the unit.
    pub heading: &'static str,
    /// Whether they are compared with ours.
    pub compared: bool,
    /// What is asked of ours.
    pub asked: Option<Asked>,
}

/// What is asked of ours in a column.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// A number no greater than this.
    AtMost(f64),
    /// That the best of tokio's three has at least so many times ours.
    TokioTimes(f64),
    /// For each of these: that the best of the systems named has at least so many times ours.
    TimesOf(&'static [(&'static [&'static str], f64)]),
}

impl Column {
    /// A column that is compared.
    #[must_use]
    pub const fn compared(heading: &'static str) -> Self {
        Self { heading, compared: true, asked: None }
    }

    /// A column that is only told.
    #[must_use]
    pub const fn told(heading: &'static str) -> Self {
        Self { heading, compared: false, asked: None }
    }

    /// This column, with something asked of ours.
    #[must_use]
    pub const fn asked(self, asked: Asked) -> Self {
        Self { asked: Some(asked), ..self }
    }
}

/// Measures one system, in a process that has done nothing else: a number for each column, which is not a
/// number (NaN) where the system has no way to do that. An error: the system cannot run on this machine.
pub type Measure = fn() -> Result<Vec<f64>, Error>;

/// The exit code of a process whose system cannot run here; the reason is on its standard output.
const REFUSED: u8 = 3;

/// The whole program: prints the table, or is the process that measures the system it is told to. Ours is
/// the first of the entrants.
///
/// Exit code 1 when a measurement failed, whatever the numbers. A system that cannot run on this machine is
/// named in the table with its reason.
pub fn main(columns: &[Column], rounds: usize, entrants: &[(&'static str, Measure)]) -> ExitCode {
    match env::args().nth(1) {
        Some(system) => match measure_here(entrants, &system) {
            Ok(numbers) => {
                numbers.iter().for_each(|number| println!("{number}"));
                ExitCode::SUCCESS
            }
            Err(reason) => {
                println!("{reason}");
                ExitCode::from(REFUSED)
            }
        },
        None => match all_rounds(rounds, entrants) {
            Ok(systems) => {
                print!("{}", table(columns, &systems));
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn measure_here(entrants: &[(&str, Measure)], system: &str) -> Result<Vec<f64>, Error> {
    let found = entrants.iter().find(|(name, _)| *name == system);
    let (_, measure) = found.ok_or_else(|| format!("no system is called {system}"))?;
    measure()
}

fn all_rounds(rounds: usize, entrants: &[(&'static str, Measure)]) -> Result<Vec<Measured>, Error> {
    let mut systems: Vec<_> = entrants.iter().map(|(name, _)| Measured::new(name)).collect();
    for _ in 0..rounds {
        for system in systems.iter_mut().filter(|system| system.refused.is_none()) {
            let output = run_again(&[system.name])?;
            if output.status.code() == Some(i32::from(REFUSED)) {
                system.refused = Some(String::from_utf8(output.stdout)?.trim().to_owned());
            } else {
                system.rounds.push(numbers(&[system.name], output)?);
            }
        }
    }
    match systems.first().and_then(|ours| ours.refused.as_ref()) {
        Some(reason) => Err(format!("{} cannot run here: {reason}", systems[0].name).into()),
        None => Ok(systems),
    }
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
    numbers(arguments, run_again(arguments)?)
}

/// Runs this program anew.
fn run_again(arguments: &[&str]) -> Result<Output, Error> {
    let mut process = Command::new(env::current_exe()?);
    Ok(process.args(arguments).stderr(Stdio::inherit()).output()?)
}

fn numbers<T: FromStr>(arguments: &[&str], output: Output) -> Result<Vec<T>, Error>
where
    Error: From<T::Err>,
{
    if !output.status.success() {
        return Err(format!("{}: {}", arguments.join(" "), output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::parse).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_measures_the_system_it_is_told_to_and_no_other() {
        let entrants: [(&str, Measure); 2] =
            [("taketurns", || Ok(vec![1.0])), ("tokio_LocalSet", || Ok(vec![2.0]))];
        let numbers = measure_here(&entrants, "tokio_LocalSet").expect("there is one");
        assert_eq!(numbers, [2.0]);
        let error = measure_here(&entrants, "tokio").expect_err("there are three of that");
        assert_eq!(error.to_string(), "no system is called tokio");
    }
}
