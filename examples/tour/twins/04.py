"""Lesson 4: a coroutine that is handed to a thread as if it were a function."""

import gc
import threading
import warnings

warnings.simplefilter("always")
warnings.showwarning = lambda warning, *_, **__: print(f"-- {warning}")
threading.excepthook = lambda _: print("-- asyncio.run(background) raises in the thread, and main goes on")


async def background():
    print("background runs")
    await asyncio.sleep(0)
    print("background is done")


def on_a_thread(*args, target):
    thread = threading.Thread(target=target, args=args)
    thread.start()
    thread.join()
    gc.collect()


print("== wrong way")
on_a_thread(target=background)
print("the thread has ended")
print("== called way")
on_a_thread(target=lambda: background())
on_a_thread(background, target=asyncio.run)
print("the thread has ended")
print("== right way")
on_a_thread(target=lambda: asyncio.run(background()))
print("the thread has ended")
