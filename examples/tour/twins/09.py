"""Lesson 9: a time limit on a wait."""

import asyncio

LIMIT = 0.1


async def long_running_task(work):
    print("started")
    await asyncio.sleep(work)
    return "completed"


async def with_clean_up():
    try:
        return await long_running_task(10)
    finally:
        print("cleaning up")
        await asyncio.sleep(0.3)


async def limited(work):
    try:
        print(await asyncio.wait_for(work, timeout=LIMIT))
    except asyncio.TimeoutError:
        print("Task timed out!")


async def lend():
    task = asyncio.create_task(long_running_task(0.25))
    try:
        await asyncio.wait_for(asyncio.shield(task), timeout=LIMIT)
    except asyncio.TimeoutError:
        print("Task timed out!")
    print(await task)


print("== right way")
asyncio.run(limited(long_running_task(0)))
asyncio.run(limited(long_running_task(10)))
print("== clean-up")
asyncio.run(limited(with_clean_up()))
print("== patient way")
asyncio.run(lend())
