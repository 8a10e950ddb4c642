//! What the reactor asks of the operating system.
//!
//! The rest of the reactor could call rustix where it needs the kernel, but then a second operating system would mean
//! changes everywhere. So all of that is here, and another system is another file behind the same names. Outside of
//! this folder only `timer/clock.rs` knows Linux: it reads the clock by rustix where rustix is built in.
//!
//! # Layout
//!
//! 1. this file: events, and the [`Readiness`] they announce.
//! 2. `epoll.rs`: waits for the events of many descriptors at once.
//! 3. `socket.rs`: the socket calls that std lacks.
//! 4. `slack.rs`: how late the kernel may end a wait.

#![forbid(unsafe_code)]

mod epoll;
mod slack;
mod socket;

pub(crate) use epoll::{Events, Poller};
pub(crate) use slack::TimerSlack;
#[cfg(feature = "hyper")]
pub(crate) use socket::receive;
pub(crate) use socket::{accept, listen_sharing_port, start_connect};

/// Announces that one descriptor became ready, in one direction or in both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// The key that the descriptor was registered with.
    pub(crate) key: u64,
    pub(crate) read: Readiness,
    pub(crate) write: Readiness,
}

/// Whether an operation is worth a try. Ordered, as the greater of two wins: an event about one direction does not take
/// back what an earlier event announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Readiness {
    /// It would block.
    Blocked,
    /// It may succeed. After a short transfer it would block.
    Ready,
    /// It may succeed, also after a short transfer: the end of the stream, an error or an urgent mark comes after the
    /// bytes.
    Sticky,
}
