"""Lesson 38: asked from another thread, asyncio lists the tasks of a loop that is stuck."""

import threading

HOUR = 3600


def told(loop, tasks):
    """What another thread sees."""
    live = asyncio.all_tasks(loop)  # a set: their order is that of `tasks`
    for task in tasks:
        if task in live:
            has_turn = task is asyncio.current_task(loop)
            print(f"{task.get_name()} {'has its turn' if has_turn else 'waits'}")


async def blocks(event, stuck, go_on):
    event.set()
    stuck.set()
    go_on.wait()


async def gets_stuck():
    loop, tasks = asyncio.get_running_loop(), [asyncio.current_task()]
    stuck, go_on = threading.Event(), threading.Event()

    def asks():
        stuck.wait()
        told(loop, tasks)
        culprit = tasks[-1].get_stack()[-1]
        print("-- the line it stands at is known: in", culprit.f_code.co_name)
        go_on.set()

    tasks[0].set_name("main")
    tasks.append(asyncio.create_task(asyncio.sleep(HOUR), name="sleeper"))
    event = asyncio.Event()
    tasks.append(asyncio.create_task(event.wait(), name="late"))
    tasks.append(asyncio.create_task(blocks(event, stuck, go_on), name="culprit"))
    thread = threading.Thread(target=asks)
    thread.start()
    await tasks[-1]
    thread.join()


async def goes_on():
    loop, tasks = asyncio.get_running_loop(), [asyncio.current_task()]
    tasks[0].set_name("main")

    async def outer():
        tasks.append(asyncio.create_task(asyncio.sleep(HOUR), name="sleeper"))
        await tasks[-1]

    tasks.append(asyncio.create_task(outer(), name="outer"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answered = loop.create_future()

    def asks():
        # On the loop's thread, between two turns.
        loop.call_soon_threadsafe(lambda: (told(loop, tasks), answered.set_result(None)))

    threading.Thread(target=asks).start()
    await answered


print("== stuck loop")
asyncio.run(gets_stuck())
print("== loop that answers")
asyncio.run(goes_on())
