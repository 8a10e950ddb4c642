"""Lesson 36: tasks that wait for each other. asyncio waits with them, and says nothing."""

import logging
import threading

HOUR = 3600


class Told(logging.Handler):
    """What asyncio tells in its debug mode."""

    told = 0

    def emit(self, record):
        Told.told += 1


logging.getLogger("asyncio").addHandler(Told())
logging.getLogger("asyncio").propagate = False


async def awaits(other, tasks):
    print(f"awaits {other}")
    await asyncio.shield(tasks[other])  # a plain await could not even be cancelled: that would go in the circle


async def stuck(*tasks):
    done, _ = await asyncio.wait(tasks, timeout=HOUR)
    print("ended" if done else "neither goes on")
    print("--", "an hour later", "something" if Told.told else "nothing", "was told")


async def each_other():
    asyncio.get_running_loop().set_debug(True)
    tasks = {}
    tasks["a"] = asyncio.create_task(awaits("b", tasks))
    tasks["b"] = asyncio.create_task(awaits("a", tasks))
    await stuck(*tasks.values())


async def takes(first, second):
    async with first:
        print("has one lock")
        await asyncio.sleep(0)
        async with second:
            print("has both")


async def in_two_orders():
    asyncio.get_running_loop().set_debug(True)
    one, two = asyncio.Lock(), asyncio.Lock()
    await stuck(asyncio.create_task(takes(one, two)), asyncio.create_task(takes(two, one)))


async def for_a_thread():
    loop = asyncio.get_running_loop()
    answer = loop.create_future()

    def answers():
        print("answers")
        loop.call_soon_threadsafe(answer.set_result, None)

    print("waits for a thread")
    threading.Thread(target=answers).start()
    await answer
    print("goes on")


async def in_one_order():
    one, two = asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(takes(one, two), takes(one, two))


print("== circle")
run(each_other())
print("== lock order")
run(in_two_orders())
print("== suspicion")
asyncio.run(for_a_thread())
print("== right way")
asyncio.run(in_one_order())
