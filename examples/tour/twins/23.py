"""Lesson 23: work for a loop on another thread, and the end of that loop."""

import threading


async def coro_func():
    print(f"runs on the thread `{threading.current_thread().name}`")
    await asyncio.sleep(0.01)
    return 1


async def fails():
    raise ValueError("no")


async def too_late():
    print("done after all")
    return 2


def submit(coroutine, limit=30):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(limit)


def thread_with_loop():
    begins.wait()
    loop.run_forever()
    print("the loop has ended")


print("== right way")
loop, begins = asyncio.new_event_loop(), threading.Event()
thread = threading.Thread(target=thread_with_loop, name="loop")
thread.start()
early = asyncio.run_coroutine_threadsafe(coro_func(), loop)
print(f"sent before the loop runs: {'done' if early.done() else 'not done'}")
begins.set()
print(f"the value: {early.result(30)}")
try:
    submit(fails())
except ValueError as error:
    print(f"the error: {error}")
loop.call_soon_threadsafe(loop.stop)
thread.join()
print("joined")
print("== stopped loop")
try:
    print(f"the value: {submit(too_late(), limit=0.1)}")
except TimeoutError:
    print("-- waited in vain, until a limit")
    print("no value")
print("the loop runs again")
loop.run_until_complete(asyncio.sleep(0.01))
print("== closed loop")
loop.close()
coroutine = too_late()
try:
    print(f"the value: {submit(coroutine)}")
except RuntimeError:
    coroutine.close()
    print("no value")
