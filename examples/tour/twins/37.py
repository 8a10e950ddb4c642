"""Lesson 37: a task that is ready and has no turn. asyncio has no timeline, and tells in debug mode of long turns only."""

import logging

ROWS = 8


class Told(logging.Handler):
    """What asyncio tells in its debug mode."""

    told = 0

    def emit(self, record):
        Told.told += 1


logging.getLogger("asyncio").addHandler(Told())
logging.getLogger("asyncio").propagate = False


class Turns:
    count = 0


async def row(permits):
    Turns.count += 1
    await asyncio.sleep(0)
    Turns.count += 1
    await asyncio.sleep(0)
    Turns.count += 1
    permits.release()


async def importing(at_once):
    permits = asyncio.Semaphore(at_once)
    await asyncio.sleep(1)
    print("import begins")
    rows = set()
    for _ in range(ROWS):
        await permits.acquire()
        rows.add(asyncio.create_task(row(permits)))
    for _ in range(at_once):
        await permits.acquire()
    print("import ends")


async def health(asked):
    answer = await asked.get()
    print(f"health answers, after {Turns.count} turns of rows")
    answer.set_result(None)


async def client(asked):
    await asyncio.sleep(1)
    print("client asks")
    answer = asyncio.get_running_loop().create_future()
    await asked.put(answer)
    await answer
    print(f"client has its answer, after {Turns.count} turns of rows")


async def asked_meanwhile(at_once):
    asyncio.get_running_loop().set_debug(True)
    Turns.count, Told.told = 0, 0
    asked = asyncio.Queue()
    parts = health(asked), importing(at_once), client(asked)
    for task in [asyncio.create_task(part) for part in parts]:
        await task
    print("--", "something" if Told.told else "nothing", "was told")


for label, at_once in ("wrong way", ROWS), ("right way", 2):
    print(f"== {label}")
    run(asked_meanwhile(at_once))
