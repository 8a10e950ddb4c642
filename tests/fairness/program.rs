//! Random programs: what some tasks do, what happens outside at each look, what between the runs.

use std::ops::Range;

/// Tasks are numbered in the order in which they are made, roots included. An instruction about a task
/// that is not there does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// `yield_now`.
    Yield,
    /// Returns `Pending`; over in the next turn, whoever caused that.
    Park,
    /// Wakes by the waker the task had in its first turn.
    Wake(usize),
    /// The same in another place than inside the executor.
    Away(usize),
    /// A new task with this body.
    Spawn(usize),
    /// The same, sent by `Handle::spawn`. Nobody has a handle of it.
    Send(usize),
    Abort(usize),
    /// Awaits the task's handle, which others may use meanwhile.
    Join(usize),
    /// Drops the task's handle.
    Detach(usize),
    /// `Handle::stop`.
    Stop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Run {
    /// `block_on` of a task with the body of the run's number.
    BlockOn,
    /// `run_forever`.
    Forever,
}

/// Once the tasks are so many, `Spawn` and `Send` do nothing.
pub(crate) const MOST_TASKS: usize = 12;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub(crate) event_interval: u32,
    pub(crate) runs: Vec<Run>,
    /// A real thread is the other place, not just another executor on this one.
    pub(crate) threaded: bool,
    pub(crate) bodies: Vec<Vec<Op>>,
    /// Done before each run.
    pub(crate) outside: Vec<Vec<Op>>,
    /// Done by the driver at each look: `Wake` after it has taken the inbox, the others before.
    pub(crate) looks: Vec<Vec<Op>>,
}

/// What can be seen of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// With the inbox taken, and before the driver wakes anybody.
    Look {
        wait: bool,
        unparks: usize,
        ready: bool,
    },
    /// `at` says how far the task had come.
    Turn {
        task: usize,
        at: usize,
    },
    Joined {
        task: usize,
        by: usize,
        completed: bool,
    },
    /// The future is dropped.
    Dropped(usize),
    Returned,
    Lost {
        task: usize,
        polls: u64,
    },
}

impl Program {
    pub(crate) fn random(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let runs = (0..rng.within(1..4)).map(|_| rng.run()).collect::<Vec<_>>();
        let count = runs.len();
        Self {
            event_interval: rng.within(1..9) as u32,
            runs,
            threaded: seed % 100 == 0,
            bodies: (0..rng.within(1..7)).map(|_| rng.list(1..9, IN_A_BODY)).collect(),
            outside: (0..count).map(|_| rng.list(0..5, OUTSIDE)).collect(),
            looks: (0..rng.within(0..16)).map(|_| rng.list(0..4, AT_A_LOOK)).collect(),
        }
    }

    /// Every program that is this one with a little less in it.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut found = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut less = self.clone();
            change(&mut less);
            found.push(less);
        };
        for run in 0..self.runs.len() {
            with(&|less| {
                less.runs.remove(run);
                less.outside.remove(run);
            });
        }
        if !self.looks.is_empty() {
            with(&|less| less.looks.truncate(self.looks.len() - 1));
        }
        if self.threaded {
            with(&|less| less.threaded = false);
        }
        for (number, part) in [&self.bodies, &self.outside, &self.looks].into_iter().enumerate() {
            for (list, ops) in part.iter().enumerate() {
                for op in 0..ops.len() {
                    with(&|less| {
                        less.part(number)[list].remove(op);
                    });
                }
            }
        }
        found
    }

    fn part(&mut self, number: usize) -> &mut Vec<Vec<Op>> {
        match number {
            0 => &mut self.bodies,
            1 => &mut self.outside,
            _ => &mut self.looks,
        }
    }
}

/// How often beside the others, and an instruction when given a number.
type Choice = (usize, fn(usize) -> Op);

const IN_A_BODY: &[Choice] = &[
    (3, |_| Op::Yield),
    (2, |_| Op::Park),
    (4, Op::Wake),
    (2, Op::Away),
    (4, Op::Spawn),
    (1, Op::Send),
    (1, Op::Abort),
    (3, Op::Join),
    (1, Op::Detach),
    (1, |_| Op::Stop),
];

const OUTSIDE: &[Choice] = &[
    (3, Op::Spawn),
    (1, Op::Send),
    (1, Op::Wake),
    (1, Op::Away),
    (1, Op::Abort),
    (1, Op::Detach),
    (1, |_| Op::Stop),
];

const AT_A_LOOK: &[Choice] = &[(3, Op::Away), (1, Op::Send), (3, Op::Wake)];

/// Splitmix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.next() % range.len() as u64) as usize
    }

    fn run(&mut self) -> Run {
        if self.within(0..4) == 0 { Run::Forever } else { Run::BlockOn }
    }

    fn one_of(&mut self, choices: &[Choice]) -> Op {
        let mut at = self.within(0..choices.iter().map(|(weight, _)| weight).sum());
        for (weight, op) in choices {
            match at.checked_sub(*weight) {
                Some(less) => at = less,
                None => return op(self.within(0..8)),
            }
        }
        unreachable!("it is below the sum of the weights")
    }

    fn list(&mut self, length: Range<usize>, choices: &[Choice]) -> Vec<Op> {
        (0..self.within(length)).map(|_| self.one_of(choices)).collect()
    }
}
