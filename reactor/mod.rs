//! What the operating system says: descriptors that became ready.
//!
//! A task that reads from a socket with nothing in it must not block the thread. It leaves its
//! waker with the [`Reactor`] and waits; between turns the runtime asks the kernel,
//! once for all descriptors together, which of them became ready, and the reactor wakes the tasks
//! that waited for those.
//!
//! # Layout
//!
//! 1. `sys/mod.rs`: what is asked of the operating system, and in which words.
//! 2. `sys/epoll.rs`: Linux's answer; `sys/socket.rs`: the socket calls std lacks; `sys/slack.rs`: how late
//!    the kernel may be.
//! 3. `slab.rs`: where registrations live, under keys that are never mistaken for older ones.
//! 4. `source.rs`: one descriptor: its cached readiness, its wakers, how an operation waits.
//! 5. `reactor.rs`: the reactor: wait, dispatch, and what is waited for.
//! 6. `net/`: the public face, [`TcpListener`](net::TcpListener) and [`TcpStream`](net::TcpStream), and the addresses
//!    they take, whose names are resolved on the thread pool (`offload/`).

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "feature `net` is Linux-only so far; build with default-features = false, features = [\"time\", \"offload\"]"
);

pub mod net;
#[expect(clippy::module_inception, reason = "it is named by its type")]
mod reactor;
mod slab;
mod source;
pub(crate) mod sys;

#[cfg(test)]
mod harness;
#[cfg(test)]
mod reactor_tests;
#[cfg(test)]
mod source_tests;

pub(crate) use reactor::Reactor;
