"""Lesson 11: cancelling a task that cleans up."""


async def cancellable():
    print("started")
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError as cancelled:
        print(f"Task was cancelled: {cancelled}")
        await asyncio.sleep(0.01)
        print("cleaned up")
        raise
    finally:
        print("left")


async def drop():
    """Where it stands, which is what `abort` does: asyncio's tasks have nothing like it."""
    coroutine = cancellable()
    coroutine.send(None)
    coroutine.close()


async def ask():
    task = asyncio.create_task(cancellable())
    await asyncio.sleep(0.01)
    task.cancel("enough")
    print("asked")
    try:
        await task
    except asyncio.CancelledError as cancelled:
        print(f"Caught cancellation in main: {cancelled}")


async def deaf():
    """Listens to nothing, and is thrown into all the same."""
    await asyncio.sleep(1)
    print("-- never said")


async def unheard():
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print(f"-- a task that listens to nothing is cancelled: {task.cancelled()}")


print("== wrong way")
run(drop())
print("== right way")
run(ask())
run(unheard())
