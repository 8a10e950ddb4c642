"""Lesson 17: a task group."""

CHILDREN = 10_000


async def dispatch(yields):
    started = 0

    async def child():
        nonlocal started
        started += 1
        await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(CHILDREN):
            group.create_task(child())
            if yields:
                await asyncio.sleep(0)
        print(f"body over: {CHILDREN} spawned, {started} started")
    print(f"left: {started} started")


async def fails():
    raise ValueError("a")


async def fails_in_its_clean_up():
    try:
        await asyncio.sleep(10)
    finally:
        print("b cleans up")
        raise ValueError("b")


async def errors():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_in_its_clean_up())
            group.create_task(fails())
            await asyncio.sleep(10)
            print("never said")
    except* ValueError as together:
        print(f"together: {', '.join(map(str, together.exceptions))}")


async def never():
    print("never said")


async def early():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(never())
            raise ValueError("the body")
    except* ValueError as together:
        print(f"failed: {together.exceptions[0]}")


print("== wrong way")
run(dispatch(False))
print("== right way")
run(dispatch(True))
print("== several errors")
run(errors())
print("== early error")
run(early())
