//! hyper's traits as hyper uses them, and a server of hyper's on our types.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use ::hyper::body::{Body as _, Incoming};
use ::hyper::rt::{Executor as _, Read, ReadBuf, Sleep, Timer as _, Write};
use ::hyper::server::conn::http1;
use ::hyper::service::service_fn;
use ::hyper::{Request, Response};
use futures::{AsyncReadExt, AsyncWriteExt, join};

use super::{CHUNK, Executor, Timer};
use crate::block_on;
use crate::executor::{spawn, yield_now};
use crate::reactor::net::{TcpListener, TcpStream};
use crate::timer::{Instant, Timers, advance, pause};

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (ours, accepted) = join!(TcpStream::connect(address), listener.accept());
    (ours.unwrap(), accepted.unwrap().0)
}

/// One read into a buffer of `capacity` bytes: what it filled.
async fn read(stream: &mut TcpStream, capacity: usize) -> Vec<u8> {
    let mut bytes = vec![0; capacity];
    let mut buf = ReadBuf::new(&mut bytes);
    poll_fn(|cx| Read::poll_read(Pin::new(stream), cx, buf.unfilled())).await.unwrap();
    buf.filled().to_vec()
}

/// Answers with the length of the body, on one connection.
async fn count_body(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let mut body = request.into_body();
    let mut len = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        len += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    Ok(Response::new(format!("{len} bytes")))
}

fn serve(stream: TcpStream) -> crate::JoinHandle<::hyper::Result<()>> {
    spawn(http1::Builder::new().timer(Timer).serve_connection(stream, service_fn(count_body)))
}

#[test]
fn a_request_with_a_large_body_is_served() {
    let body = vec![b'x'; 5 * CHUNK + 1];
    let response = block_on(async {
        let (mut client, server) = connection().await;
        let server = serve(server);
        let head = format!(
            "POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&body).await.unwrap();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        server.await.unwrap().unwrap();
        response
    });
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.ends_with(&format!("\r\n\r\n{} bytes", body.len())), "{response}");
}

#[test]
fn a_read_fills_what_there_is_room_for_and_nothing_at_the_end() {
    block_on(async {
        let (mut client, mut server) = connection().await;
        client.write_all(b"hello").await.unwrap();
        client.close().await.unwrap();
        assert_eq!(read(&mut server, 3).await, b"hel");
        assert_eq!(read(&mut server, 3).await, b"lo");
        assert_eq!(read(&mut server, 3).await, b"");
    });
}

#[test]
fn a_read_continues_where_the_last_one_stopped_in_hypers_buffer() {
    block_on(async {
        let (mut client, mut server) = connection().await;
        let mut bytes = [0; 8];
        let mut buf = ReadBuf::new(&mut bytes);
        for part in [b"one,", b"two;"] {
            client.write_all(part).await.unwrap();
            poll_fn(|cx| Read::poll_read(Pin::new(&mut server), cx, buf.unfilled())).await.unwrap();
        }
        assert_eq!(buf.filled(), b"one,two;");
    });
}

#[test]
fn a_vectored_write_sends_all_buffers_at_once() {
    block_on(async {
        let (mut client, mut server) = connection().await;
        assert!(server.is_write_vectored());
        let bufs = [IoSlice::new(b"head "), IoSlice::new(b"and "), IoSlice::new(b"body")];
        let write =
            |cx: &mut Context<'_>| Write::poll_write_vectored(Pin::new(&mut server), cx, &bufs);
        assert_eq!(poll_fn(write).await.unwrap(), 13);
        assert_eq!(read(&mut client, 100).await, b"head and body");
    });
}

#[test]
fn shutdown_ends_the_writing_half() {
    block_on(async {
        let (mut client, mut server) = connection().await;
        poll_fn(|cx| Write::poll_write(Pin::new(&mut server), cx, b"bye")).await.unwrap();
        poll_fn(|cx| Write::poll_shutdown(Pin::new(&mut server), cx)).await.unwrap();
        assert_eq!(read(&mut client, 100).await, b"bye");
        assert_eq!(read(&mut client, 100).await, b"");
    });
}

#[test]
fn the_manual_clock_rules_hypers_timeouts() {
    block_on(async {
        pause();
        let (mut client, server) = connection().await;
        let start = Instant::now();
        let server = spawn(async move {
            let error = serve(server).await.unwrap().unwrap_err();
            (error.is_timeout(), start.elapsed())
        });
        client.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap(); // and no more
        advance(Duration::from_secs(60)).await;
        assert_eq!(server.await.unwrap(), (true, Duration::from_secs(30)));
    });
}

#[test]
fn reset_moves_the_timer_that_is_armed() {
    block_on(async {
        pause();
        let start = Timer.now();
        let at = move |seconds| start + Duration::from_secs(seconds);
        let trace = Rc::new(RefCell::new(Vec::new()));
        let mut sleep = Timer.sleep_until(at(10));
        let woken = Rc::clone(&trace);
        let task = spawn(poll_fn(move |cx| {
            let ready = sleep.as_mut().poll(cx);
            woken.borrow_mut().push((Timer.now() - start).as_secs());
            if ready.is_pending() && Timer.now() == start {
                Timer.reset(&mut sleep, at(20));
                assert_eq!(Timers::needed_by("the test").len(), 1);
            }
            ready
        }));
        advance(Duration::from_secs(60)).await;
        task.await.unwrap();
        assert_eq!(*trace.borrow(), [0, 20]);
    });
}

#[test]
fn reset_replaces_a_sleep_of_somebody_elses() {
    struct Foreign;
    impl Future for Foreign {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
    impl Sleep for Foreign {}

    block_on(async {
        pause();
        let mut sleep: Pin<Box<dyn Sleep>> = Box::pin(Foreign);
        Timer.reset(&mut sleep, Timer.now() + Duration::from_secs(1));
        join!(sleep, advance(Duration::from_secs(1)));
    });
}

#[test]
fn a_deadline_before_the_process_began_has_passed() {
    block_on(async {
        let long_ago = Timer.now().checked_sub(Duration::from_secs(3600)).unwrap();
        Timer.sleep_until(long_ago).await;
    });
}

#[test]
fn a_sleep_is_dropped_anywhere_but_polled_only_at_home() {
    let sleep = || {
        block_on(poll_fn(|cx| {
            let mut sleep = Timer.sleep(Duration::from_secs(3600));
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(sleep)
        }))
    };
    let dropped = sleep();
    thread::spawn(move || drop(dropped)).join().unwrap();

    let mut polled = sleep();
    let poll = || polled.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let panic = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
    let text = panic.downcast::<String>().unwrap();
    assert!(text.contains("was used outside of the runtime that made it"), "{text}");
}

#[test]
fn the_executor_takes_what_is_not_send() {
    block_on(async {
        let trace = Rc::new(RefCell::new(Vec::new()));
        for name in ["first", "second"] {
            let trace = Rc::clone(&trace);
            Executor.execute(async move { trace.borrow_mut().push(name) });
        }
        assert!(trace.borrow().is_empty());
        yield_now().await;
        assert_eq!(*trace.borrow(), ["first", "second"]);
    });
}

#[test]
fn outside_a_runtime_each_says_so() {
    let texts = [
        catch_unwind(|| drop(Timer.sleep(Duration::ZERO))),
        catch_unwind(|| drop(Timer.sleep_until(Timer.now()))),
        catch_unwind(|| Executor.execute(async {})),
    ]
    .map(|result| {
        let panic = result.unwrap_err();
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.unwrap_or_else(|| *panic.downcast::<String>().unwrap())
    });
    for (text, name) in texts.iter().zip(["`sleep` needs", "`sleep_until` needs", "`spawn` needs"])
    {
        assert!(text.starts_with(name), "{text}");
    }
}
