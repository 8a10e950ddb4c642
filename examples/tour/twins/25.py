"""Lesson 25: a worker thread that wants something done on the loop."""

import threading
from concurrent.futures import Future


class Idle(selectors.DefaultSelector):
    """Tells when its loop has nothing to do."""

    def __init__(self):
        super().__init__()
        self.told = threading.Event()

    def select(self, timeout=None):
        if timeout != 0:
            self.told.set()
        return super().select(timeout)


async def do_work(fails=False):
    if fails:
        raise ValueError("no")
    return 222


def answer(future, limit=30):
    try:
        print(f"value {future.result(limit)}")
    except TimeoutError:
        print("no answer")
    except ValueError as error:
        print(f"error {error}")


def submit(loop, fails=False, limit=30):
    answer(asyncio.run_coroutine_threadsafe(do_work(fails), loop), limit)


def bridge(loop, fails, limit=30, forwards=True):
    """A callback of the task fills a future that the worker waits for."""
    future = Future()

    def done(task):
        if not (error := task.exception()):
            future.set_result(task.result())
        elif forwards:
            future.set_exception(error)

    loop.call_soon_threadsafe(lambda: loop.create_task(do_work(fails)).add_done_callback(done))
    answer(future, limit)


async def from_a_worker(*work):
    for ask, argument in work:
        await asyncio.to_thread(ask, asyncio.get_running_loop(), argument)


def create_on_idle(loop, idle):
    idle.told.wait()
    future = Future()
    task = loop.create_task(do_work())
    task.add_done_callback(lambda task: future.set_result(task.result()))
    try:
        print(f"-- create_task on an idle loop: {future.result(0.1)}")
    except TimeoutError:
        print("-- create_task on an idle loop: no answer")


async def on_its_own_thread():
    submit(asyncio.get_running_loop(), limit=0.1)


def forgetful(loop, fails):
    bridge(loop, fails, limit=0.1, forwards=False)


print("== loop that does not run")
loop = asyncio.new_event_loop()
submit(loop, limit=0.1)
loop.run_until_complete(asyncio.sleep(0))
loop.close()
idle = Idle()
with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(idle)) as runner:
    runner.run(from_a_worker((create_on_idle, idle)))
print("== loop's own thread")
asyncio.run(on_its_own_thread())
print("== forgetful bridge")
asyncio.run(from_a_worker((forgetful, True)))
print("== right way")
asyncio.run(from_a_worker((submit, False), (submit, True)))
print("== complete bridge")
asyncio.run(from_a_worker((bridge, False), (bridge, True)))
