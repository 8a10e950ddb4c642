"""Lesson 15: a manager that makes tasks and never yields."""

import asyncio

BOUND = 10_000
started = 0


async def child(parcel):
    global started
    started += 1
    await asyncio.sleep(1)
    del parcel


async def manager():
    print("Manager started")
    for made in range(1, BOUND + 1):
        asyncio.create_task(child(bytes(1024)))
        if made % 2_500 == 0:
            print(f"{made} tasks made, {started} started")
    print("Manager stopped by its bound")


print("== wrong way")
asyncio.run(manager())
print(f"after the manager: {started} started")
