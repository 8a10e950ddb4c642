//! A queue of values from many tasks to many tasks: each value goes to one receiver.
//!
//! Tasks of one thread could share an `Rc<RefCell<VecDeque<T>>>`. But a task that finds it empty would have to ask again and
//! again, and a task that fills it faster than others empty it would use all memory. A channel wakes the task that
//! waits for a value; and one that is [`bounded`] makes a sender wait until there is room, which slows the fast side down to
//! the slow one (*backpressure*).
//!
//! ```
//! use taketurns::{spawn, sync::channel};
//!
//! taketurns::block_on(async {
//!     let (sender, receiver) = channel::bounded(2);
//!     for worker in 0..2 {
//!         let receiver = receiver.clone();
//!         spawn(async move {
//!             while let Ok(job) = receiver.recv().await {
//!                 println!("worker {worker} does job {job}");
//!             }
//!         })
//!         .detach();
//!     }
//!     for job in 0..10 {
//!         sender.send(job).await.unwrap(); // waits while two jobs are in the channel
//!     }
//! });
//! ```
//!
//! # Order
//!
//! Values are received in the order in which they were sent. Tasks that wait are served in the order in which their futures
//! were first polled, senders and receivers alike, and no newcomer overtakes them: a slot that becomes free, or a value
//! that arrives, is granted to the first in line, and is not there for [`try_send`](Sender::try_send),
//! [`try_recv`](Receiver::try_recv) or a new future. A future that is dropped hands on what it was granted.
//!
//! # The end
//!
//! A channel is closed by [`close`](Sender::close) on either side, and when the last [`Sender`] or the last [`Receiver`] is
//! dropped. A closed channel takes no value, and stays closed. What is in its buffer can still be received. When
//! the last receiver is dropped, the buffer is dropped in that moment.
//!
//! # Layout
//!
//! 1. `shared.rs`: the state, its invariants, and how slots and values are granted.
//! 2. `send.rs`: [`Sender`]. `reserve.rs`: [`Permit`]. `recv.rs`: [`Receiver`]. `stream.rs`: both as stream
//!    and sink (feature `streams`).

#![forbid(unsafe_code)]

use std::rc::Rc;

mod recv;
mod reserve;
mod send;
mod shared;
#[cfg(feature = "streams")]
mod stream;

pub use recv::{Receiver, Recv};
pub use reserve::{Permit, Reserve};
pub use send::{Send, Sender};
use shared::{NO_BOUND, Shared};
#[cfg(feature = "streams")]
pub use stream::{ReceiverStream, SenderSink};

/// Makes a channel with room for `capacity` values.
///
/// Both halves can be cloned. They stay on this thread, and work under every executor of it. No memory is set aside:
/// the buffer grows as it is needed, up to `capacity`.
///
/// # Panics
///
/// If `capacity` is 0: such a channel could never take a value.
#[must_use]
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "`channel::bounded(0)` has no room for any value: use `bounded(1)`, or `oneshot` for a single value"
    );
    halves(capacity)
}

/// Makes a channel that takes any number of values, so that a send never waits.
///
/// If its senders are faster than its receivers for long, it uses all memory. Otherwise like [`bounded`].
#[must_use]
#[track_caller]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    halves(NO_BOUND)
}

#[track_caller]
fn halves<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared::new(bound));
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared })
}

/// The methods that both halves have.
macro_rules! of_both_halves {
    ($Half:ident) => {
        impl<T> $Half<T> {
            /// How many values are in the channel. Those that are granted to receivers count, until they are taken.
            #[must_use]
            pub fn len(&self) -> usize {
                self.shared.len()
            }

            /// Whether [`len`](Self::len) is 0.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether no slot is free: each has a value in it, is reserved, or is granted to a sender that waited. A
            /// closed channel is not full.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.shared.is_full()
            }

            /// How many values the channel has room for. `None`: any number.
            #[must_use]
            pub fn capacity(&self) -> Option<usize> {
                self.shared.capacity()
            }

            /// Whether the channel takes no more values. There may still be some to receive.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.shared.is_closed()
            }

            /// Closes the channel. Senders that wait get their value back; what is in the buffer can still be received.
            pub fn close(&self) {
                self.shared.close();
            }

            /// Closes the channel as `Queue.shutdown` of Python 3.13 does: if `immediate`, every value in the buffer is
            /// dropped, and all receivers find the channel closed. Otherwise this is [`close`](Self::close).
            pub fn shutdown(&self, immediate: bool) {
                if immediate {
                    drop(self.shared.shut_down());
                } else {
                    self.close();
                }
            }

            /// Whether both are halves of one channel.
            #[must_use]
            pub fn same_channel(&self, other: &Self) -> bool {
                ::std::rc::Rc::ptr_eq(&self.shared, &other.shared)
            }
        }

        impl<T> ::std::fmt::Debug for $Half<T> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                self.shared.fmt(stringify!($Half), f)
            }
        }
    };
}

of_both_halves!(Sender);
of_both_halves!(Receiver);
