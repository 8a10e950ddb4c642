//! The example `live_feed`, run as a program: its source is written to, and its clients listen over the network.

#![cfg(target_os = "linux")]

#[path = "live_feed/client.rs"]
mod client;
#[path = "live_feed/clients.rs"]
mod clients;
#[path = "live_feed/ending.rs"]
mod ending;
#[path = "common/example.rs"]
mod example;
#[path = "live_feed/parts.rs"]
mod parts;
#[path = "live_feed/posting.rs"]
mod posting;
#[path = "live_feed/program.rs"]
mod program;
#[path = "live_feed/queues.rs"]
mod queues;
#[path = "live_feed/source.rs"]
mod source;
