"""Lesson 28: an error in a task that nothing awaits."""

import gc


async def may_fail():
    print("fails")
    raise ValueError("Something went wrong")


def on_error(report):
    asyncio.get_running_loop().set_exception_handler(lambda _, context: report(context["exception"]))


async def let_go(report):
    on_error(report)
    asyncio.create_task(may_fail())
    await asyncio.sleep(0)
    print("went on")


async def keep():
    on_error(lambda error: print(f"reported: {error}"))
    task = asyncio.create_task(may_fail())
    await asyncio.sleep(0)
    print("went on")
    return task


async def handle():
    task = asyncio.create_task(may_fail())
    try:
        await task
    except ValueError as error:
        print(f"handled: {error}")


print("== wrong way")
asyncio.run(let_go(lambda error: print(f"-- reported all the same: {error}")))
print("== reported way")
asyncio.run(let_go(lambda error: print(f"reported: {error}")))
print("== panic kept")
task = asyncio.run(keep())
gc.collect()
print("still silent")
del task
gc.collect()
print("== right way")
asyncio.run(handle())
