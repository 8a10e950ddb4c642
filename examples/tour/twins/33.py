"""Lesson 33: an hour's time limit, by a clock that does not wait."""

import time

HOUR = 3600


async def long_running_task():
    print(f"after {now():g} s: started")
    await asyncio.sleep(2 * HOUR)
    print(f"after {now():g} s: completed")


async def heartbeat():
    for _ in range(4):
        await asyncio.sleep(1000)
        print(f"after {now():g} s: still alive")


async def main():
    beats = asyncio.create_task(heartbeat())
    try:
        await asyncio.wait_for(long_running_task(), timeout=HOUR)
    except asyncio.TimeoutError:
        print(f"after {now():g} s: Task timed out!")
    await beats


async def offloaded():
    job = asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.2)
    try:
        await asyncio.wait_for(job, timeout=HOUR)
    except asyncio.TimeoutError:
        print("-- a job of 0.2 s is overtaken by a limit of an hour")


print("== right way")
run(main())
run(offloaded())
