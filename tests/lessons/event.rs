//! Lesson 8: an event wakes every waiter.

#![forbid(unsafe_code)]

use std::rc::Rc;

use taketurns::spawn;
use taketurns::sync::Event;
use taketurns::time::call_later;

use crate::{SECOND, Said, played};

async fn waiter(said: Said, name: char, event: Rc<Event>) {
    said.say(format_args!("{name}-waits"));
    event.wait().await;
    said.say(format_args!("{name}-goes-on"));
}

#[test]
fn that_is_set_by_a_callback_wakes_all_in_the_order_of_waiting() {
    let said = played(|said| async move {
        let event = Rc::new(Event::new());
        let (later, tell) = (event.clone(), said.clone());
        call_later(SECOND, move || {
            later.set();
            tell.say("set");
        });
        for waiter in ['a', 'b', 'c'].map(|name| spawn(waiter(said.clone(), name, event.clone()))) {
            waiter.await.unwrap();
        }
    });
    assert_eq!(said, "0:a-waits 0:b-waits 0:c-waits 1:set 1:a-goes-on 1:b-goes-on 1:c-goes-on");
}

#[test]
fn stays_set_until_it_is_cleared() {
    let said = played(|said| async move {
        let event = Rc::new(Event::new());
        event.set();
        event.wait().await;
        said.say(event.is_set());
        event.clear();
        said.say(event.is_set());
        let waits = spawn(waiter(said.clone(), 'a', event.clone()));
        taketurns::time::sleep(SECOND).await;
        event.set();
        waits.await.unwrap();
    });
    assert_eq!(said, "0:true 0:false 0:a-waits 1:a-goes-on");
}
