"""Lesson 22: running a coroutine from synchronous code."""

import asyncio


async def do_work():
    return 1


def helper():
    coroutine = do_work()
    try:
        print(f"run inside a running loop: {asyncio.run(coroutine)}")
    except RuntimeError as error:
        coroutine.close()
        print("run inside a running loop: refused")
        print(f"-- {error}")


async def entry():
    helper()
    print(f"awaited instead: {await do_work()}")


print("== wrong way")
asyncio.run(entry())
print("== right way")
print(f"from synchronous code: {asyncio.run(do_work())}")
