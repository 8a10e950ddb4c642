"""Lesson 10: at most 3 of 10 workers at once."""


async def worker(permits, number, work, busy):
    async with permits:
        busy.append(number)
        say(f"worker {number} is running, {len(busy)} busy")
        await asyncio.sleep(work)
        say(f"worker {number} is done")
        busy.remove(number)


async def main(limit, more):
    """Each worker works `more` seconds longer than the one before."""
    permits, busy = asyncio.Semaphore(limit), []
    await asyncio.gather(*(worker(permits, number, 1 + number * more, busy) for number in range(10)))


async def equal():
    order = []

    async def one(number):
        await asyncio.sleep(1)
        order.append(number)

    await asyncio.gather(*map(one, range(10)))
    print(f"-- ten sleeps of one deadline end in order: {order == sorted(order)}")


print("== wrong way")
run(main(10, 0.01))
print("== right way")
run(main(3, 0))
run(equal())
