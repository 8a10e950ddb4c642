//! A program that is asked from outside: by the socket, by the page, by its user, by others, and while its loop is stuck.

#![cfg(target_os = "linux")]

#[path = "inspect/answer.rs"]
mod answer;
#[path = "inspect/client.rs"]
mod client;
#[path = "common/example.rs"]
mod example;
#[path = "inspect/fork.rs"]
mod fork;
#[path = "inspect/hostile.rs"]
mod hostile;
#[path = "inspect/listed.rs"]
mod listed;
#[path = "inspect/owner.rs"]
mod owner;
#[path = "inspect/page.rs"]
mod page;
#[path = "inspect/program.rs"]
mod program;
#[path = "inspect/socket.rs"]
mod socket;
#[path = "inspect/stuck.rs"]
mod stuck;
#[path = "inspect/told.rs"]
mod told;
