//! What a random program is made of, and the strategies that make one.

#![forbid(unsafe_code)]

use proptest::collection::vec;
use proptest::prelude::*;

/// The executors in use at a time.
pub(crate) const SLOTS: usize = 2;
/// How many turns each lets pass between looks: one looks often, one nearly never.
pub(crate) const INTERVALS: [u32; SLOTS] = [2, 61];
/// No more is spawned than that, so that a destructor that spawns comes to an end.
pub(crate) const MOST_TASKS: usize = 32;

#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) scripts: Vec<Script>,
    pub(crate) commands: Vec<Command>,
}

impl Program {
    pub(crate) fn script(&self, nth: usize) -> &Script {
        &self.scripts[nth % self.scripts.len()]
    }
}

/// What one task does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) size: Size,
    /// Poll by poll; it pends in all that come after.
    pub(crate) polls: Vec<(Vec<Act>, Then)>,
    pub(crate) future_drop: Dropping,
    pub(crate) output_drop: Dropping,
}

/// How large the future is: smaller than the output, larger, too large for recycling, over-aligned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    Small,
    Large,
    Huge,
    Aligned,
}

/// How a poll ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    Pend,
    /// Pends, after waking itself.
    Yield,
    Done,
    /// With an output for a payload.
    Panic,
}

/// What a destructor does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dropping {
    pub(crate) acts: Vec<Act>,
    pub(crate) panics: bool,
}

/// One thing done: in a turn, in a destructor, or between runs.
///
/// What cannot be done does nothing: a handle that is gone, a waker that nobody kept.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Which executor, which script.
    Spawn(usize, usize),
    /// In a turn: the task's waker is kept for everybody.
    KeepWaker,
    /// With a kept waker.
    Waker(Whom, WakerOp, Place),
    Abort(Whom),
    /// By an `AbortHandle` made for it.
    AbortAway(Whom, Place),
    /// Polls the handle: for the task in its turn, otherwise for a waker that records.
    Join(Whom),
    DropHandle(Whom),
    Close(usize),
    DropExecutor(usize),
    /// A new executor where one has ended.
    Open(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum WakerOp {
    Clone,
    Wake,
    WakeByRef,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    OtherThread,
}

/// One of the tasks that an act can be done to: those with a handle that can be reached, or with a waker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom {
    /// Who acts; between runs, the newest.
    Me,
    /// Counted from the oldest, and round again.
    Nth(usize),
}

impl Whom {
    pub(crate) fn find<T>(
        self,
        me: Option<usize>,
        tasks: &[T],
        fits: impl Fn(&T) -> bool,
    ) -> Option<usize> {
        let mut fitting = (0..tasks.len()).filter(|&task| fits(&tasks[task]));
        match (self, me) {
            (Whom::Me, Some(me)) => fitting.find(|&task| task == me),
            (Whom::Me, None) => fitting.last(),
            (Whom::Nth(nth), _) => {
                let fitting: Vec<usize> = fitting.collect();
                nth.checked_rem(fitting.len()).map(|nth| fitting[nth])
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    /// Between runs.
    Do(Act),
    /// `block_on` of a root that takes so many turns before the last, with an act in each.
    Run(usize, Vec<(Act, Rest)>),
}

/// How a root ends a turn that is not its last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    Yield,
    /// Pends until somebody wakes it; when nothing else is left to do, another thread does.
    Idle,
}

/// What is seen of a program, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Polled(usize),
    FutureDropped(usize),
    OutputDropped(usize),
    /// What polling a handle gave.
    Joined(usize, Option<Outcome>),
    /// The waker that records was woken by the end of that task.
    Recorded(usize),
    /// Tasks and their polls.
    Lost(Vec<(usize, u64)>),
}

/// What a handle gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value,
    /// The payload is an output.
    Panicked,
    /// The future's destructor panicked.
    DropPanicked,
    Cancelled,
    Shutdown,
}

pub(crate) fn program() -> impl Strategy<Value = Program> {
    (vec(script(), 1..6), vec(command(), 1..40))
        .prop_map(|(scripts, commands)| Program { scripts, commands })
}

fn script() -> impl Strategy<Value = Script> {
    let size =
        prop_oneof![Just(Size::Small), Just(Size::Large), Just(Size::Huge), Just(Size::Aligned)];
    let polls = vec((acts(), then()), 0..6);
    (size, polls, dropping(), dropping()).prop_map(|(size, polls, future_drop, output_drop)| {
        Script { size, polls, future_drop, output_drop }
    })
}

/// Half of the polls keep the waker first: a task that nobody can wake has little to show.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    (any::<bool>(), vec(act(), 0..3)).prop_map(|(keep, mut acts)| {
        if keep {
            acts.insert(0, Act::KeepWaker);
        }
        acts
    })
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        6 => Just(Then::Pend),
        4 => Just(Then::Yield),
        3 => Just(Then::Done),
        1 => Just(Then::Panic),
    ]
}

fn dropping() -> impl Strategy<Value = Dropping> {
    let acts = prop_oneof![3 => Just(Vec::new()), 1 => vec(act(), 1..3)];
    (acts, prop::bool::weighted(0.1)).prop_map(|(acts, panics)| Dropping { acts, panics })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..SLOTS, 0..8_usize).prop_map(|(on, script)| Act::Spawn(on, script)),
        2 => Just(Act::KeepWaker),
        16 => (whom(), waker_op(), place())
            .prop_map(|(whom, op, place)| Act::Waker(whom, op, place)),
        1 => whom().prop_map(Act::Abort),
        2 => (whom(), place()).prop_map(|(whom, place)| Act::AbortAway(whom, place)),
        4 => whom().prop_map(Act::Join),
        2 => whom().prop_map(Act::DropHandle),
        1 => (0..SLOTS).prop_flat_map(|on| {
            prop_oneof![Just(Act::Close(on)), Just(Act::DropExecutor(on)), Just(Act::Open(on))]
        }),
    ]
}

fn waker_op() -> impl Strategy<Value = WakerOp> {
    prop_oneof![
        2 => Just(WakerOp::Clone),
        3 => Just(WakerOp::Wake),
        6 => Just(WakerOp::WakeByRef),
        1 => Just(WakerOp::Drop),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![15 => Just(Place::Here), 1 => Just(Place::OtherThread)]
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![4 => (0..8_usize).prop_map(Whom::Nth), 1 => Just(Whom::Me)]
}

fn command() -> impl Strategy<Value = Command> {
    let rest = prop_oneof![15 => Just(Rest::Yield), 1 => Just(Rest::Idle)];
    let run = (0..SLOTS, vec((act(), rest), 0..5));
    prop_oneof![
        3 => act().prop_map(Command::Do),
        2 => run.prop_map(|(on, turns)| Command::Run(on, turns)),
    ]
}
