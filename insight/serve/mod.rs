//! A view from outside: a process that runs can be asked what its loops do, also while they are stuck.
//!
//! A task could listen on a socket and answer. But a loop that is stuck gives that task no turn, and that is when the
//! question comes. So threads of the server's own answer, from what any thread may read, and never wait for the loop longer
//! than a short limit.
//!
//! What a program does is not for everyone to see. So only its user gets in: the socket is in a folder of the user's own,
//! and its peer is checked; the page has a secret in its address, and a browser that comes from another site is refused.
//!
//! # Layout
//!
//! 1. `source.rs`: what the server asks of a loop.
//! 2. `place.rs`: where the sockets are. `stream.rs`: sockets, and deadlines for them. `crowd.rs`: who is served at a time.
//! 3. `looped.rs`: one loop, and what it says. `loops.rs`: all that this process has. `answer.rs`: what they say, as a text; `room.rs`: how
//!    much memory such texts may take.
//! 4. `lines.rs`: the protocol of the Unix socket.
//! 5. `http.rs`: a request, and what it is refused for. `page.rs`: the live page, and what it fetches.
//! 6. `server.rs`: [`serve`], [`Serve`] and [`Server`], the public face.

#![forbid(unsafe_code)]

#[cfg(not(unix))]
compile_error!("feature `inspect` is for Unix alone: it serves on a Unix socket");

mod answer;
mod crowd;
#[cfg(all(test, not(loom)))]
mod crowd_tests;
mod http;
#[cfg(all(test, not(loom)))]
mod http_tests;
mod lines;
#[cfg(all(test, not(loom)))]
mod lines_tests;
mod looped;
mod loops;
#[cfg(all(test, not(loom)))]
mod loops_tests;
mod page;
mod place;
#[cfg(all(test, not(loom)))]
mod place_tests;
mod room;
#[cfg(all(test, not(loom)))]
mod room_tests;
mod server;
mod source;
mod stream;

pub use place::{socket_folders, sockets};
pub use server::{Serve, Server, serve};
pub use source::Served;
pub(crate) use source::{Asked, Source, Stalls};
