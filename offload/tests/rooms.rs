//! A pool that may have so many jobs and no more.

#![forbid(unsafe_code)]

use super::super::{QueueFull, Reserve, Room, reserve, try_spawn_blocking};
use super::*;

/// One thread, and room for `queued` jobs more.
fn narrow(queued: usize) -> Rc<Pool> {
    let limits = Limits { max_threads: 1, max_queued: Some(queued), ..Limits::default() };
    Pool::new(limits, Tokens::without_loop())
}

fn try_spawn<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
    pool: &Rc<Pool>,
    f: F,
) -> Result<BlockingHandle<T>, QueueFull<F>> {
    let _inside = pool.enter();
    try_spawn_blocking(f)
}

fn ask(pool: &Rc<Pool>) -> Reserve {
    let _inside = pool.enter();
    reserve()
}

/// Polls once; how often its waker has been woken shows in the count.
fn poll_with(reserve: &mut Reserve, wakes: &Arc<Wakes>) -> Option<Room> {
    let waker = Waker::from(Arc::clone(wakes));
    match pin!(reserve).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(room) => Some(room),
        Poll::Pending => None,
    }
}

fn poll(reserve: &mut Reserve) -> Option<Room> {
    poll_with(reserve, &Arc::default())
}

#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_full_queue_gives_the_function_back_and_has_room_again_after_an_abort() {
    let pool = narrow(1);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let queued = spawn(&pool, || "queued");
    let error = try_spawn(&pool, || "given back").unwrap_err();
    let text = "the queue for blocking jobs is full: await `offload::reserve()` for room";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.0(), "given back");
    queued.abort();
    let next = try_spawn(&pool, || "next").unwrap();
    assert!(try_spawn(&pool, || ()).is_err());
    drop(gate);
    wait(running).unwrap();
    assert_eq!(wait(next).unwrap(), "next");
    // Jobs that have ended take no room.
    for _ in 0..10 {
        assert_eq!(wait(try_spawn(&pool, || 5).unwrap()).unwrap(), 5);
    }
}

#[test]
fn a_job_beyond_the_limit_is_dropped_and_its_error_names_the_remedy() {
    let pool = narrow(0);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let captured = Arc::new(());
    let held = Arc::clone(&captured);
    let refused = spawn(&pool, move || drop(held));
    assert_eq!(Arc::strong_count(&captured), 1);
    let error = wait(refused).unwrap_err();
    assert!(error.is_queue_full());
    assert_eq!(
        said_by(&error),
        "blocking job found the queue full: await `offload::reserve()` for room before spawning it"
    );
    drop(gate);
    wait(running).unwrap();
    assert_eq!(wait(spawn(&pool, || "next")).unwrap(), "next");
}

#[test]
fn room_goes_to_those_that_wait_in_their_order() {
    let pool = narrow(0);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let wakes = [Arc::<Wakes>::default(), Arc::default()];
    let (mut first, mut second) = (ask(&pool), ask(&pool));
    for _ in 0..2 {
        assert!(poll_with(&mut first, &wakes[0]).is_none());
        assert!(poll_with(&mut second, &wakes[1]).is_none());
    }
    drop(gate);
    wait(running).unwrap();
    assert!(try_spawn(&pool, || ()).is_err(), "the room belongs to the first");
    assert!(poll_with(&mut second, &wakes[1]).is_none());
    let room = poll_with(&mut first, &wakes[0]).unwrap();
    assert_eq!([wakes[0].count(), wakes[1].count()], [1, 0]);
    assert_eq!(wait(room.spawn_blocking(|| "in its room")).unwrap(), "in its room");
    drop(poll_with(&mut second, &wakes[1]).expect("the job gave its place on"));
    assert_eq!(wakes[1].count(), 1);
    assert!(poll(&mut ask(&pool)).is_some());
}

#[test]
fn room_that_is_not_used_goes_on() {
    let pool = narrow(0);
    let room = poll(&mut ask(&pool)).unwrap();
    let mut waits: Vec<_> = (0..4).map(|_| ask(&pool)).collect();
    assert!(waits.iter_mut().all(|wait| poll(wait).is_none()));
    drop(waits.remove(1)); // it has not been given room yet
    assert!(poll(&mut waits[0]).is_none(), "so there is none to go on");
    drop(room);
    drop(waits.remove(0)); // it has, and has not taken it
    let room = poll(&mut waits[0]).expect("the third has it");
    assert!(poll(&mut waits[1]).is_none());
    drop(room);
    assert!(poll(&mut waits[1]).is_some());
}

#[test]
fn the_close_lets_those_that_wait_go_on() {
    let pool = narrow(0);
    let (running, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let wakes = Arc::<Wakes>::default();
    let (mut waits, mut never_polls) = (ask(&pool), ask(&pool));
    assert!(poll_with(&mut waits, &wakes).is_none());
    pool.shut_down(Some(Duration::ZERO));
    assert_eq!(wakes.count(), 1);
    for waits in [&mut waits, &mut never_polls] {
        let room = poll(waits).unwrap();
        assert!(wait(room.spawn_blocking(|| ())).unwrap_err().is_shutdown());
    }
    assert!(wait(try_spawn(&pool, || ()).unwrap()).unwrap_err().is_shutdown());
    drop(gate);
    wait(running).unwrap();
    shut_down(&pool);
}

#[test]
fn a_pool_without_a_limit_always_has_room() {
    let pool = pool(1);
    let rooms: Vec<_> = (0..1000).map(|_| poll(&mut ask(&pool)).unwrap()).collect();
    assert_eq!(wait(try_spawn(&pool, || 7).unwrap()).unwrap(), 7);
    drop(rooms);
}

#[test]
fn a_job_that_finds_no_thread_gives_its_place_back() {
    let limits = Limits { max_threads: 1, max_queued: Some(0), ..Limits::default() };
    let refuse = |_: &Arc<_>, _| Err(std::io::Error::other("limit reached"));
    let pool = Pool::with_start(limits, Tokens::without_loop(), refuse);
    for _ in 0..3 {
        let job = try_spawn(&pool, || ()).expect("the one before has ended");
        assert!(wait(job).unwrap_err().is_not_started());
    }
}

#[test]
fn a_reserve_polled_after_its_room_says_so() {
    let pool = narrow(1);
    let mut reserve = ask(&pool);
    assert!(poll(&mut reserve).is_some());
    let text = panic_text(|| drop(poll(&mut reserve)));
    assert_eq!(text, "`offload::reserve` polled after it gave its room: await it once");
}

#[test]
fn outside_of_a_runtime_both_name_themselves() {
    let text = panic_text(|| drop(reserve()));
    assert!(text.starts_with("`offload::reserve` needs a runtime"), "{text}");
    let text = panic_text(|| drop(try_spawn_blocking(|| ())));
    assert!(text.starts_with("`offload::try_spawn_blocking` needs a runtime"), "{text}");
}

#[test]
fn a_panic_of_a_waiters_waker_on_the_pools_thread_is_told() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("in a waker");
        }
    }
    let limits = Limits { max_threads: 1, max_queued: Some(0), ..Limits::default() };
    let pool = Pool::new(limits, Tokens::without_loop());
    let (tell, told) = unbounded();
    pool.set_tell_panic(Arc::new(move |error| tell.send(error).unwrap()));
    let (_job, begun, gate) = spawn_gated(&pool);
    receive(&begun);
    let inside = pool.enter();
    let mut room = super::super::reserve();
    drop(inside);
    let waker = Waker::from(Arc::new(Bad));
    assert!(pin!(&mut room).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(gate);
    assert!(receive(&told).is_panic());
}
