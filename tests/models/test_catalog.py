from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from workbench.errors import ModelNotFound
from workbench.models.catalog import Catalog, CatalogModel, full_name, load_catalog


def test_shipped_models_and_their_digests() -> None:
    catalog = load_catalog()
    assert {model.name: (model.size, model.digest[:8]) for model in catalog.model} == {
        "qwen2.5-coder:1.5b": (1_117_320_768, "cc324af0"),
        "qwen2.5-coder:0.5b": (491_400_064, "1d961463"),
        "all-minilm": (22_928_619 + 466_247, catalog.get("all-minilm").digest[:8]),
    }
    assert catalog.get("default").digest.endswith("bb046")
    assert catalog.get("light").digest.endswith("4ff32")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("default", "qwen2.5-coder:1.5b"),
        ("light", "qwen2.5-coder:0.5b"),
        ("embedding", "all-minilm"),
        ("all-minilm:latest", "all-minilm"),
        ("llama3.2:3b", "llama3.2:3b"),
    ],
)
def test_resolve(alias: str, name: str) -> None:
    assert load_catalog().resolve(alias) == name


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ModelNotFound, match=r"qwen2\.5-coder:0\.5b \(light\).*ollama pull llama9"):
        load_catalog().get("llama9")


def test_every_licence_text_ships() -> None:
    for model in load_catalog().model:
        assert model.license == "Apache-2.0"
        assert "Apache License\n                           Version 2.0" in model.license_text()


def test_parts_must_fill_the_file(tiny_model: CatalogModel) -> None:
    entry = tiny_model.model_dump()
    entry["files"][0]["size"] += 1
    with pytest.raises(ValidationError, match="do not add up"):
        Catalog.model_validate({"model": [entry]})


def test_unknown_keys_are_refused(tiny_model: CatalogModel) -> None:
    with pytest.raises(ValidationError, match="licence"):
        Catalog.model_validate({"model": [{**tiny_model.model_dump(), "licence": "MIT"}]})


def test_present_means_every_file_in_full(tiny_model: CatalogModel, tmp_path: Path) -> None:
    path = tiny_model.paths(tmp_path)[0]
    assert not tiny_model.is_present(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"half")
    assert not tiny_model.is_present(tmp_path)
    path.write_bytes(b"x" * tiny_model.size)
    assert tiny_model.is_present(tmp_path)


def test_full_name() -> None:
    assert full_name("all-minilm") == "all-minilm:latest"
    assert full_name("qwen:1b") == "qwen:1b"


def test_catalogue_can_be_another_file(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text("model = []")
    assert load_catalog(path).model == ()
