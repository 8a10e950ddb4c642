//! The client: connections that ask as fast as they are answered.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::{AsyncReadExt, AsyncWriteExt};
use taketurns::net::TcpStream;
use taketurns_benches::cpu::{cpu_time, process_cpu_time};
use taketurns_benches::side_by_side::Error;

const CONNECTIONS: usize = 64;
const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// How long the connections ask before it counts, and then while it does.
const BEGINNING: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_secs(2);

/// Nanoseconds on the wall for an answer of the service, and nanoseconds of CPU time of all threads but this one.
pub(crate) fn measure(start: fn() -> Result<SocketAddr, Error>) -> Result<[f64; 2], Error> {
    let address = start()?;
    let runtime = taketurns::Runtime::new()?;
    let answered = Rc::new(Cell::new(0_u64));
    for _ in 0..CONNECTIONS {
        let answered = Rc::clone(&answered);
        runtime.spawn(async move { ask(address, &answered).await.expect("it answers") }).detach();
    }
    let pass = |time| runtime.block_on(async move { taketurns::time::sleep(time).await });
    pass(BEGINNING);
    let before = answered.get();
    let begin = Instant::now();
    let mut client = Duration::ZERO;
    let all = process_cpu_time(|| {
        client = cpu_time(|| pass(MEASURED));
    });
    let wall = begin.elapsed();
    let answers = (answered.get() - before) as f64;
    let each = |time: Duration| time.as_nanos() as f64 / answers;
    Ok([each(wall), each(all - client)])
}

/// Asks again and again, on one connection. All answers are as long as the first.
async fn ask(address: SocketAddr, answered: &Cell<u64>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut answer = [0; 1024];
    stream.write_all(REQUEST).await?;
    let length = stream.read(&mut answer).await?;
    let first = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(first.starts_with("HTTP/1.1 200 OK") && first.ends_with("ok\n"), "{first}");
    loop {
        stream.write_all(REQUEST).await?;
        stream.read_exact(&mut answer[..length]).await?;
        answered.set(answered.get() + 1);
    }
}
