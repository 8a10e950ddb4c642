"""Lesson 5: a consumer on a loop of its own, and the clients of another loop."""

import json
import threading


class Source:
    """Blocks until there is a message; its third poll fails, and takes nothing."""

    def __init__(self, *messages, wait=lambda: None):
        self.messages, self.wait, self.polls = list(messages), wait, 0

    def poll(self):
        self.polls += 1
        self.wait()
        if self.polls == 3:
            raise OSError("source away")
        return self.messages.pop(0) if self.messages else None


async def in_place(source):
    return source.poll()


async def offloaded(source):
    return await asyncio.to_thread(source.poll)


async def consume(source, poll, emit):
    while True:
        try:
            message = await poll(source)
            if message is None:
                print("the source is empty")
                return
            await emit(json.loads(message))
        except ValueError:
            print("error: malformed message")
        except OSError as error:
            print(f"error: {error}")
            await asyncio.sleep(0.02)  # backs off


async def neighbour(seen):
    print("the task beside has its turn")
    seen.set()


async def beside(poll, patience):
    seen = threading.Event()
    other = asyncio.create_task(neighbour(seen))
    await consume(Source(wait=lambda: seen.wait(patience)), poll, None)
    await other


class Server:
    """Its clients belong to the loop that makes it."""

    def __init__(self):
        self.clients = {}

    def connect(self, name):
        print(f"{name} connected")
        self.clients[name] = asyncio.Queue(10)

    async def emit(self, event, data):
        print(f"emit {event} {data}")
        for queue in self.clients.values():
            await queue.put(data)

    def disconnect(self, name):
        queue = self.clients.pop(name)
        got = [queue.get_nowait() for _ in range(queue.qsize())]
        print(f"{name} disconnected, got {got}")


async def serve(source):
    loop, server = asyncio.get_running_loop(), Server()
    server.connect("client a")
    server.connect("client b")

    async def emit(data):
        """Called on the consumer's loop; runs on this one."""
        sent = asyncio.run_coroutine_threadsafe(server.emit("item_added", data), loop)
        await asyncio.wrap_future(sent)

    await asyncio.to_thread(asyncio.run, consume(source, offloaded, emit))
    server.disconnect("client a")
    await server.emit("item_removed", 2)  # what client b sends
    server.disconnect("client b")
    print(f"{source.polls} polls")


print("== wrong way")
asyncio.run(beside(in_place, 0.05))
print("== offloaded way")
asyncio.run(beside(offloaded, 30))
print("== right way")
asyncio.run(serve(Source("1", "not json", "2", "3")))
