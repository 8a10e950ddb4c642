//! What is kept of many reports, and of long ones.

#![forbid(unsafe_code)]

use super::log::Log;

#[test]
fn the_last_50_reports_are_kept_with_at_most_16_kib_of_each() {
    let log = Log::default();
    let long = "x".repeat(16 * 1024);
    (0..60).for_each(|number| log.add(&format!("{number} {long}"), None));
    let last = log.last();
    assert_eq!((log.count(), last.len()), (60, 50));
    assert!(last[0].text.starts_with("59 xx") && last[49].text.starts_with("10 xx"));
    let texts: Vec<_> = last.iter().map(|it| &it.text).collect();
    assert!(texts.iter().all(|text| text.ends_with("x…") && text.len() == 16 * 1024 + 3));
}
