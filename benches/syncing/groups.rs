//! Many children of one owner: as tasks that it awaits, and as futures that it polls itself.

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::SpawnLocal;

/// How many children a group has.
pub const CHILDREN: u64 = 1000;

/// Runs futures inside the task that awaits it, and polls those that were woken.
pub trait Children {
    /// Runs all to their end.
    fn run(children: impl Iterator<Item = impl Future<Output = ()>>) -> impl Future<Output = ()>;
}

/// Runs tasks of our executor, and awaits them.
pub trait Tasks {
    /// Runs [`CHILDREN`] to their end. Their output is what a group's tasks have, so both kinds run the same futures.
    fn run<F>(child: impl Fn() -> F) -> impl Future<Output = ()>
    where
        F: Future<Output = Result<(), Infallible>> + 'static;
}

/// How a child is told to go on.
#[derive(Default)]
struct Poke {
    is_poked: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Poke {
    fn poke(&self) {
        self.is_poked.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn poked(&self) {
        poll_fn(|cx| {
            if self.is_poked.take() {
                return Poll::Ready(());
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// One task has [`CHILDREN`] children; another wakes them, one at a time, so many times in all, and yields after each.
/// Returns how often a child went on before another was woken.
pub async fn woken_one_at_a_time<S: SpawnLocal, C: Children>(spawner: S, times: u64) -> u64 {
    let pokes: Rc<[Poke]> = (0..CHILDREN).map(|_| Poke::default()).collect();
    let done = Rc::new(Cell::new(0));
    let owner = spawner.spawn_local({
        let (pokes, done) = (Rc::clone(&pokes), Rc::clone(&done));
        async move {
            let child = async |poke: &Poke| {
                for _ in 0..times / CHILDREN {
                    poke.poked().await;
                    done.set(done.get() + 1);
                }
            };
            C::run(pokes.iter().map(child)).await;
        }
    });
    S::yield_now().await; // every child waits
    let mut in_turn = 0;
    for time in 0..times {
        // In an order that is not that of their memory: the step has no divisor in common with their number.
        pokes[(time * 619 % CHILDREN) as usize].poke();
        S::yield_now().await;
        in_turn += u64::from(done.get() == time + 1);
    }
    owner.await;
    in_turn
}

/// [`CHILDREN`] tasks at a time are spawned and awaited. Returns how many have run when their group is done.
pub async fn spawned_and_awaited<T: Tasks>(times: u64) -> u64 {
    let done = Rc::new(Cell::new(0));
    let mut in_time = 0;
    for time in 1..=times / CHILDREN {
        T::run(|| {
            let done = Rc::clone(&done);
            async move {
                done.set(done.get() + 1);
                Ok(())
            }
        })
        .await;
        in_time += if done.get() == time * CHILDREN { CHILDREN } else { 0 };
    }
    in_time
}
