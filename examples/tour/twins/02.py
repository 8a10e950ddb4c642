"""Lesson 2: the background task, awaited."""

import asyncio
from time import sleep


async def background():
    for i in range(5):
        print(f"Background task iteration {i}")
        await asyncio.sleep(0.02)
    print("finished")


async def entry():
    print("a")
    scheduled = asyncio.create_task(background())
    print("task scheduled")
    await scheduled
    print("b")


print("== right way")
print("Main program started")
asyncio.run(entry())
for i in range(3):
    sleep(0.03)
    print(f"Main program iteration {i}")
