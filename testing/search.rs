//! [`Search`]: run after run of one body, until one fails.

#![forbid(unsafe_code)]

use std::future::Future;
use std::panic::Location;

use super::failure::{Failure, What};
use super::report::Report;
use super::schedule::Schedule;
use super::shrink::{Certainty, Shrunk, shrink};
use super::source::Source;
use super::trace::{Choice, Trace};
use super::trial::{ALL, Trial};

/// What all runs of a search have in common.
pub(super) struct Search<'a, F> {
    pub(super) body: &'a F,
    /// Each run is done twice and compared.
    pub(super) twice: bool,
    pub(super) site: &'static Location<'static>,
}

impl<F, Fut> Search<'_, F>
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    /// A run for each seed.
    pub(super) fn seeds(
        &self,
        schedule: Schedule,
        seeds: impl IntoIterator<Item = u64>,
    ) -> Result<Report, Box<Failure>> {
        let turns = match schedule {
            Schedule::Uniform => 0, // not asked for
            Schedule::Pct { .. } => self.attempt(&Source::Plain, 0)?.turns,
        };
        let source = |seed| match schedule {
            Schedule::Uniform => Source::Uniform { seed },
            Schedule::Pct { depth } => Source::Pct { seed, depth, turns },
        };
        let mut passed = 0;
        for seed in seeds {
            self.attempt(&source(seed), passed)?;
            passed += 1;
        }
        Ok(Report { schedules: passed, complete: false })
    }

    /// A run for each list of choices there is, at most `limit`: depth first, in the order of the lists.
    pub(super) fn all(&self, limit: u64) -> Result<Report, Box<Failure>> {
        let mut made: Vec<Choice> = Vec::new();
        for passed in 0..limit {
            let trace = self.attempt(&Source::List(taken(&made)), passed)?;
            let is_same = |(made, again): (&Choice, &Choice)| made == again;
            let same = made.iter().zip(&trace.choices).take_while(|&pair| is_same(pair)).count();
            if same < made.len() {
                return Err(astray(taken(&made), passed, same, trace));
            }
            made = trace.choices;
            if !go_on(&mut made) {
                return Ok(Report { schedules: passed + 1, complete: true });
            }
        }
        Ok(Report { schedules: limit, complete: false })
    }

    /// The run with these choices.
    pub(super) fn replay(&self, list: Vec<usize>) -> Result<Report, Box<Failure>> {
        let trace = self.attempt(&Source::List(list.clone()), 0)?;
        let made = taken(&trace.choices);
        let same = list.iter().zip(&made).take_while(|(wanted, made)| wanted == made).count();
        if same < list.len() {
            return Err(astray(list, 0, same, trace));
        }
        Ok(Report { schedules: 1, complete: false })
    }

    /// One run, after `passed` runs that passed. Gives its trace if it passes too.
    pub(super) fn attempt(&self, source: &Source, passed: u64) -> Result<Trace, Box<Failure>> {
        let run = |limit| Trial::run(self.body, source, limit, self.twice, self.site);
        let failure = |what| Err(Box::new(Failure { source: source.clone(), passed, what }));
        let trial = run(ALL);
        if trial.failed() {
            return failure(What::Fails(shrink(trial, run)));
        }
        if self.twice {
            let again = run(ALL);
            if let Some(difference) = trial.trace.first_difference(&again.trace) {
                return failure(What::Differs(difference, again.trace));
            }
            if again.failed() {
                let choices = again.trace.choices.len();
                let certainty = Certainty::NotRepeatable;
                return failure(What::Fails(Shrunk { choices, trial: again, certainty }));
            }
        }
        Ok(trial.trace)
    }
}

/// Makes the choices of a run into those that come after them: the last choice that has a task left takes the next one,
/// and plain order follows. `false`: no choice has one left.
fn go_on(made: &mut Vec<Choice>) -> bool {
    while let Some(last) = made.last_mut() {
        last.taken += 1;
        if last.taken < last.ready {
            return true;
        }
        made.pop();
    }
    false
}

fn taken(choices: &[Choice]) -> Vec<usize> {
    choices.iter().map(|choice| choice.taken).collect()
}

/// The run made `same` choices of the list, and could not make the next as the list has it.
fn astray(list: Vec<usize>, passed: u64, same: usize, trace: Trace) -> Box<Failure> {
    let what = What::Astray(same + 1, trace);
    Box::new(Failure { source: Source::List(list), passed, what })
}
