"""Lesson 15: a manager that makes tasks and never yields."""

BOUND = 10_000
started = 0


class Parcel:
    held = 0

    def __init__(self):
        self.content = bytes(1024)
        Parcel.held += len(self.content)

    def __del__(self):
        Parcel.held -= len(self.content)


async def child(number, parcel):
    global started
    if started == 0:
        print(f"the first to start: child {number}")
    started += 1
    await asyncio.sleep(1)
    del parcel


async def manager():
    print("Manager started")
    for made in range(1, BOUND + 1):
        asyncio.create_task(child(made, Parcel()))
        if made % 2_500 == 0:
            print(f"{made} tasks made, {started} started")
    print(f"Manager stopped by its bound, {Parcel.held} bytes held")


print("== wrong way")
asyncio.run(manager())
print(f"after the manager: {started} started")
