"""Who is there outside of the stack?  Servers that keep what they are sent, and one that gives answers."""

import json
import threading
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

from headwater.embedded.ports import free_ports


class Mailbox:
    """A real SMTP server on a port of its own; `messages` are what came in, in order."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_ports(1)[0])

    @property
    def host(self) -> str:
        return self._controller.hostname

    @property
    def port(self) -> int:
        return self._controller.port

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd calls it
        """Keep a message."""
        self.messages.append(BytesParser(EmailMessage, policy=default).parsebytes(envelope.content))
        return "250 OK"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class Hook:
    """A real HTTP server; `posted` are the JSON bodies that came in, in order."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - theirs
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/silence"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Site:
    """A real HTTP server, down as long as nobody says that it `is_up`: every answer is 503 then.

    Under /geocoder/search it knows the `places` (latitude, longitude) by address, and says so as the French
    geocoder does; `asked` are the addresses in the order of the questions. Under /files/ are `files` by name,
    with their types.
    """

    def __init__(self) -> None:
        self.is_up = False
        self.places: dict[str, tuple[float, float]] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content_type, content = site.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - theirs
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, target: str) -> tuple[int, str, bytes]:
        """Return status, type and content for the target of a request."""
        parts = urlsplit(target)
        if parts.path == "/geocoder/search":
            [address] = parse_qs(parts.query)["q"]
            self.asked.append(address)
            if self.is_up:
                return 200, "application/json", json.dumps(self._found(address)).encode()
        name = parts.path.removeprefix("/files/")
        if not self.is_up:
            return 503, "text/plain", b"not now"
        return (200, *self.files[name]) if name in self.files else (404, "text/plain", b"nothing here")

    def _found(self, address: str) -> Mapping[str, Any]:
        features = []
        if address in self.places:
            lat, lon = self.places[address]
            geometry = {"type": "Point", "coordinates": [lon, lat]}
            properties = {"label": address, "score": 0.9, "type": "housenumber"}
            features.append({"type": "Feature", "geometry": geometry, "properties": properties})
        return {"type": "FeatureCollection", "features": features, "query": address, "limit": 1}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
