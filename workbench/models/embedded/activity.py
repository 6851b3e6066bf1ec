"""Notices when nobody has used the server for a while, and lets only key holders in."""

from __future__ import annotations

import hmac
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from workbench.models.embedded.replies import error_response


class Activity:
    """Requests under way, and since when there were none."""

    def __init__(self) -> None:
        self._active = 0
        self._idle_since_s = time.monotonic()

    def begin(self) -> None:
        """A request has come."""
        self._active += 1

    def end(self) -> None:
        """A request is over, however it ended."""
        self._active -= 1
        self._idle_since_s = time.monotonic()

    @property
    def idle_s(self) -> float:
        """Seconds without any request; 0 while one is under way."""
        return 0.0 if self._active else time.monotonic() - self._idle_since_s


class Watched:
    """ASGI middleware that reports each request to an ``Activity``."""

    def __init__(self, app: ASGIApp, activity: Activity) -> None:
        self._app = app
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on (ASGI)."""
        # Looking whether the server is up must not keep it up.
        if scope["type"] != "http" or scope["path"] == "/api/version":
            await self._app(scope, receive, send)
            return
        self._activity.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            self._activity.end()


class KeyRequired:
    """ASGI middleware that answers 401 without ``Authorization: Bearer <key>``."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it carries the key (ASGI)."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await error_response(401, "unauthorized")(scope, receive, send)
                return
        await self._app(scope, receive, send)
