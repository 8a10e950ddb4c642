"""Lesson 33: an hour's time limit, by a clock that does not wait."""

import asyncio
import selectors

HOUR = 3600


class Jumping(selectors.DefaultSelector):
    """Instead of waiting for the next timer, moves the clock there."""

    now = 0

    def select(self, timeout=None):
        ready = super().select(None if timeout is None else 0)
        if timeout and not ready:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.clock = Jumping()
        super().__init__(self.clock)

    def time(self):
        return self.clock.now


def say(text):
    print(f"after {asyncio.get_running_loop().time():.0f} s: {text}")


async def long_running_task():
    say("started")
    await asyncio.sleep(2 * HOUR)
    say("completed")


async def heartbeat():
    for _ in range(4):
        await asyncio.sleep(1000)
        say("still alive")


async def main():
    beats = asyncio.create_task(heartbeat())
    try:
        await asyncio.wait_for(long_running_task(), timeout=HOUR)
    except asyncio.TimeoutError:
        say("Task timed out!")
    await beats


print("== right way")
with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    runner.run(main())
