"""Lesson 24: run_until_complete, on a loop that runs already and on one that does not."""


async def do_async_work():
    print("works")
    return 1


def attempt(loop, which):
    coroutine = do_async_work()
    try:
        print(f"{which}: {loop.run_until_complete(coroutine)}")
    except RuntimeError as error:
        coroutine.close()
        print(f"{which}: refused")
        print(f"-- {error}")


async def inside(other):
    attempt(asyncio.get_running_loop(), "the loop that runs")
    attempt(other, "another loop, inside of it")
    await asyncio.sleep(0)
    print("the loop goes on")


loop = asyncio.new_event_loop()
other = asyncio.new_event_loop()
print("== wrong way")
loop.run_until_complete(inside(other))
print("== right way")
attempt(loop, "it does not run now")
attempt(loop, "once more")
attempt(other, "the other")
loop.close()
other.close()
