"""Lesson 9: a time limit on a wait."""

LIMIT = 0.1


async def long_running_task(work):
    say("started")
    await asyncio.sleep(work)
    return "completed"


async def with_clean_up():
    try:
        return await long_running_task(10)
    finally:
        say("cleaning up")
        await asyncio.sleep(0.3)


async def limited(work):
    try:
        say(await asyncio.wait_for(work, timeout=LIMIT))
    except asyncio.TimeoutError:
        say("Task timed out!")


async def both():
    await limited(long_running_task(0))
    await limited(long_running_task(10))


async def lend():
    task = asyncio.create_task(long_running_task(0.25))
    try:
        await asyncio.wait_for(asyncio.shield(task), timeout=LIMIT)
    except asyncio.TimeoutError:
        say("Task timed out!")
    say(await task)


print("== right way")
run(both())
print("== clean-up")
run(limited(with_clean_up()))
print("== patient way")
run(lend())
