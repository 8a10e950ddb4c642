"""Lesson 30: a computation, in place, on a thread and in a process."""

import sys
import threading


def compute():
    return sum(i * i for i in range(123_457)) % 1000


async def neighbour(seen):
    print("the neighbour has its turn")
    seen.set()


async def in_place(_):
    return compute()


async def on_a_thread(seen):
    def job():
        seen.wait(30)  # the loop goes on, or this is in vain
        return compute()

    return await asyncio.to_thread(job)


async def in_a_process(_, program="print(sum(i * i for i in range(123_457)) % 1000)"):
    command = sys.executable, "-I", "-c", program
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    if child.returncode:
        raise OSError(f"exit code {child.returncode}")
    return int(output)


async def crashes(seen):
    return await in_a_process(seen, "import os; os._exit(3)")


async def beside(work):
    seen = threading.Event()
    other = asyncio.create_task(neighbour(seen))
    try:
        print(f"result {await work(seen)}")
    except OSError as error:
        print(f"no result: {error}")
    await other


print("== wrong way")
asyncio.run(beside(in_place))
print("== right way")
asyncio.run(beside(on_a_thread))
print("== isolated way")
asyncio.run(beside(in_a_process))
print("== crash")
asyncio.run(beside(crashes))
