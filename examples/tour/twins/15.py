"""Lesson 15: a manager that makes tasks and never yields."""

import logging
import re
import time

BOUND = 10_000
started = 0
has_turn = False


class Report(logging.Handler):
    """What the debug mode of asyncio tells of the manager."""

    told = False

    def emit(self, record):
        if re.search(r"Executing <Task .*name='manager'", record.getMessage()):
            Report.told = True
            print("-- told of the manager", "during its turn" if has_turn else "after its turn")


logging.getLogger("asyncio").addHandler(Report())
logging.getLogger("asyncio").propagate = False


class Parcel:
    held = 0

    def __init__(self):
        self.content = bytes(1024)
        Parcel.held += len(self.content)

    def __del__(self):
        Parcel.held -= len(self.content)


async def child(number, parcel):
    global started
    if started == 0:
        print(f"the first to start: child {number}")
    started += 1
    await asyncio.sleep(1)
    del parcel


async def manager():
    global has_turn
    asyncio.current_task().set_name("manager")
    asyncio.get_running_loop().slow_callback_duration = 0.05
    began, has_turn = time.monotonic(), True
    print("Manager started")
    for made in range(1, BOUND + 1):
        asyncio.create_task(child(made, Parcel()))
        if made % 2_500 == 0:
            print(f"{made} tasks made, {started} started")
    while time.monotonic() - began < 0.1:
        pass
    has_turn = False
    print(f"Manager stopped by its bound, {Parcel.held} bytes held")


print("== wrong way")
asyncio.run(manager(), debug=True)
print(f"after the manager: {started} started")
print("reported:", "manager" if Report.told else "no task")
