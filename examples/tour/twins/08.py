"""Lesson 8: an event wakes every waiter; a callback sets it later."""


def state(event):
    return "set" if event.is_set() else "not set"


async def waiter(name, event):
    say(f"{name} waiting for event")
    await event.wait()
    say(f"{name} triggered")


def set_event(event):
    say("setting event in callback")
    event.set()
    say("callback done")


async def main():
    event = asyncio.Event()
    say(f"event start state: {state(event)}")
    asyncio.get_running_loop().call_later(1, set_event, event)
    await asyncio.gather(*(waiter(f"coro{n}", event) for n in (1, 2, 3)))
    say(f"event end state: {state(event)}")
    await event.wait()
    say("set already: no wait")


print("== right way")
run(main())
