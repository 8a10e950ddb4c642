"""Lesson 21: the blocking work, offloaded."""

import asyncio
import http.client
import json
import threading
import time

begun = threading.Event()
answered = threading.Event()


def work():
    print("/ works")
    begun.set()
    time.sleep(0.2)
    answered.wait(30)
    print("/ is done")


async def root():
    await asyncio.get_running_loop().run_in_executor(None, work)
    return {"message": "Hello World"}


async def health():
    return {"status": "ok"}


async def connection(reader, writer):
    request = await reader.readuntil(b"\r\n\r\n")
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
    answered.set()
    read("/", slow)


async def main():
    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await asyncio.to_thread(visitor, port)


print("== right way")
asyncio.run(main())
