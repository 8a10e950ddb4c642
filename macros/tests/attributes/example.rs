use std::time::Duration;
use taketurns::spawn;
use taketurns::time::{Instant, sleep};

#[taketurns::test]
async fn a_task_gives_its_output() {
    assert_eq!(spawn(async { 42 }).await.unwrap(), 42);
}

#[taketurns::test(auto_advance)]
async fn an_hour_takes_no_time() {
    let begin = Instant::now();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(begin.elapsed(), Duration::from_secs(3600));
}
