//! The crates whose primitives are measured, each in the few lines that make it one.

#![forbid(unsafe_code)]

use std::future::{Future, poll_fn};
use std::ops::DerefMut;
use std::pin::Pin;

use futures::Stream as _;

use super::{Channel, Event, Mutex, Notify, Oneshot, Semaphore};

const SENT: &str = "the receiver is there";
const RECEIVED: &str = "the sender has sent";
const OPEN: &str = "no program closes it";

/// tokio's `sync`, which is made for threads.
#[derive(Debug)]
pub struct Tokio;

/// async-channel, which is made for threads and is what smol's users send by.
#[derive(Debug)]
pub struct AsyncChannel;

/// local-sync, made for one thread by monoio's authors.
#[derive(Debug)]
pub struct LocalSync;

/// async-unsync, made for one thread.
#[derive(Debug)]
pub struct AsyncUnsync;

/// The channels of futures, which are made for threads.
#[derive(Debug)]
pub struct Futures;

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        sender.send(value).await.expect(SENT);
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

impl Oneshot for Tokio {
    type Sender = tokio::sync::oneshot::Sender<u64>;
    type Receiver = tokio::sync::oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        tokio::sync::oneshot::channel()
    }

    fn send(sender: Self::Sender, value: u64) {
        sender.send(value).expect(SENT);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(RECEIVED)
    }
}

impl Semaphore for tokio::sync::Semaphore {
    fn new(permits: usize) -> Self {
        tokio::sync::Semaphore::new(permits)
    }

    async fn acquire(&self) -> impl Sized {
        self.acquire().await.expect(OPEN)
    }
}

impl Mutex for tokio::sync::Mutex<u64> {
    fn new(value: u64) -> Self {
        tokio::sync::Mutex::new(value)
    }

    fn lock(&self) -> impl Future<Output = impl DerefMut<Target = u64>> {
        self.lock()
    }
}

impl Notify for tokio::sync::Notify {
    fn new() -> Self {
        tokio::sync::Notify::new()
    }

    fn notify_one(&self) {
        self.notify_one();
    }

    fn notified(&self) -> impl Future<Output = ()> {
        self.notified()
    }
}

/// tokio's `Notify`, by which all that wait are woken.
#[derive(Debug)]
pub struct NotifyWaiters(tokio::sync::Notify);

impl Event for NotifyWaiters {
    fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.0.notified()
    }

    fn set(&self) {
        self.0.notify_waiters();
    }
}

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        sender.send(value).await.expect(SENT);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for LocalSync {
    type Sender = local_sync::mpsc::bounded::Tx<u64>;
    type Receiver = local_sync::mpsc::bounded::Rx<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        local_sync::mpsc::bounded::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        sender.send(value).await.map_err(|_| SENT).expect(SENT);
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

impl Oneshot for LocalSync {
    type Sender = local_sync::oneshot::Sender<u64>;
    type Receiver = local_sync::oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        local_sync::oneshot::channel()
    }

    fn send(sender: Self::Sender, value: u64) {
        sender.send(value).expect(SENT);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(RECEIVED)
    }
}

impl Semaphore for local_sync::semaphore::Semaphore {
    fn new(permits: usize) -> Self {
        local_sync::semaphore::Semaphore::new(permits)
    }

    async fn acquire(&self) -> impl Sized {
        self.acquire().await.expect(OPEN)
    }
}

impl Channel for AsyncUnsync {
    type Sender = async_unsync::bounded::Sender<u64>;
    type Receiver = async_unsync::bounded::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_unsync::bounded::channel(capacity).into_split()
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        sender.send(value).await.expect(SENT);
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> {
        receiver.recv()
    }
}

impl Oneshot for AsyncUnsync {
    type Sender = async_unsync::oneshot::Sender<u64>;
    type Receiver = async_unsync::oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        async_unsync::oneshot::channel().into_split()
    }

    fn send(sender: Self::Sender, value: u64) {
        sender.send(value).expect(SENT);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(RECEIVED)
    }
}

impl Semaphore for async_unsync::semaphore::Semaphore {
    fn new(permits: usize) -> Self {
        async_unsync::semaphore::Semaphore::new(permits)
    }

    async fn acquire(&self) -> impl Sized {
        self.acquire().await.expect(OPEN)
    }
}

impl Channel for Futures {
    type Sender = futures::channel::mpsc::Sender<u64>;
    type Receiver = futures::channel::mpsc::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        futures::channel::mpsc::channel(capacity - 1) // each sender has room for one more
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        poll_fn(|cx| sender.poll_ready(cx)).await.expect(SENT);
        sender.start_send(value).expect(SENT);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        poll_fn(|cx| Pin::new(&mut *receiver).poll_next(cx)).await
    }
}

impl Oneshot for Futures {
    type Sender = futures::channel::oneshot::Sender<u64>;
    type Receiver = futures::channel::oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        futures::channel::oneshot::channel()
    }

    fn send(sender: Self::Sender, value: u64) {
        sender.send(value).expect(SENT);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(RECEIVED)
    }
}

impl Mutex for futures::lock::Mutex<u64> {
    fn new(value: u64) -> Self {
        futures::lock::Mutex::new(value)
    }

    fn lock(&self) -> impl Future<Output = impl DerefMut<Target = u64>> {
        self.lock()
    }
}
