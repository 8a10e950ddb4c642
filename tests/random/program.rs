//! What the bytes of a program mean.
//!
//! Four configurations for an executor, sixteen scripts of four steps, then the steps of the main program. A step
//! is three bytes: what to do, and two operands. Missing bytes count as zero, so every string is a program.

use std::array;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

const CONFIGS: usize = 4;
const CONFIG_BYTES: usize = 8;
const SCRIPTS: usize = 16;
const STEPS: usize = 4;
/// Steps of the main program, at most.
const MAIN: usize = 48;

/// The longest program.
pub(crate) const BYTES: usize = CONFIGS * CONFIG_BYTES + SCRIPTS * STEPS * 3 + MAIN * 3;

/// The scripts of the program that runs. Objects of any thread read them; plain atomics, so that reading them
/// orders nothing between the threads and hides no race from ThreadSanitizer.
static SCRIPT: [[AtomicU8; STEPS * 3]; SCRIPTS] =
    [const { [const { AtomicU8::new(0) }; STEPS * 3] }; SCRIPTS];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// Spawns on an executor, or on the one that runs.
    Spawn,
    SpawnHere,
    SpawnNamed,
    /// Polls by hand what is awaited in a slot, with a scripted waker.
    Poll,
    DropWait,
    Abort,
    TakeAbortHandle,
    UseAbortHandle,
    OnDone,
    GuardIt,
    Run,
    End,
    Make,
    Wake,
    WakeByRef,
    DropWaker,
    CloneWaker,
    PutWaker,
    Send,
    SendObj,
    PollRemote,
    DropRemote,
    AbortRemote,
    AwaitRemote,
    OnThread,
    OnThreadNow,
    Panic,
    CallLater,
    CancelCall,
    Block,
    Sleep,
    Timeout,
    Interval,
    Cancelled,
    Advance,
    Pause,
    Resume,
    Hold,
    DropHold,
    Stop,
    DropHandle,
    MakeHandle,
    Hook,
    /// Asks for a dump, the numbers, or the timeline.
    Ask,
    Script,
    Nothing,
}

use Act as A;

/// Which byte is which act; the frequent ones are there more than once.
const ACTS: [Act; 64] = [
    A::Spawn,
    A::Spawn,
    A::Ask,
    A::SpawnHere,
    A::SpawnHere,
    A::SpawnNamed,
    A::Poll,
    A::Poll,
    A::Poll,
    A::Poll,
    A::DropWait,
    A::DropWait,
    A::DropWait,
    A::Abort,
    A::TakeAbortHandle,
    A::UseAbortHandle,
    A::OnDone,
    A::OnDone,
    A::GuardIt,
    A::Run,
    A::Run,
    A::Run,
    A::Run,
    A::Run,
    A::End,
    A::Make,
    A::Wake,
    A::WakeByRef,
    A::DropWaker,
    A::CloneWaker,
    A::PutWaker,
    A::Send,
    A::Send,
    A::SendObj,
    A::SendObj,
    A::PollRemote,
    A::PollRemote,
    A::DropRemote,
    A::AbortRemote,
    A::AwaitRemote,
    A::OnThread,
    A::OnThread,
    A::OnThreadNow,
    A::OnThreadNow,
    A::Panic,
    A::CallLater,
    A::CancelCall,
    A::Block,
    A::Block,
    A::Sleep,
    A::Sleep,
    A::Timeout,
    A::Interval,
    A::Cancelled,
    A::Advance,
    A::Pause,
    A::Resume,
    A::Hold,
    A::DropHold,
    A::Stop,
    A::DropHandle,
    A::MakeHandle,
    A::Hook,
    A::Script,
];

/// What a thread is told to do.
const AWAY: [Act; 16] = [
    A::Send,
    A::SendObj,
    A::Ask,
    A::PollRemote,
    A::DropRemote,
    A::AbortRemote,
    A::UseAbortHandle,
    A::Wake,
    A::WakeByRef,
    A::DropWaker,
    A::CloneWaker,
    A::DropHold,
    A::Stop,
    A::Panic,
    A::Script,
    A::DropHandle,
];

/// From this code on, a step is a point where a future may wait; user code that cannot wait passes over it.
const WAITS: u8 = 3 * 64;

/// A step of a script, or of the main program.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    code: u8,
    pub(crate) a: u8,
    pub(crate) b: u8,
}

impl Step {
    /// For a thread, from the operands of another step: what both of them choose.
    pub(crate) fn of_thread(a: u8, b: u8) -> Self {
        let act = AWAY[usize::from(b >> 4)];
        let code = ACTS.iter().position(|&it| it == act).expect("each of them is there");
        Self { code: code as u8, a, b }
    }

    pub(crate) fn act(self) -> Act {
        if self.code >= WAITS { Act::Nothing } else { ACTS[usize::from(self.code) % ACTS.len()] }
    }

    /// Where a future may wait: which of the ways.
    pub(crate) fn wait(self) -> Option<u8> {
        (self.code >= WAITS).then_some(self.code & 7)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wait() {
            Some(wait) => write!(f, "wait {wait}")?,
            None => write!(f, "{:?}", self.act())?,
        }
        write!(f, " {} {:#x}", self.a, self.b)
    }
}

/// The steps of a script. The first half of the numbers are empty: most user code does nothing unusual.
pub(crate) fn script(number: u8) -> &'static [[AtomicU8; STEPS * 3]] {
    let number = usize::from(number) % (2 * SCRIPTS);
    number.checked_sub(SCRIPTS).map_or(&[], |at| &SCRIPT[at..=at])
}

/// The step at a place in a script, if it is that long.
pub(crate) fn step(number: u8, at: usize) -> Option<Step> {
    let bytes = script(number).first().filter(|_| at < STEPS)?;
    let byte = |offset: usize| bytes[at * 3 + offset].load(Relaxed);
    Some(Step { code: byte(0), a: byte(1), b: byte(2) })
}

/// A configuration of an executor; `face` says what its bytes choose.
pub(crate) type Config = [u8; CONFIG_BYTES];

pub(crate) struct Program {
    pub(crate) configs: [Config; CONFIGS],
    pub(crate) main: Vec<Step>,
}

impl Program {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut rest = bytes.iter().copied();
        let configs = array::from_fn(|_| array::from_fn(|_| rest.next().unwrap_or(0)));
        for byte in SCRIPT.iter().flatten() {
            byte.store(rest.next().unwrap_or(0), Relaxed);
        }
        let mut main = Vec::new();
        while let (Some(code), true) = (rest.next(), main.len() < MAIN) {
            let (a, b) = (rest.next().unwrap_or(0), rest.next().unwrap_or(0));
            main.push(Step { code: code % WAITS, a, b });
        }
        Self { configs, main }
    }
}
