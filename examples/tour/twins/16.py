"""Lesson 16: the manager yields, and awaits what it made."""

import asyncio


async def wrapper(word, work):
    print(f"Executing task for: {word}")
    await asyncio.sleep(work)
    print(f"Finished task for: {word}")


async def manager(works):
    print("Manager started")
    tasks = []
    for word, work in zip("abcde", works):
        tasks.append(asyncio.create_task(wrapper(word, work)))
        print(f"Task {len(tasks)} created for: {word}")
        await asyncio.sleep(0)
    print(f"Generated {len(tasks)} tasks")
    return tasks


async def guess():
    await manager([0.02, 0.04, 5])
    await asyncio.sleep(0.08)
    print("Slept long enough, one hopes")


async def wait():
    for task in await manager([0.02, 0.03, 0.04, 0.05, 0.06]):
        await task
    print("All tasks awaited")


print("== wrong way")
asyncio.run(guess())
print("== right way")
asyncio.run(wait())
