"""Lesson 18: too many tasks too fast, bounded in three ways."""

TASKS = 100


class Backlog:
    """How many pieces of work are made and not yet done."""

    def __init__(self):
        self.now = self.peak = 0

    def made(self, *_):
        self.now += 1
        self.peak = max(self.peak, self.now)

    def done(self, *_):
        self.now -= 1


async def work():
    for _ in range(3):
        await asyncio.sleep(0)


def create(backlog, coroutine):
    backlog.made()
    task = asyncio.create_task(coroutine)
    task.add_done_callback(backlog.done)
    return task


async def all_at_once(backlog):
    await asyncio.gather(*[create(backlog, work()) for _ in range(TASKS)])


async def permit_inside(backlog):
    permits = asyncio.Semaphore(5)

    async def worker():
        async with permits:
            await work()

    await asyncio.gather(*[create(backlog, worker()) for _ in range(TASKS)])


async def permit_before(backlog):
    permits, tasks = asyncio.Semaphore(5), []
    for _ in range(TASKS):
        await permits.acquire()
        task = create(backlog, work())
        task.add_done_callback(lambda _: permits.release())
        tasks.append(task)
    await asyncio.gather(*tasks)


async def bounded_queue(backlog):
    jobs = asyncio.Queue(5)

    async def consumer():
        while await jobs.get() is not None:
            backlog.done()
            await work()

    consumers = [asyncio.create_task(consumer()) for _ in range(3)]
    for number in range(TASKS):
        await jobs.put(number)
        backlog.made()
    for _ in consumers:
        await jobs.put(None)
    await asyncio.gather(*consumers)


async def batches(backlog):
    for _ in range(TASKS // 10):
        await asyncio.gather(*[create(backlog, work()) for _ in range(10)])


WAYS = {
    "wrong way": [all_at_once],
    "half a way": [permit_inside],
    "right ways": [permit_before, bounded_queue, batches],
}
for label, ways in WAYS.items():
    print(f"== {label}")
    for way in ways:
        backlog = Backlog()
        asyncio.run(way(backlog))
        print(f"{way.__name__.replace('_', ' ')}: peak backlog {backlog.peak} of {TASKS}")
