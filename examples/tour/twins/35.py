"""Lesson 35: a lock granted to a future that nothing polls. asyncio polls every task."""


async def holder(lock):
    async with lock:
        say("the holder writes")
        await asyncio.sleep(2)
    say("the holder is done")


async def write(name, lock):
    async with lock:
        (print if name.startswith("-- ") else say)(f"{name} writes")


async def with_holder(main):
    lock = asyncio.Lock()
    task = asyncio.create_task(holder(lock))
    await asyncio.sleep(0)
    await main(lock)
    await task


async def lent(lock, mark=""):
    a = asyncio.create_task(write(f"{mark}a", lock))
    await asyncio.wait([a], timeout=1)
    say("the limit passes, a is kept")
    await write(f"{mark}b", lock)
    await a


async def dropped(lock):
    try:
        await asyncio.wait_for(write("a", lock), 1)
    except TimeoutError:
        say("the limit passes, a is gone")
    await write("b", lock)


print("== wrong way")
run(with_holder(lambda lock: lent(lock, "-- ")))
print("== task of its own")
run(with_holder(lent))
print("== right way")
run(with_holder(dropped))
