"""Lesson 20: a web handler that blocks the loop."""

import asyncio
import http.client
import json
import logging
import re
import threading
import time

begun = threading.Event()
is_done = False


class Report(logging.Handler):
    """What the debug mode of asyncio tells of the connection for `/`."""

    told = False

    def emit(self, record):
        if re.search(r"Executing <Task .*name='/'", record.getMessage()):
            Report.told = True
            print("-- told of / after its turn" if is_done else "-- told of / during its turn")


logging.getLogger("asyncio").addHandler(Report())
logging.getLogger("asyncio").propagate = False


def work():
    global is_done
    print("/ works")
    begun.set()
    time.sleep(0.2)
    is_done = True
    print("/ is done")


async def root():
    work()
    return {"message": "Hello World"}


async def health():
    return {"status": "ok"}


async def connection(reader, writer):
    request = await reader.readuntil(b"\r\n\r\n")
    asyncio.current_task().set_name(request.split()[1].decode())
    handler = {b"/": root, b"/health": health}[request.split()[1]]
    body = json.dumps(await handler()).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def get(port, path):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", path)
    return client


def read(path, client):
    answer = client.getresponse()
    print(f"{path} answered {answer.status}: {answer.read().decode()}")


def visitor(port):
    slow = get(port, "/")
    begun.wait(60)
    read("/health", get(port, "/health"))
    read("/", slow)


async def main():
    asyncio.get_running_loop().slow_callback_duration = 0.1
    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await asyncio.to_thread(visitor, port)


print("== wrong way")
asyncio.run(main(), debug=True)
print("reported:", "/" if Report.told else "no task")
