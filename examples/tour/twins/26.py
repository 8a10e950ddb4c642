"""Lesson 26: awaiting what is ready does not yield."""

ROUNDS = 1000


async def nop():
    pass


async def ready(what, counts):
    queue, permits = asyncio.Queue(), asyncio.Semaphore(1)
    for i in range(ROUNDS):
        if what == "budget" and i and i % 128 == 0:
            await asyncio.sleep(0)
        if what in ("queue", "budget"):
            queue.put_nowait(i)
            await queue.get()
        elif what == "semaphore":
            async with permits:
                pass
        elif what == "nop":
            await nop()
        else:
            await asyncio.sleep(0)
        counts["first"] += 1


async def other(counts):
    while counts["first"] < ROUNDS:
        counts["other"] += 1
        await asyncio.sleep(0)


async def main(what):
    counts = {"first": 0, "other": 0}
    first = asyncio.create_task(ready(what, counts))
    second = asyncio.create_task(other(counts))
    await first
    print(f"{what}: {ROUNDS} rounds, the other task took {counts['other']} turns")
    await second


print("== wrong way")
for what in "queue", "semaphore", "nop":
    asyncio.run(main(what))
print("== budget of 128")
for what in "budget", "nop":
    asyncio.run(main(what))
print("== right way")
asyncio.run(main("yield"))
