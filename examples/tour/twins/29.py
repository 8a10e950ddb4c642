"""Lesson 29: each run makes and closes a loop of its own."""

import socket


async def wait_for(ready):
    await ready


async def make():
    loop = asyncio.get_running_loop()
    ready, timer = loop.create_future(), loop.create_future()
    task = asyncio.create_task(wait_for(ready))
    loop.call_later(1, timer.set_result, None)
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    return ready, task, timer, reader, writer, theirs


async def use(what, wait):
    try:
        print(f"{what} of the first run: {await wait()}")
    except RuntimeError:
        print(f"{what} of the first run: refused")
    except asyncio.CancelledError:
        print(f"{what} of the first run: ended with it")


async def end_of(task):
    await task
    return "ended"


async def firing(timer):
    await timer
    return "fired"


async def read(reader):
    return (await reader.read(5)).decode()


def uses(task, timer, reader):
    yield use("task", lambda: end_of(task))
    yield use("timer", lambda: firing(timer))
    yield use("socket", lambda: read(reader))


print("== wrong way")
ready, task, timer, reader, writer, theirs = run(make())
for attempt in uses(task, timer, reader):
    run(attempt)
print("== right way")
with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    ready, task, timer, reader, writer, theirs = runner.run(make())
    ready.set_result(None)
    theirs.send(b"hello")
    for attempt in uses(task, timer, reader):
        runner.run(attempt)
    writer.close()
