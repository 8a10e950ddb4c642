use std::time::Duration;
use taketurns::spawn;
use taketurns::time::{Instant, advance, sleep};

#[taketurns::test]
async fn a_task_gives_its_output() {
    assert_eq!(spawn(async { 42 }).await.unwrap(), 42);
}

#[taketurns::test(paused)]
async fn an_hour_takes_no_time() {
    let begin = Instant::now();
    let hour = spawn(sleep(Duration::from_secs(3600)));
    advance(Duration::from_secs(3600)).await;
    hour.await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(3600));
}
