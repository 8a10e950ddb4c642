"""Lesson 27: awaiting a coroutine makes no task."""


async def do_work(name, caller):
    same = asyncio.current_task() is caller
    print(f"{name} begins, {'in the same task' if same else 'in a task of its own'}")
    await asyncio.sleep(0)
    print(f"{name} ends")
    return 222


async def awaits():
    me = asyncio.current_task()
    a, b = do_work("a", me), do_work("b", me)
    print("made")
    print(f"results {await a} {await b}")


def done(task):
    return "done" if task.done() else "not done"


async def result_of(task):
    try:
        await task.result()
    except Exception as error:
        print(f"-- await task.result(): {type(error).__name__}")


async def spawns():
    me = asyncio.current_task()
    a, b = asyncio.create_task(do_work("a", me)), asyncio.create_task(do_work("b", me))
    print(f"spawned, {done(a)}")
    await result_of(a)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(f"two turns later {done(a)}")
    await result_of(a)
    print(f"results {await a} {await b}")


print("== wrong way")
asyncio.run(awaits())
print("== right way")
asyncio.run(spawns())
