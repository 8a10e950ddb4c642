"""Lesson 3: a loop on a thread of its own, while the main program works."""

import subprocess
import sys
import threading

CHILD = """
import asyncio
import threading

begun = threading.Event()
over = threading.Event()


async def background():
    print("a")
    print("Background task iteration 0")
    begun.set()
    while not over.is_set():
        await asyncio.sleep(0.01)
    print("Background task iteration 1")
    await asyncio.sleep(0.01)
    print("b")


threading.Thread(target=lambda: asyncio.run(background()), daemon={daemon}).start()
begun.wait()
print("Main program finished")
{rest}
"""


def child(**how):
    command = sys.executable, "-I", "-u", "-c", CHILD.format(**how)
    print(subprocess.run(command, capture_output=True, text=True, timeout=100).stdout, end="")


async def background(meetings):
    print("a")
    for i in range(5):
        print(f"Background task iteration {i}")
        if i in meetings:
            reached, goes_on = meetings[i]
            reached.set()
            await asyncio.to_thread(goes_on.wait)
        await asyncio.sleep(0.01)
    print("finished")
    print("b")


print("== wrong way")
child(daemon=True, rest="")
print("== end of scope")
child(daemon=False, rest="over.set()")
print("== right way")
meetings = {i: (threading.Event(), threading.Event()) for i in (1, 3)}
print("Main program started")
thread = threading.Thread(target=lambda: asyncio.run(background(meetings)))
thread.start()
for n, (reached, goes_on) in enumerate(meetings.values()):
    reached.wait()
    print(f"Main program iteration {n}")
    goes_on.set()
thread.join()
print("Main program finished")
