//! Channels of other crates on this crate's loop: filled by a task beside the receiver, and by another thread.

use std::thread;

use taketurns::{block_on, spawn};

/// What is sent.
pub(crate) const SENT: std::ops::Range<u32> = 0..100;

/// `send` sends [`SENT`] in order, once in a task of the loop and once under another executor on another thread. `receive`
/// returns what comes, in a task of the loop.
pub(crate) fn arrive<S, R, Send, Receive>(
    channel: impl Fn() -> (S, R),
    send: Send,
    receive: Receive,
) where
    S: std::marker::Send + 'static,
    R: 'static,
    Send: AsyncFn(S) + Copy + std::marker::Send + 'static,
    Receive: AsyncFn(R) -> Vec<u32> + Copy + 'static,
{
    let (sends, receives) = channel();
    let at_home = block_on(async {
        let received = spawn(async move { receive(receives).await });
        spawn(async move { send(sends).await }).await.unwrap();
        received.await.unwrap()
    });
    assert!(at_home.into_iter().eq(SENT), "from home");

    let (sends, receives) = channel();
    let away = thread::spawn(move || futures::executor::block_on(send(sends)));
    let from_away =
        block_on(async { spawn(async move { receive(receives).await }).await.unwrap() });
    assert!(from_away.into_iter().eq(SENT), "from another thread");
    away.join().unwrap();
}

/// The same the other way: the sender is a task of the loop, and the receiver is on another thread.
pub(crate) fn leave<S, R, Send, Receive>(channel: impl Fn() -> (S, R), send: Send, receive: Receive)
where
    S: 'static,
    R: std::marker::Send + 'static,
    Send: AsyncFn(S) + Copy + 'static,
    Receive: AsyncFn(R) -> Vec<u32> + Copy + std::marker::Send + 'static,
{
    let (sends, receives) = channel();
    let away = thread::spawn(move || futures::executor::block_on(receive(receives)));
    block_on(async { spawn(async move { send(sends).await }).await.unwrap() });
    assert!(away.join().unwrap().into_iter().eq(SENT), "on another thread");
}
