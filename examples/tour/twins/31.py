"""Lesson 31: shared state, and which lock."""

import contextlib
import threading


class NoLock(contextlib.nullcontext):
    async def __aenter__(self):
        pass

    async def __aexit__(self, *_):
        pass


class OfThreads:
    """A lock of threads, held across an await."""

    def __init__(self):
        self.lock = threading.Lock()

    async def __aenter__(self):
        if not self.lock.acquire(timeout=0.1):
            raise RuntimeError("the thread waits for itself")

    async def __aexit__(self, *_):
        self.lock.release()


async def deposit(account, lock, name):
    async with lock:
        before = account["balance"]
        print(f"{name} read {before}")
        await asyncio.sleep(0)
        account["balance"] = before + 60
        print(f"{name} wrote {before + 60}")


async def two(lock):
    account = {"balance": 0}
    both = await asyncio.gather(*(deposit(account, lock, name) for name in "ab"), return_exceptions=True)
    for error in filter(None, both):
        print(error)
    print(f"balance {account['balance']}")


async def at_once(account, lock, name):
    await asyncio.sleep(0)
    with lock:
        account["balance"] += 60
        print(f"{name} wrote {account['balance']}")


async def no_await_inside():
    account, lock = {"balance": 0}, threading.Lock()
    await asyncio.gather(*(at_once(account, lock, name) for name in "ab"))
    print(f"balance {account['balance']}")


print("== wrong way")
asyncio.run(two(NoLock()))
print("== stuck way")
asyncio.run(two(OfThreads()))
print("== right way")
asyncio.run(two(asyncio.Lock()))
print("== simple way")
asyncio.run(no_await_inside())
