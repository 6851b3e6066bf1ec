"""The server as a process: one per home, on loopback, gone when idle."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from filelock import Timeout
from starlette.applications import Starlette

from workbench import __version__
from workbench.errors import ModelUnavailable
from workbench.models.catalog import load_catalog
from workbench.models.embedded.activity import Activity
from workbench.models.embedded.app import ServerParts, build_app
from workbench.models.embedded.residents import Residents
from workbench.models.embedded.state import (
    ServerState,
    remove_state,
    server_lock,
    write_state,
)
from workbench.models.wheels import PipFetcher

_LOOPBACK = "127.0.0.1"
_LOCK_WAIT_S = 1
_TICK_S = 0.5
_SHUTDOWN_S = 2


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Where to keep files, which port to bind (0: any free one), when to stop."""

    home: Path
    port: int = 0
    idle_stop_s: float = 900


def serve(options: ServeOptions) -> None:
    """Run the server until it is idle for long enough or gets SIGINT or SIGTERM.

    Raises:
        ModelUnavailable: if this home already has a server, or the port is taken.
    """
    lock = server_lock(options.home)
    try:
        # A client that looks whether a server lives holds the lock for a moment.
        lock.acquire(timeout=_LOCK_WAIT_S)
    except Timeout as error:
        raise ModelUnavailable(
            "an embedded server is already running",
            value=options.home,
            next_step="Use that one: `workbench models status` shows it.",
        ) from error
    # What a killed server left behind would from now on look alive.
    remove_state(options.home)
    with lock, _bound(options.port) as listening:
        _serve_on(listening, options)


def _serve_on(listening: socket.socket, options: ServeOptions) -> None:
    port = listening.getsockname()[1]
    key = secrets.token_urlsafe(32)
    state = ServerState(f"http://{_LOOPBACK}:{port}", key, os.getpid(), __version__)
    residents = Residents(options.home / "models")
    activity = Activity()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        upkeep = asyncio.create_task(_upkeep(server, residents, activity, options.idle_stop_s))
        write_state(options.home, state)
        try:
            yield
        finally:
            upkeep.cancel()
            remove_state(options.home)
            await residents.close()

    parts = ServerParts(
        catalog=load_catalog(),
        models=options.home / "models",
        residents=residents,
        fetcher=PipFetcher(os.environ),
        version=__version__,
        key=key,
    )
    config = uvicorn.Config(
        build_app(parts, activity, lifespan),
        access_log=False,
        log_level="warning",
        ws="none",
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_SHUTDOWN_S,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listening])


async def _upkeep(
    server: uvicorn.Server, residents: Residents, activity: Activity, idle_stop_s: float
) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        await residents.unload_expired()
        if activity.idle_s >= idle_stop_s:
            server.should_exit = True


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_LOOPBACK, port))
    except OSError as error:
        listening.close()
        raise ModelUnavailable(
            "the port cannot be used",
            value=f"{port}: {error.strerror}",
            next_step="Choose another one with --port, or leave it out for any free port.",
        ) from error
    listening.listen()
    return listening
