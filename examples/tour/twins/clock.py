"""What stands before every twin: a loop whose clock does not wait."""

import asyncio
import selectors


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


def run(main):
    """As `asyncio.run`, by a clock that begins at 0 and does not wait."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def now():
    return asyncio.get_running_loop().time()


def say(text):
    """Prints a line with its time by the clock of `run`."""
    print(f"@{now():g} {text}")


