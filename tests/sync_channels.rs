//! The channels of `sync`, and what wakes many tasks at once: exact traces, and every waiter cancelled in every state.

#[path = "common/mod.rs"]
mod common;
#[path = "common/scripted.rs"]
mod scripted;

#[path = "sync_channels/broadcast.rs"]
mod broadcast;
#[path = "sync_channels/channel.rs"]
mod channel;
#[path = "sync_channels/channel_waiters.rs"]
mod channel_waiters;
#[path = "sync_channels/event_notify.rs"]
mod event_notify;
#[path = "sync_channels/oneshot.rs"]
mod oneshot;
#[cfg(feature = "streams")]
#[path = "sync_channels/streams.rs"]
mod streams;
#[path = "sync_channels/wakers.rs"]
mod wakers;
#[path = "sync_channels/watch.rs"]
mod watch;
