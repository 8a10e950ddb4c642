//! [`shrink`]: the shortest schedule that still fails.

#![forbid(unsafe_code)]

use super::schedule::MOST_TURNS;
use super::trial::{ALL, Trial};

/// A failure, with as few choices of the seed as were found to do.
pub(super) struct Shrunk {
    /// The first so many choices are the seed's.
    pub(super) choices: u64,
    pub(super) trial: Trial,
    pub(super) how: How,
}

/// How far to trust it.
pub(super) enum How {
    /// No fewer choices fail.
    Least,
    /// Fewer might: not all were tried.
    GivenUp,
    /// The same seed passes when it is run again.
    NotRepeatable,
}

/// `run` tries the body with the first so many choices by the seed, and the rest in order; with all of
/// them it was `failed`.
///
/// First halves, as long as half the choices will do, then all from 0 up to those; after a million turns it
/// makes do with what it has.
pub(super) fn shrink(failed: Trial, run: impl Fn(u64) -> Trial) -> Shrunk {
    let choices = failed.trace.choices;
    let mut spent = 0;
    let mut try_with = |choices| {
        let trial = (spent < MOST_TURNS).then(|| run(choices))?;
        spent += trial.trace.turns;
        Some(trial)
    };
    if try_with(ALL).is_some_and(|again| !again.failed()) {
        return Shrunk { choices, trial: failed, how: How::NotRepeatable };
    }
    let mut best = Shrunk { choices, trial: failed, how: How::Least };
    while best.choices > 0 {
        let half = best.choices / 2;
        let Some(trial) = try_with(half).filter(Trial::failed) else { break };
        best = Shrunk { choices: half, trial, how: How::Least };
    }
    for choices in 0..best.choices {
        match try_with(choices) {
            None => return Shrunk { how: How::GivenUp, ..best },
            Some(trial) if trial.failed() => return Shrunk { choices, trial, how: How::Least },
            Some(_) => {}
        }
    }
    best
}
