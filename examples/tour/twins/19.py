"""Lesson 19: callbacks when a task is done; its handle, kept."""


async def work(fails=False):
    print("work begins")
    await asyncio.sleep(0.01)
    print("work ends")
    if fails:
        raise ValueError("no")
    return 222


def outcome(task):
    if task.cancelled():
        return "cancelled"
    if task.exception():
        return f"error {task.exception()}"
    return f"value {task.result()}"


def calls(name, task):
    task.add_done_callback(lambda task: print(f"{name} callback: {outcome(task)}"))


async def in_order():
    task = asyncio.create_task(work())
    calls("first", task)
    calls("second", task)
    print(f"awaiter: value {await task}")
    calls("-- after the await,", task)
    await asyncio.sleep(0)


async def late():
    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    calls("late", task)
    print("added late")
    await asyncio.sleep(0)
    print("a turn later")


async def each_outcome():
    for how in "fails", "is cancelled":
        task = asyncio.create_task(work(how == "fails"))
        calls("the", task)
        await asyncio.sleep(0.005)
        if how == "is cancelled":
            task.cancel()
        await asyncio.sleep(0.05)
        print(f"{how}: the handle is read too: {outcome(task)}")


async def between():
    order = []

    async def awaiter():
        await task
        order.append("awaiter")

    task = asyncio.create_task(asyncio.sleep(0.01))
    task.add_done_callback(lambda _: order.append("callback"))
    waits = asyncio.create_task(awaiter())
    await asyncio.sleep(0)
    task.add_done_callback(lambda _: order.append("callback"))
    await waits
    await asyncio.sleep(0)
    print(f"-- an awaiter between two callbacks: {', '.join(order)}")


print("== right way")
run(in_order())
print("== late callback")
run(late())
print("== other ends")
run(each_outcome())
run(between())
