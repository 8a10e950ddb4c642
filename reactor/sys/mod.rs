//! What the reactor asks of the operating system. Another system is another file behind the same
//! names. Of the rest only `timer/clock.rs` knows Linux, whose clock it reads by rustix where that is there.

#![forbid(unsafe_code)]

mod epoll;
mod slack;
mod socket;

pub(crate) use epoll::{Events, Poller};
pub(crate) use slack::TimerSlack;
#[cfg(feature = "hyper")]
pub(crate) use socket::receive;
pub(crate) use socket::{accept, start_connect};

/// One descriptor became ready, in one direction or in both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// What the descriptor was registered under.
    pub(crate) key: u64,
    pub(crate) read: Readiness,
    pub(crate) write: Readiness,
}

/// Whether an operation is worth a try. In rising order: what is ready stays so when an event says
/// less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Readiness {
    /// It would block.
    Blocked,
    /// It may succeed. A short transfer shows that it would block now.
    Ready,
    /// It may succeed, and more than bytes is behind it: the end, an error, an urgent mark. A short
    /// transfer shows nothing.
    Sticky,
}
