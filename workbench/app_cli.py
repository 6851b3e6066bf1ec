"""The command that serves the app."""

from __future__ import annotations

import os
import sys
import tomllib
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from workbench.errors import ConfigError, UsageError

SECRETS = Path(".streamlit", "secrets.toml")


def serve_app(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Where to listen; beyond this machine only with sign-in.")
    ] = "127.0.0.1",
    host: Annotated[
        list[str] | None, typer.Option(help="A name under which others reach it; repeatable.")
    ] = None,
) -> None:
    """Serve the app: for one person on this machine, or for all who may sign in.

    Sign-in is configured in .streamlit/secrets.toml of the workspace, section [auth].
    """
    package = Path(__file__).resolve().parent
    # In a checkout the app lies beside the package, in a wheel inside it.
    homes = [folder / "app" / "Home.py" for folder in (package.parent, package)]
    home = next((file for file in homes if file.exists()), None)
    if home is None or find_spec("streamlit") is None:
        raise ConfigError("the app is not installed", next_step="Run `make setup` in a checkout.")
    workspace, actor = context.obj
    secrets = sign_in_secrets(workspace.resolve())
    if secrets is None and not is_loopback(address):
        raise UsageError(
            "without sign-in the app is served on this machine only",
            value=address,
            next_step=f"Put a section [auth] into {SECRETS} of the workspace, or leave it out.",
        )
    env = {
        **os.environ,
        "WORKBENCH_WORKSPACE": str(workspace.resolve()),
        "WORKBENCH_ACTOR": actor,
    }
    command = [sys.executable, "-m", "streamlit", "run", str(home)]
    command += ["--server.address", address, "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    for name in host or ():
        command += ["--server.allowedHosts", name]
    if secrets is not None:
        command += ["--secrets.files", str(secrets)]
    os.chdir(home.parent)
    # Replacing this process lets a signal to it reach the app.
    os.execve(sys.executable, command, env)  # noqa: S606


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def sign_in_secrets(workspace: Path) -> Path | None:
    """The workspace's file that configures sign-in, if there is one.

    Raises:
        ConfigError: if it is not TOML, or what signs people in is not installed.
    """
    path = workspace / SECRETS
    if not path.exists():
        return None
    try:
        configured = "auth" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the sign-in settings cannot be read",
            value=f"{SECRETS}: {type(error).__name__}",
            next_step="Correct the file, or take it away.",
        ) from error
    if configured and find_spec("authlib") is None:
        raise ConfigError(
            "what signs people in is not installed",
            value="Authlib",
            next_step="Install the extra `signin`.",
        )
    return path if configured else None
