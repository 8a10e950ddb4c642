//! [`shrink`]: the shortest schedule that still fails.

#![forbid(unsafe_code)]

use super::prefix::MOST_TURNS;
use super::trial::{ALL, Trial};

/// A run that fails, with as few choices by its source as were found to be enough.
pub(super) struct Shrunk {
    /// How many choices are the source's: the first ones.
    pub(super) choices: usize,
    pub(super) trial: Trial,
    pub(super) certainty: Certainty,
}

/// Whether a shorter schedule may fail too.
pub(super) enum Certainty {
    /// With fewer choices it passes.
    Least,
    /// With fewer choices it may fail: not all numbers were tried.
    GivenUp,
    /// The same choices pass in another run.
    NotRepeatable,
}

/// Finds how few choices by the source are enough for a failure.
///
/// `failed` is the run with all choices by the source. `run` runs the body again, with the given number of choices by the
/// source and the rest in order.
///
/// It halves the choices as long as the run still fails. Then it tries each number from 0 up to the last half. After a
/// million turns it gives up, and returns the best run so far.
pub(super) fn shrink(failed: Trial, run: impl Fn(usize) -> Trial) -> Shrunk {
    let choices = failed.trace.choices.len();
    let mut spent = 0;
    let mut try_with = |choices| {
        let trial = (spent < MOST_TURNS).then(|| run(choices))?;
        spent += trial.trace.turns;
        Some(trial)
    };
    if try_with(ALL).is_some_and(|again| !again.failed()) {
        return Shrunk { choices, trial: failed, certainty: Certainty::NotRepeatable };
    }
    let mut best = Shrunk { choices, trial: failed, certainty: Certainty::Least };
    while best.choices > 0 {
        let half = best.choices / 2;
        let Some(trial) = try_with(half).filter(Trial::failed) else { break };
        best = Shrunk { choices: half, trial, certainty: Certainty::Least };
    }
    for choices in 0..best.choices {
        match try_with(choices) {
            None => return Shrunk { certainty: Certainty::GivenUp, ..best },
            Some(trial) if trial.failed() => {
                return Shrunk { choices, trial, certainty: Certainty::Least };
            }
            Some(_) => {}
        }
    }
    best
}
