"""Lesson 7: three counts, one after the other and all at once."""


async def count(name):
    say(f"{name}: One")
    await asyncio.sleep(0.1)
    say(f"{name}: Two")


async def one_by_one():
    await count("a")
    await count("b")
    await count("c")


async def together():
    await asyncio.gather(count("a"), count("b"), count("c"))


print("== wrong way")
run(one_by_one())
print("== right way")
run(together())
