//! What the operating system says: descriptors that became ready.
//!
//! A task that reads from an empty socket must not block the thread, as every other task would wait with it. The loop
//! could instead try each waiting read again on every look, but a thousand idle connections would cost a thousand
//! failing system calls each time, and the thread could never sleep. So the task leaves its waker with the
//! [`Reactor`] and waits. Between turns the runtime asks the kernel, once for all descriptors together, which of them
//! became ready, and the reactor wakes the tasks that waited for those.
//!
//! # Layout
//!
//! 1. `sys/mod.rs`: what the reactor asks of the operating system. `sys/epoll.rs` asks Linux; `sys/socket.rs` has the
//!    socket calls that std lacks; `sys/slack.rs` sets how late the kernel may end a wait.
//! 2. `slab.rs`: values under keys that go stale. The kernel is given such a key with each descriptor.
//! 3. `registration.rs`: what is known about one descriptor: its readiness and its wakers.
//! 4. `reactor.rs`: the reactor: registers descriptors, collects their events, wakes.
//! 5. `source.rs`: one registered descriptor, and how an operation on it waits.
//! 6. `net/`: the public face, [`TcpListener`](net::TcpListener) and [`TcpStream`](net::TcpStream), and the addresses
//!    they take.

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "feature `net` is Linux-only so far; build with default-features = false, features = [\"time\", \"offload\"]"
);

pub mod net;
#[expect(clippy::module_inception, reason = "it is named by its type")]
mod reactor;
mod registration;
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
