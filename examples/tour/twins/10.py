"""Lesson 10: at most 3 of 10 workers at once."""


async def worker(permits, number, work, busy):
    async with permits:
        busy.append(number)
        say(f"worker {number} is running, {len(busy)} busy")
        await asyncio.sleep(work)
        say(f"worker {number} is done")
        busy.remove(number)


async def main(limit, more):
    """Each worker works for `more` seconds more than the one before: the order of equal deadlines is not asyncio's to tell."""
    permits, busy = asyncio.Semaphore(limit), []
    await asyncio.gather(*(worker(permits, number, 1 + number * more, busy) for number in range(10)))


print("== wrong way")
run(main(10, 0.01))
print("== right way")
run(main(3, 0))
