"""Lesson 7: three counts, one after the other and all at once."""

import asyncio


async def count():
    print("One")
    await asyncio.sleep(0.1)
    print("Two")


async def one_by_one():
    await count()
    await count()
    await count()


async def together():
    await asyncio.gather(count(), count(), count())


print("== wrong way")
asyncio.run(one_by_one())
print("== right way")
asyncio.run(together())
