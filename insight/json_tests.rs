//! What is written is what `serde_json` reads.

use std::panic::Location;
use std::time::Duration;

use serde_json::{Value as Read, json};

use super::json::{array, object};
use crate::executor::Id;

fn read(text: &str) -> Read {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn an_empty_object_and_an_empty_array_are_whole() {
    assert_eq!(object(|_| {}), "{}");
    assert_eq!(array(|_| {}), "[]");
}

#[test]
fn members_and_items_stand_in_the_order_of_the_calls() {
    let text = object(|object| {
        object.field("turns", 3_u64).field("alive", true).field("name", "a");
        object.array("tasks", |tasks| {
            tasks.object(|task| {
                task.field("id", Id(1)).field("name", None::<&str>);
            });
            tasks.object(|_| {}).array(|_| {}).item("end");
        });
        object.object("inner", |inner| {
            inner.field("some", Some(1_u32));
        });
    });
    assert_eq!(
        text,
        r#"{"turns":3,"alive":true,"name":"a","tasks":[{"id":1,"name":null},{},[],"end"],"inner":{"some":1}}"#
    );
}

#[test]
fn every_character_comes_back_as_it_was() {
    let all: String = (0..=0x2100).chain(0xff00..=0x1_f6ff).filter_map(char::from_u32).collect();
    let text = object(|object| {
        object.field(&all, &all);
    });
    assert_eq!(read(&text), json!({ &*all: &*all }));
}

#[test]
fn a_string_cannot_end_the_script_that_it_stands_in() {
    let text = array(|array| {
        array.item("</script><!--&\u{2028}");
    });
    assert_eq!(text, r#"["\u003c/script\u003e\u003c!--\u0026\u2028"]"#);
}

#[test]
fn a_string_stays_on_one_line() {
    let text = array(|array| {
        array.item("\r\n\t\u{0}\u{1b}\u{7f}\"\\");
    });
    assert_eq!(text, r#"["\r\n\t\u0000\u001b\u007f\"\\"]"#);
}

#[test]
fn numbers_keep_all_their_digits() {
    let text = array(|array| {
        array.item(u64::MAX).item(i64::MIN).item(0_usize).item(0.25).item(1e300);
        array.item(f64::NAN).item(f64::INFINITY).item(f64::NEG_INFINITY);
    });
    assert_eq!(read(&text), json!([u64::MAX, i64::MIN, 0, 0.25, 1e300, null, null, null]));
}

#[test]
fn a_duration_is_in_nanoseconds_and_a_place_is_a_text() {
    let here = Location::caller();
    let text = array(|array| {
        array.item(Duration::from_micros(3)).item(Duration::MAX).item(here);
    });
    assert_eq!(read(&text), json!([3000, u64::MAX, here.to_string()]));
}

#[test]
fn a_slice_is_an_array() {
    let text = array(|array| {
        array.item(&["a".to_owned(), "b".to_owned()][..]);
    });
    assert_eq!(text, r#"[["a","b"]]"#);
}
