"""Lesson 1: a background task that nobody awaits."""

import asyncio
import gc
from time import sleep


async def background():
    try:
        for i in range(5):
            print(f"Background task iteration {i}")
            await asyncio.sleep(1)
        print("finished")
    except asyncio.CancelledError:
        print("-- the task is told that it is cancelled")
        raise


async def entry():
    print("a")
    task = asyncio.create_task(background(), name="background")
    print("b")
    return task


async def spin(name, told):
    for turn in range(9):
        print(f"{'-- ' if turn > 1 else ''}{name}{turn}")
        if not told.done():
            told.set_result(None)
        await asyncio.sleep(0)


async def end_early():
    told = asyncio.get_running_loop().create_future()
    tasks = [asyncio.create_task(spin("t", told)), asyncio.create_task(spin("u", told))]
    await told
    print("the root ends")
    return tasks


def lost(_loop, context):
    print(f"destroyed while pending: {context['task'].get_name()}")


async def forgotten():
    print("waits for what never comes")
    await asyncio.get_running_loop().create_future()


async def collect():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: print("-- the task is collected"))
    asyncio.create_task(forgotten())
    await asyncio.sleep(0)
    gc.collect()
    print("the root goes on")


print("== wrong way")
print("Main program started")
task = asyncio.run(entry())
print(f"-- the task ended as cancelled: {task.cancelled()}")
for i in range(3):
    sleep(0.03)
    print(f"Main program iteration {i}")

print("== last turn")
asyncio.run(end_early())

print("== older way")
loop = asyncio.new_event_loop()
loop.set_exception_handler(lost)
loop.run_until_complete(entry())
loop.close()
gc.collect()

print("== forgotten task")
asyncio.run(collect())
