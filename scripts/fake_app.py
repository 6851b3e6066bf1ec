"""Serve the app over a workspace with the fake model: instant, for tests of pages in a browser.

``python -m scripts.fake_app WORKSPACE [STREAMLIT OPTION ...] PORT``. Masks by patterns alone; all
else is as in ``workbench app``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from streamlit.web import cli

import workbench
from workbench.config import CONFIG_FILE, load_config
from workbench.masking.detection import Patterns
from workbench.masking.masker import Masker
from workbench.masking.recognizers import RECOGNIZERS
from workbench.models.fake import FakeServer, extract
from workbench.models.governed import Models
from workbench.models.messages import ChatRequest
from workbench.store.corpus import Corpus
from workbench.workbench import Workbench

HOME = Path(__file__).resolve().parent.parent / "app" / "Home.py"


def reply(request: ChatRequest) -> str:
    """Finds every passage relevant, and quotes the sentence that shares most words."""
    return "yes" if request.schema is None else extract(request)


def open_fake(folder: str | Path) -> Workbench:
    """A workbench over ``folder`` that needs no models."""
    path = Path(folder)
    config = load_config(path / CONFIG_FILE, {})
    register = Corpus(path).placeholders
    masker = Masker(config.masking, register, key=bytes(32), detectors=[Patterns(RECOGNIZERS)])
    return Workbench(
        path,
        config,
        {},
        connect_models=lambda cache: Models(FakeServer(reply), config.models, cache),
        masker=masker,
    )


def main() -> None:
    """Serve until interrupted."""
    workspace, *options, port = sys.argv[1:]
    os.environ["WORKBENCH_WORKSPACE"] = str(Path(workspace).resolve())
    workbench.open_workbench = open_fake
    os.chdir(HOME.parent)
    sys.argv = ["streamlit", "run", HOME.name, "--server.port", port, *options]
    cli.main()


if __name__ == "__main__":
    main()
