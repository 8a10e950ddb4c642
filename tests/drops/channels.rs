//! The channels. What they send are values that are counted.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use taketurns::sync::{broadcast, channel, oneshot, watch};
use taketurns::time::{sleep, timeout};
use taketurns::yield_now;

use crate::Row;
use crate::scene::{Plan, Stage, Value};

type Halves = (channel::Sender<Value>, channel::Receiver<Value>);

pub(crate) const ROWS: &[Row] = &[
    ("sync/channel/send.rs send", || {
        queue().beside(receive).carries(9).tested(async |stage| {
            stage.0.send(stage.value(9)).await.unwrap();
        })
    }),
    ("sync/channel/reserve.rs reserve", || {
        queue().beside(receive).tested(async |stage| {
            let permit = stage.0.reserve().await.unwrap();
            yield_now().await;
            permit.send(stage.value(9)).unwrap();
        })
    }),
    ("sync/channel/recv.rs recv", || {
        queue().beside(receive).beside(close).ends_with(OPEN, CLOSED).tested(async |stage| {
            if let Ok(value) = stage.1.recv().await {
                stage.got(&value);
            }
        })
    }),
    ("sync/channel/stream.rs into_stream", || {
        queue().beside(receive).beside(close).ends_with(OPEN, CLOSED).tested(async |stage| {
            let mut stream = stage.1.clone().into_stream();
            for _ in 0..2 {
                if let Some(value) = stream.next().await {
                    stage.got(&value);
                }
            }
        })
    }),
    ("sync/channel/stream.rs into_sink", || {
        queue().beside(receive).carries(9).tested(async |stage| {
            let mut sink = stage.0.clone().into_sink();
            sink.send(stage.value(9)).await.unwrap();
        })
    }),
    ("sync/oneshot.rs channel", || {
        let (sender, receiver) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let (sender, receiver) = (Hidden(sender), Hidden(Cell::new(Some(receiver))));
        Plan::new((sender, receiver))
            .carries(9)
            .beside(async |stage| {
                yield_now().await;
                // The value comes back, or the receiver drops it.
                drop(stage.0.0.take().unwrap().send(stage.value(9)));
            })
            .tested(async |stage| {
                let receiver = stage.1.0.take().unwrap();
                stage.got(&receiver.await.unwrap());
            })
    }),
    ("sync/oneshot.rs closed", || {
        let (sender, receiver) = oneshot::channel::<Value>();
        let receiver = Hidden(Cell::new(Some(receiver)));
        Plan::new((RefCell::new(sender), receiver))
            .ends_with("Open", "Closed")
            .beside(async |stage| {
                yield_now().await;
                drop(stage.1.0.take());
            })
            .tested(async |stage| stage.0.borrow_mut().closed().await)
    }),
    ("sync/watch.rs changed", || {
        changing().tested(async |stage| {
            let mut receiver = stage.1.clone();
            receiver.changed().await.unwrap();
            receiver.changed().await.unwrap();
        })
    }),
    ("sync/watch.rs wait_for", || {
        changing().tested(async |stage| {
            let mut receiver = stage.1.clone();
            assert_eq!(*receiver.wait_for(|&value| value == 3).await.unwrap(), 3);
        })
    }),
    ("sync/watch.rs closed", || {
        let receiver = async |stage: &Stage<watch::Sender<u32>>| {
            let _receiver = stage.subscribe();
            yield_now().await;
            yield_now().await;
        };
        let sender = watch::channel(0).0;
        let wait = async |stage: &Stage<watch::Sender<u32>>| stage.closed().await;
        Plan::new(sender).beside(receiver).beside(wait).beside(receiver).tested(async |stage| {
            let receiver = stage.subscribe();
            let open = async {
                yield_now().await;
                drop(receiver);
            };
            futures::join!(stage.closed(), open);
        })
    }),
    ("sync/broadcast.rs recv", || {
        let (sender, receiver) = broadcast::channel(4);
        let (tested, other) = (RefCell::new(sender.subscribe()), RefCell::new(receiver));
        Plan::new((sender, tested, other))
            .ends_with("sent: 0", "sent: 2")
            .ends_with("next: 0", "next: 2")
            .beside(async |stage| {
                for number in [1, 2] {
                    yield_now().await;
                    stage.0.send(stage.value(number)).unwrap();
                }
            })
            .beside(async |stage| {
                for _ in 0..2 {
                    stage.got(&stage.2.borrow_mut().recv().await.unwrap());
                }
            })
            .tested(async |stage| {
                // The receiver stays: what this future has not taken, it still has.
                for _ in 0..2 {
                    stage.1.borrow_mut().recv().await.unwrap();
                }
            })
    }),
    ("sync/broadcast_stream.rs into_stream", || {
        let (sender, receiver) = broadcast::channel(4);
        let tested = Hidden(Cell::new(Some(sender.subscribe())));
        Plan::new((sender, tested, RefCell::new(receiver)))
            .ends_with("sent: 0", "sent: 2")
            .ends_with("next: 0", "next: 2")
            .beside(async |stage| {
                for number in [1, 2] {
                    yield_now().await;
                    stage.0.send(stage.value(number)).unwrap();
                }
            })
            .beside(async |stage| {
                for _ in 0..2 {
                    stage.got(&stage.2.borrow_mut().recv().await.unwrap());
                }
            })
            .tested(async |stage| {
                // The stream goes with the future: it keeps its place, and so its waker, from one item to the next. Then
                // another receiver takes its place, as the subject is to be as it was.
                let again = || stage.1.0.set(Some(stage.0.subscribe()));
                let _last = Finally(again);
                let mut stream = stage.1.0.take().unwrap().into_stream();
                for _ in 0..2 {
                    stream.next().await.unwrap().unwrap();
                }
            })
    }),
];

/// Calls the function when it is dropped.
struct Finally<F: Fn()>(F);

impl<F: Fn()> Drop for Finally<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// Not in the text of the subject.
struct Hidden<T>(Cell<Option<T>>);

impl<T> std::fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// A channel of one slot, two senders that have to wait, and a receiver that takes two values.
fn queue() -> Plan<Halves> {
    let sends = async |stage: &Stage<Halves>| {
        for number in [1, 2] {
            stage.0.send(stage.value(number)).await.unwrap();
        }
    };
    let reserves = async |stage: &Stage<Halves>| {
        for number in [3, 4] {
            let permit = stage.0.reserve().await.unwrap();
            permit.send(stage.value(number)).unwrap();
        }
    };
    Plan::new(channel::bounded(1)).beside(sends).beside(reserves)
}

/// Receives until no value comes any more.
async fn receive(stage: &Stage<Halves>) {
    yield_now().await;
    yield_now().await;
    while let Ok(received) = timeout(Duration::from_secs(1), stage.1.recv()).await {
        stage.got(&received.unwrap());
    }
}

const OPEN: &str = "is_closed: false";
const CLOSED: &str = "is_closed: true";

/// When nothing is left to receive.
async fn close(stage: &Stage<Halves>) {
    sleep(Duration::from_secs(10)).await;
    stage.0.close();
}

fn changing() -> Plan<(watch::Sender<u32>, watch::Receiver<u32>)> {
    Plan::new(watch::channel(0))
        .ends_with("version: 0", "version: 3")
        .beside(async |stage| {
            for value in 1..=3 {
                sleep(Duration::from_secs(1)).await;
                stage.0.send(value).unwrap();
            }
        })
        .beside(async |stage| {
            stage.1.clone().wait_for(|&value| value == 3).await.unwrap();
        })
}
