"""Lesson 1: a background task that nobody awaits."""

import asyncio
import gc
from time import sleep


async def background():
    for i in range(5):
        print(f"Background task iteration {i}")
        await asyncio.sleep(1)
    print("finished")


async def entry():
    print("a")
    asyncio.create_task(background(), name="background")
    print("b")


def lost(_loop, context):
    print(f"destroyed while pending: {context['task'].get_name()}")


print("== wrong way")
print("Main program started")
asyncio.run(entry())
for i in range(3):
    sleep(0.03)
    print(f"Main program iteration {i}")

print("== older way")
loop = asyncio.new_event_loop()
loop.set_exception_handler(lost)
loop.run_until_complete(entry())
loop.close()
gc.collect()
