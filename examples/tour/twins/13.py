"""Lesson 13: gather; create now, await later."""


async def fetch(n, work):
    say(f"fetch {n} begins")
    await asyncio.sleep(work)
    say(f"fetch {n} ends")
    return n


async def one_by_one():
    made = [fetch(1, 3), fetch(2, 1)]
    say("made, none begun")
    say(f"results {[await coroutine for coroutine in made]}")


async def together():
    say(f"results {await asyncio.gather(fetch(1, 3), fetch(2, 1), fetch(3, 2))}")


async def later():
    task = asyncio.create_task(fetch(4, 1))
    say("other work")
    await asyncio.sleep(2)
    say("other work done")
    say(f"result {await task}")


print("== wrong way")
run(one_by_one())
print("== right way")
run(together())
print("== later way")
run(later())
