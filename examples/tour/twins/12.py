"""Lesson 12: a blocking sleep in asynchronous code."""

import logging
import re
import time

is_stuck = False


class Report(logging.Handler):
    """What the debug mode of asyncio tells of the culprit."""

    told = False

    def emit(self, record):
        if re.search(r"Executing <Task .*name='culprit'", record.getMessage()):
            Report.told = True
            print("-- told of the culprit", "during its turn" if is_stuck else "after its turn")


logging.getLogger("asyncio").addHandler(Report())
logging.getLogger("asyncio").propagate = False


async def ticker():
    for tick in range(3):
        print(f"tick {tick}")
        await asyncio.sleep(0.02)


async def blocks():
    global is_stuck
    print("blocks")
    is_stuck = True
    time.sleep(0.3)
    is_stuck = False
    print("blocked")


async def waits():
    print("waits")
    await asyncio.sleep(0.3)
    print("waited")


async def beside(culprit):
    asyncio.get_running_loop().slow_callback_duration = 0.15
    ticks = asyncio.create_task(ticker(), name="ticker")
    await asyncio.create_task(culprit(), name="culprit")
    await ticks


for label, culprit in (("wrong way", blocks), ("right way", waits)):
    Report.told = False
    print(f"== {label}")
    asyncio.run(beside(culprit), debug=True)
    print("reported:", "culprit" if Report.told else "no task")
