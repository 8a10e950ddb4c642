//! The wait list against a `VecDeque`, over random programs; and wakers that run code.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;

use super::wait_list::{Key, WaitList, drop_waker, wake_each};

/// A waker that writes its number down when it is woken.
struct Numbered(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[derive(Default)]
struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    fn waker(&self, number: usize) -> Waker {
        Arc::new(Numbered(number, Arc::clone(&self.0))).into()
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn pop(list: &WaitList<usize>) -> Option<Waker> {
    list.pop_front_if(|state| {
        *state += 1000;
        true
    })
}

#[derive(Clone, Debug)]
enum Op {
    Push,
    Pop,
    /// The front may go only if its state is even.
    PopIfEven,
    /// Poll the nth future with the waker of its last poll.
    Poll(usize),
    /// Poll the nth future with another waker.
    PollAnew(usize),
    Remove(usize),
    WakeAll,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Push),
        3 => Just(Op::Pop),
        2 => Just(Op::PopIfEven),
        4 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::PollAnew),
        3 => any::<usize>().prop_map(Op::Remove),
        1 => Just(Op::WakeAll),
    ]
}

/// A future of the model: its key in the list, its waker's number, its state.
struct Future {
    place: Option<Key>,
    waker: usize,
    state: usize,
    let_go: bool,
}

fn run(program: &[Op]) {
    let (list, log) = (WaitList::new(), Log::default());
    let mut line = VecDeque::<usize>::new();
    let mut futures: Vec<Option<Future>> = Vec::new();
    let mut wakers = 0;
    for op in program {
        let nth_alive = |nth: usize| {
            let alive: Vec<_> = (0..futures.len()).filter(|&i| futures[i].is_some()).collect();
            (!alive.is_empty()).then(|| alive[nth % alive.len()])
        };
        let mut expected = Vec::new();
        match *op {
            Op::Push => {
                wakers += 1;
                let place = Some(list.push_back(wakers, log.waker(wakers)));
                line.push_back(futures.len());
                let future = Future { place, waker: wakers, state: wakers, let_go: false };
                futures.push(Some(future));
            }
            Op::Pop | Op::PopIfEven => {
                let any = matches!(op, Op::Pop);
                let fits = |state: usize| any || state % 2 == 0;
                wake_each_once(list.pop_front_if(|state| {
                    let goes = fits(*state);
                    *state += usize::from(goes) * 1000;
                    goes
                }));
                let front = line.front().map(|&i| futures[i].as_mut().unwrap());
                if let Some(front) = front.filter(|front| fits(front.state)) {
                    front.let_go = true;
                    front.state += 1000;
                    expected.push(front.waker);
                    line.pop_front();
                }
            }
            Op::Poll(nth) | Op::PollAnew(nth) => {
                let Some(nth) = nth_alive(nth) else { continue };
                let future = futures[nth].as_mut().unwrap();
                if matches!(op, Op::PollAnew(_)) {
                    wakers += 1;
                    future.waker = wakers;
                }
                let waker = log.waker(future.waker);
                let polled = list.poll(&mut future.place, &Context::from_waker(&waker));
                if future.let_go {
                    assert_eq!(polled, Poll::Ready(future.state));
                    assert!(future.place.is_none());
                    futures[nth] = None;
                } else {
                    assert_eq!(polled, Poll::Pending);
                }
            }
            Op::Remove(nth) => {
                let Some(nth) = nth_alive(nth) else { continue };
                let future = futures[nth].take().unwrap();
                let removed = list.remove(&mut { future.place }).unwrap();
                assert_eq!(removed.state, future.state);
                assert_eq!(removed.was_in_line, !future.let_go);
                assert_eq!(removed.waker.is_some(), !future.let_go);
                line.retain(|&i| i != nth);
            }
            Op::WakeAll => {
                list.wake_all(|state| *state += 5000);
                for i in line.drain(..) {
                    let future = futures[i].as_mut().unwrap();
                    future.let_go = true;
                    future.state += 5000;
                    expected.push(future.waker);
                }
            }
        }
        assert_eq!(log.take(), expected, "after {op:?}");
        for (ahead, &i) in line.iter().enumerate() {
            let place = futures[i].as_ref().unwrap().place.as_ref().unwrap();
            assert_eq!(list.ahead_of(place, 9), ahead.min(9));
            assert!(!list.is_let_go(place));
        }
        assert_eq!((list.len(), list.is_empty()), (line.len(), line.is_empty()));
        let mut let_go: Vec<_> =
            futures.iter().flatten().filter(|f| f.let_go).map(|f| f.state).collect();
        let mut seen = Vec::new();
        list.for_each_let_go(|&state| seen.push(state));
        let_go.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, let_go);
    }
}

fn give_back<const N: usize>(list: &WaitList<usize>, keys: [Key; N]) {
    for key in keys {
        drop_waker(list.remove(&mut Some(key)).unwrap().waker);
    }
}

fn wake_each_once(mut waker: Option<Waker>) {
    wake_each(|| waker.take());
}

proptest! {
    #[test]
    fn agrees_with_a_deque(program in proptest::collection::vec(op(), 0..120)) {
        run(&program);
    }
}

#[test]
fn a_steady_state_allocates_nothing_and_a_large_crowd_does_not_keep_its_memory() {
    let (list, log) = (WaitList::new(), Log::default());
    let crowd = |size| {
        let keys: Vec<_> = (0..size).map(|n| list.push_back(n, log.waker(n))).collect();
        let memory = list.memory();
        for key in keys {
            drop_waker(list.remove(&mut Some(key)).unwrap().waker);
        }
        memory
    };
    let large = crowd(1000);
    assert_eq!([crowd(1000), crowd(900), crowd(500)], [large; 3], "it is the same memory");
    crowd(1);
    assert!(list.memory() < 100, "{} slots", list.memory());
    let small = crowd(3);
    assert_eq!([crowd(3), crowd(20), crowd(1)], [small; 3]);
}

type Action = Box<dyn FnOnce()>;

thread_local! {
    static ACTIONS: RefCell<Vec<Option<Action>>> = const { RefCell::new(Vec::new()) };
}

/// Writes its action down, to be done once, by this thread.
fn action(action: impl FnOnce() + 'static) -> usize {
    ACTIONS.with_borrow_mut(|actions| {
        actions.push(Some(Box::new(action)));
        actions.len() - 1
    })
}

fn act(nth: usize) {
    let action = ACTIONS.with_borrow_mut(|actions| actions[nth].take());
    action.expect("done once")();
}

/// Acts when it is woken.
struct ActsInWake(usize);

impl Wake for ActsInWake {
    fn wake(self: Arc<Self>) {
        act(self.0);
    }
}

/// Acts when it is dropped.
struct ActsInDrop(usize);

impl Wake for ActsInDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for ActsInDrop {
    fn drop(&mut self) {
        act(self.0);
    }
}

fn acts_in_wake(code: impl FnOnce() + 'static) -> Waker {
    Arc::new(ActsInWake(action(code))).into()
}

fn acts_in_drop(code: impl FnOnce() + 'static) -> Waker {
    Arc::new(ActsInDrop(action(code))).into()
}

type Shared = Rc<WaitList<usize>>;

#[test]
fn a_waker_that_joins_again_is_not_woken_twice_by_one_call() {
    let (list, log) = (Shared::default(), Log::default());
    let (again, waker) = (Rc::clone(&list), log.waker(9));
    let first = list.push_back(
        1,
        acts_in_wake(move || {
            let _key = again.push_back(9, waker);
            again.wake_all(|_| {}); // a call inside of the call has a batch of its own
        }),
    );
    let second = list.push_back(2, log.waker(2));
    list.wake_all(|_| {});
    assert_eq!((log.take(), list.len()), (vec![9, 2], 0));
    let rejoin = Rc::clone(&list);
    let waker = log.waker(8);
    let third = list.push_back(
        3,
        acts_in_wake(move || {
            let _key = rejoin.push_back(8, waker);
        }),
    );
    list.wake_all(|_| {});
    assert_eq!((log.take(), list.len()), (vec![], 1));
    give_back(&list, [first, second, third]);
}

#[test]
fn every_state_changes_before_the_first_waker_runs() {
    let (list, log) = (Shared::default(), Log::default());
    let seen = Rc::clone(&list);
    let first = list.push_back(
        1,
        acts_in_wake(move || {
            assert!(seen.is_empty());
            let mut states = Vec::new();
            seen.for_each_let_go(|&state| states.push(state));
            assert_eq!(states, [11, 12]);
        }),
    );
    let second = list.push_back(2, log.waker(2));
    list.wake_all(|state| *state += 10);
    assert_eq!(log.take(), [2]);
    give_back(&list, [first, second]);
}

#[test]
fn a_future_that_another_ones_waker_drops_or_polls_is_not_woken() {
    let (list, log) = (Shared::default(), Log::default());
    let keys: Rc<Cell<[Option<Key>; 2]>> = Rc::default();
    let (meddler, others) = (Rc::clone(&list), Rc::clone(&keys));
    let first = list.push_back(
        1,
        acts_in_wake(move || {
            let [second, mut third] = others.take();
            let removed = meddler.remove(&mut { second }).unwrap();
            assert!(!removed.was_in_line, "the primitive had let it go");
            drop_waker(removed.waker);
            let polled = meddler.poll(&mut third, &Context::from_waker(Waker::noop()));
            assert_eq!(polled, Poll::Ready(3));
        }),
    );
    let [second, third, fourth] = [2, 3, 4].map(|n| list.push_back(n, log.waker(n)));
    keys.set([Some(second), Some(third)]);
    list.wake_all(|_| {});
    assert_eq!(log.take(), [4]);
    give_back(&list, [first, fourth]);
}

#[test]
fn after_wakers_that_panic_the_others_are_still_woken_in_order() {
    let (list, log) = (Shared::default(), Log::default());
    let panics = || acts_in_wake(|| panic!("woken"));
    let wakers = [log.waker(1), panics(), panics(), log.waker(4), panics(), log.waker(6)];
    let keys = wakers.map(|waker| list.push_back(0, waker));
    list.wake_all(|_| {});
    assert_eq!(log.take(), [1, 4, 6]);
    give_back(&list, keys);
}

#[test]
fn a_waker_may_let_its_own_future_go_while_it_is_replaced() {
    let (list, log) = (Shared::default(), Log::default());
    let meddler = Rc::clone(&list);
    let mut place = Some(list.push_back(
        7,
        acts_in_drop(move || {
            wake_each_once(pop(&meddler));
        }),
    ));
    let polled = list.poll(&mut place, &Context::from_waker(&log.waker(1)));
    assert_eq!((polled, log.take()), (Poll::Ready(1007), vec![1]));
}

#[test]
fn a_panic_of_a_replaced_waker_ends_there() {
    let (list, log) = (Shared::default(), Log::default());
    let mut place = Some(list.push_back(0, acts_in_drop(|| panic!("dropped"))));
    assert!(list.poll(&mut place, &Context::from_waker(&log.waker(1))).is_pending());
    wake_each_once(pop(&list));
    assert_eq!(log.take(), [1]);
    drop_waker(list.remove(&mut place).unwrap().waker);
}
