"""Lesson 14: the error of one, and of one of several."""


async def may_fail():
    raise ValueError("Something went wrong")


async def sibling(work):
    try:
        await asyncio.sleep(work)
        say("sibling went on to its end")
    except asyncio.CancelledError:
        say("sibling cancelled")
        raise


async def one():
    try:
        await may_fail()
    except ValueError as error:
        say(f"caught: {error}")


async def first():
    try:
        await asyncio.gather(may_fail(), sibling(1))
    except ValueError as error:
        say(f"caught: {error}")
    await asyncio.sleep(2)


def told(outcome):
    if isinstance(outcome, asyncio.CancelledError):
        return "cancelled"
    return f"failed: {outcome}" if outcome else "done"


async def every():
    third = asyncio.create_task(asyncio.sleep(10))
    third.cancel()
    outcomes = await asyncio.gather(may_fail(), sibling(1), third, return_exceptions=True)
    for name, outcome in zip("abc", outcomes):
        say(f"{name} {told(outcome)}")
    failed = sum(isinstance(outcome, Exception) for outcome in outcomes)
    print(f"-- isinstance(outcome, Exception): {failed} of {len(outcomes)}")


async def together():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling(10))
            group.create_task(may_fail())
    except ExceptionGroup as errors:
        say(f"caught: {', '.join(map(str, errors.exceptions))}")


print("== one await")
run(one())
print("== wrong way")
run(first())
print("== every outcome")
run(every())
print("== right way")
run(together())
