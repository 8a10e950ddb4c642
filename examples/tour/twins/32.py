"""Lesson 32: one yield every k items."""

ITEMS = 1000


class Progress:
    item = 0
    done = False


async def worker(k, progress):
    yields = 0
    for item in range(1, ITEMS + 1):
        progress.item = item
        if item % k == 0 and item < ITEMS:
            yields += 1
            await asyncio.sleep(0)
    progress.done = True
    return yields


async def other(progress):
    last = longest = 0
    while True:
        longest = max(longest, progress.item - last)
        last = progress.item
        if progress.done:
            return longest
        await asyncio.sleep(0)


async def beside(k):
    progress = Progress()
    work = asyncio.create_task(worker(k, progress))
    rest = asyncio.create_task(other(progress))
    yields, items = await work, await rest
    print(f"every {k}: {yields} yields, the other waited for {items} items at most")


print("== wrong way")
for k in 1, ITEMS:
    asyncio.run(beside(k))
print("== right way")
for k in 10, 100:
    asyncio.run(beside(k))
