//! The crates whose primitives are measured, each in the few lines that make it one.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::ops::DerefMut;
use std::pin::Pin;

use futures::Stream as _;
use futures::stream::FuturesUnordered;

use super::groups::{CHILDREN, Children, Tasks};
use super::{Channel, Event, Mutex, Notify, Oneshot, Semaphore};

const SENT: &str = "the receiver is there";
const RECEIVED: &str = "the sender has sent";
const OPEN: &str = "no program closes it";

/// This crate's `sync`, and its groups.
#[derive(Debug)]
pub struct Ours;

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

/// The channels and the `FuturesUnordered` of futures, which are made for threads.
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

impl Channel for Ours {
    type Sender = taketurns::sync::channel::Sender<u64>;
    type Receiver = taketurns::sync::channel::Receiver<u64>;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        taketurns::sync::channel::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, value: u64) {
        sender.send(value).await.expect(SENT);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Oneshot for Ours {
    type Sender = taketurns::sync::oneshot::Sender<u64>;
    type Receiver = taketurns::sync::oneshot::Receiver<u64>;

    fn channel() -> (Self::Sender, Self::Receiver) {
        taketurns::sync::oneshot::channel()
    }

    fn send(sender: Self::Sender, value: u64) {
        sender.send(value).expect(SENT);
    }

    async fn receive(receiver: Self::Receiver) -> u64 {
        receiver.await.expect(RECEIVED)
    }
}

impl Children for Ours {
    async fn run(children: impl Iterator<Item = impl Future<Output = ()>>) {
        let children = Vec::from_iter(children);
        taketurns::task::borrowing(async |group| {
            for child in children {
                drop(group.spawn(child));
            }
        })
        .await;
    }
}

impl Tasks for Ours {
    async fn run<F>(child: impl Fn() -> F)
    where
        F: Future<Output = Result<(), Infallible>> + 'static,
    {
        let scope = taketurns::task::TaskGroup::scope(async |group| {
            for _ in 0..CHILDREN {
                drop(group.spawn(child()));
            }
            Ok(())
        });
        scope.await.expect("no child fails");
    }
}

/// Our `spawn`, and an await of each handle.
#[derive(Debug)]
pub struct PlainSpawn;

impl Tasks for PlainSpawn {
    async fn run<F>(child: impl Fn() -> F)
    where
        F: Future<Output = Result<(), Infallible>> + 'static,
    {
        let tasks: Vec<_> = (0..CHILDREN).map(|_| taketurns::spawn(child())).collect();
        for task in tasks {
            let Ok(()) = task.await.expect("no child panics");
        }
    }
}

impl Children for Futures {
    async fn run(children: impl Iterator<Item = impl Future<Output = ()>>) {
        let mut children = FuturesUnordered::from_iter(children);
        while poll_fn(|cx| Pin::new(&mut children).poll_next(cx)).await.is_some() {}
    }
}

impl Semaphore for taketurns::sync::Semaphore {
    fn new(permits: usize) -> Self {
        taketurns::sync::Semaphore::new(permits)
    }

    async fn acquire(&self) -> impl Sized {
        self.acquire().await.expect(OPEN)
    }
}

impl Mutex for taketurns::sync::Mutex<u64> {
    fn new(value: u64) -> Self {
        taketurns::sync::Mutex::new(value)
    }

    fn lock(&self) -> impl Future<Output = impl DerefMut<Target = u64>> {
        self.lock()
    }
}

impl Notify for taketurns::sync::Notify {
    fn new() -> Self {
        taketurns::sync::Notify::new()
    }

    fn notify_one(&self) {
        self.notify_one();
    }

    fn notified(&self) -> impl Future<Output = ()> {
        self.notified()
    }
}

impl Event for taketurns::sync::Event {
    fn new() -> Self {
        taketurns::sync::Event::new()
    }

    fn wait(&self) -> impl Future<Output = ()> {
        self.wait()
    }

    fn set(&self) {
        self.set();
    }
}
