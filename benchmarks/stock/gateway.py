"""The stock gateway: aiohttp takes a push, aiokafka sends its body as one message, then comes the answer."""

import os
from collections.abc import AsyncIterator

import orjson
import uvloop
from aiohttp import web
from aiokafka import AIOKafkaProducer

PRODUCER = web.AppKey("producer", AIOKafkaProducer)
PUSHKEY = os.environ["STOCK_PUSHKEY"]
TOPIC = os.environ["STOCK_TOPIC"]


async def push(request: web.Request) -> web.Response:
    """Accept one JSON object or array; answer once Kafka has acknowledged it."""
    if request.query.get("pushkey") != PUSHKEY:
        return web.json_response({"status": "error", "error": "wrong pushkey"}, status=401)
    body = await request.read()
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return web.json_response({"status": "error", "error": str(error)}, status=400)
    headers = [("dataset", request.match_info["dataset"].encode())]
    await request.app[PRODUCER].send_and_wait(TOPIC, body, headers=headers)
    return web.json_response({"status": "ok"})


async def producer(app: web.Application) -> AsyncIterator[None]:
    """Keep one producer for the life of the application."""
    app[PRODUCER] = AIOKafkaProducer(
        bootstrap_servers=os.environ["STOCK_KAFKA"], acks="all", enable_idempotence=True
    )
    await app[PRODUCER].start()
    yield
    await app[PRODUCER].stop()


def main() -> None:
    """Serve until told to stop."""
    app = web.Application(client_max_size=5 * 1024 * 1024)
    app.router.add_post("/api/push/1.0/{dataset}/realtime/push/", push)
    app.cleanup_ctx.append(producer)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=int(os.environ["STOCK_PORT"]), print=None, access_log=None)


if __name__ == "__main__":
    main()
