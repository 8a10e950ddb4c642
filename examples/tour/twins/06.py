"""Lesson 6: stopping a background loop from outside."""

import subprocess
import sys
import threading

DAEMON = """
import asyncio
import threading

taken = threading.Event()


async def work():
    print("took the item")
    taken.set()
    await asyncio.sleep(1000)
    print("stored the item")


threading.Thread(target=lambda: asyncio.run(work()), daemon=True).start()
taken.wait()
print("main ends")
"""


class Background:
    """A loop on a thread of its own, which waits for an event."""

    def __init__(self, end):
        self.end = end
        self.waits = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.work()))
        self.thread.start()
        self.waits.wait()
        # One round of the loop: it waits for the event now.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self.loop).result()

    async def work(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.waits.set()
        await self.stop.wait()
        await self.end()


async def drain():
    print("stopping: storing what is in hand")
    await asyncio.sleep(0.01)
    print("stopped")


async def fail():
    print("stopping: no room to store it")
    raise OSError("no room")


print("== wrong way")
background = Background(drain)
background.stop.set()
background.thread.join(0.1)
print(f"set from another thread: {'still waiting' if background.thread.is_alive() else 'woken'}")
background.loop.call_soon_threadsafe(lambda: None)  # any wake of the loop
background.thread.join()
print("== right way")
background = Background(drain)
background.loop.call_soon_threadsafe(background.stop.set)
background.thread.join()
print("joined")
print("== error")
threading.excepthook = lambda args: print(f"-- threading.excepthook alone is told: {args.exc_value}")
background = Background(fail)
background.loop.call_soon_threadsafe(background.stop.set)
background.thread.join()
print("joined")
print("== daemon")
command = sys.executable, "-I", "-u", "-c", DAEMON
print(subprocess.run(command, capture_output=True, text=True, timeout=100).stdout, end="")
