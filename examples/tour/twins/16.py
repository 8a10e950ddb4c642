"""Lesson 16: the manager yields, and awaits what it made."""


async def wrapper(word, work):
    say(f"Executing task for: {word}")
    await asyncio.sleep(work)
    say(f"Finished task for: {word}")


async def manager(works):
    say("Manager started")
    tasks = []
    for word, work in zip("abcde", works):
        tasks.append(asyncio.create_task(wrapper(word, work)))
        say(f"Task {len(tasks)} created for: {word}")
        await asyncio.sleep(0)
    say(f"Generated {len(tasks)} tasks")
    return tasks


async def guess():
    await manager([0.02, 0.04, 5])
    await asyncio.sleep(0.08)
    say("Slept long enough, one hopes")


async def wait():
    for task in await manager([0.02, 0.03, 0.04, 0.05, 0.06]):
        await task
    say("All tasks awaited")


async def endless():
    made = 0
    while True:
        for word in "xy":
            made += 1
            asyncio.create_task(wrapper(f"{word}{made}", 5))
        await asyncio.sleep(0)


async def stop():
    manager = asyncio.create_task(endless())
    for _ in range(2):
        await asyncio.sleep(0)
    manager.cancel()
    await asyncio.wait([manager])
    if manager.cancelled():
        say("Manager stopped from outside")


print("== wrong way")
run(guess())
print("== right way")
run(wait())
print("== endless way")
run(stop())
try:
    asyncio.run(stop, timeout=1)
except TypeError:
    print("-- asyncio.run takes no timeout")
