"""The house rules that a linter does not know, checked on every file of the repository."""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import inspect
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench
from workbench import errors

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 6
MAX_IMPORT_S = 0.5
HEAVY = (
    "duckdb",
    "llama_index",
    "onnxruntime",
    "pandas",
    "presidio_analyzer",
    "spacy",
    "streamlit",
)
BANNED_CLASS = re.compile(r"(Manager|Helper|Service|Engine|Base|Utils?)$")
BANNED_MODULES = {"utils", "util", "helpers", "common", "misc"}
REGISTRY = re.compile(r"\b(pypi|pythonhosted|npmjs|debian)\.(org|com|net)\b")
INDEX_OPTION = re.compile(r"--(?:extra-)?index-url[ =]|--find-links[ =]")
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:root|home|Users|work|tmp)/\w")

PUBLIC_NAMES = {
    "__version__",
    "Actor",
    "AllOf",
    "Answer",
    "AnyOf",
    "Chunk",
    "Citation",
    "Claim",
    "Config",
    "CorpusMap",
    "DEFAULT_LABEL",
    "Document",
    "Extraction",
    "Field",
    "FieldStatus",
    "Hit",
    "HitBatch",
    "Hits",
    "IngestReport",
    "LakeFiles",
    "MaskedDocument",
    "MaskingPreview",
    "MaskingReport",
    "Not",
    "Page",
    "PageBox",
    "ReaderDocuments",
    "Record",
    "RecordStatus",
    "Rows",
    "Scope",
    "Sentence",
    "Session",
    "SqlRows",
    "Summary",
    "SummaryProgress",
    "Support",
    "Table",
    "Themes",
    "Usage",
    "Where",
    "Workbench",
    "WorkbenchError",
    "load_config",
    "open_workbench",
}

# What touches no document, question or reply, and so needs no run.
WITHOUT_RUN = {
    "Corpus": {"close", "grants", "health", "ledger", "placeholders", "reply_cache"},
    "Grants": {"of"},
    "Models": {
        "address",
        "available",
        "close",
        "config",
        "digest",
        "digest_if_running",
        "is_embedded",
        "resolve",
    },
}


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


FILES = _files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
PACKAGE = [path for path in PYTHON if path.is_relative_to(ROOT / "workbench")]
SHIPPED = [path for path in PYTHON if not path.is_relative_to(ROOT / "tests")]


def _where(path: Path, node: ast.AST | None = None) -> str:
    line = f":{getattr(node, 'lineno', 1)}" if node is not None else ""
    return f"{path.relative_to(ROOT)}{line}"


def _nodes(paths: list[Path]) -> Iterator[tuple[Path, ast.AST]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def _functions(paths: list[Path]) -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, node in _nodes(paths):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield path, node


def _imported(node: ast.AST) -> list[str]:
    """The absolute modules that an import statement names."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [node.module or ""]
    return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a binary file


def test_files_are_found() -> None:
    assert ROOT / "workbench" / "values.py" in PACKAGE
    assert Path(__file__) in PYTHON


def test_files_are_short() -> None:
    lengths = {_where(path): len(_text(path).splitlines()) for path in PYTHON}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    too_long = [
        f"{_where(path, node)} {node.name}"
        for path, node in _functions(PYTHON)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]
    assert too_long == []


def test_functions_take_few_parameters() -> None:
    too_many = []
    for path, node in _functions(SHIPPED):
        spec = node.args
        names = [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
        if len([name for name in names if name not in {"self", "cls"}]) > MAX_PARAMETERS:
            too_many.append(f"{_where(path, node)} {node.name}")
    assert too_many == []


def test_names_say_what_a_thing_is() -> None:
    classes = [
        f"{_where(path, node)} {node.name}"
        for path, node in _nodes(PYTHON)
        if isinstance(node, ast.ClassDef) and BANNED_CLASS.search(node.name)
    ]
    modules = [_where(path) for path in PYTHON if path.stem in BANNED_MODULES]
    assert classes + modules == []


def test_nothing_is_left_undone() -> None:
    marks = re.compile(r"\b(TODO|FIXME)\b|raise NotImplementedError")
    assert [_where(path) for path in SHIPPED if marks.search(_text(path))] == []


def test_every_module_has_its_test() -> None:
    tests = [path.stem for path in PYTHON if path.name.startswith("test_")]
    untested = [
        _where(path)
        for path in PACKAGE
        if path.name != "__init__.py"
        and not any(path.stem.strip("_") in name.removeprefix("test_") for name in tests)
    ]
    assert untested == []


def test_files_name_no_registry_and_no_machine() -> None:
    found = []
    for path in FILES:
        if path.is_relative_to(ROOT / "data" / "sample"):
            continue  # other people's documents
        text = _text(path)
        for pattern in (REGISTRY, MACHINE_PATH):
            found += [f"{_where(path)} {match.group()}" for match in pattern.finditer(text)]
        if path.suffix in {".lock", ".toml", ".txt"} or path.name == "Makefile":
            found += [f"{_where(path)} {m.group()}" for m in INDEX_OPTION.finditer(text)]
        if path.suffix == ".lock" and "://" in text:
            found.append(f"{_where(path)} an address")
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_pins_with_hashes_and_without_torch(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
    names = [entry.split("==")[0] for entry in entries]
    assert "streamlit" in names
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert [name for name in names if name == "torch" or name.startswith("nvidia")] == []


def test_public_names_are_pinned() -> None:
    assert set(workbench.__all__) == PUBLIC_NAMES
    assert set(dir(workbench)) == PUBLIC_NAMES
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Corpuss'"):
        _ = workbench.Corpuss


def _cpu_and_modules(code: str) -> tuple[float, set[str]]:
    script = (
        "import json, sys, time\n"
        f"{code}\n"
        "print(json.dumps([time.process_time(), sorted(m.split('.')[0] for m in sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    cpu_s, modules = json.loads(done.stdout)
    return cpu_s, set(modules)


def test_import_is_quick_and_light() -> None:
    cpu_s, modules = _cpu_and_modules("import workbench")
    assert cpu_s < MAX_IMPORT_S
    assert modules.isdisjoint(HEAVY)


def test_public_names_load_no_heavy_library() -> None:
    _, modules = _cpu_and_modules(
        "import workbench\nfor name in workbench.__all__: getattr(workbench, name)"
    )
    assert modules.isdisjoint(HEAVY)


def _drawn_tree() -> dict[str, str]:
    """Class name -> parent's name, as the docstring of workbench.errors draws it."""
    above: list[str] = []
    parents: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"((?:│   |    )*)(?:[├└]── )?([A-Z]\w+)(?:\s|$)", line)
        if drawn is None or not ("──" in line or line == "WorkbenchError"):
            continue
        depth = 0 if line == "WorkbenchError" else len(drawn.group(1)) // 4 + 1
        above[depth:] = [drawn.group(2)]
        parents[drawn.group(2)] = above[depth - 1] if depth else "Exception"
    return parents


def test_error_tree_is_drawn_as_it_is() -> None:
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.WorkbenchError)
    }
    assert _drawn_tree() == real


def test_package_raises_only_its_own_errors() -> None:
    allowed = {name for name, _ in inspect.getmembers(errors, inspect.isclass)} | {
        "AttributeError",  # __getattr__ of a module
        "LookupError",  # an invariant of our own code is broken
        "RuntimeError",  # the same
        "SystemExit",
        "ValueError",  # how a Pydantic validator refuses
    }
    foreign = []
    for path, node in _nodes(PACKAGE):
        if isinstance(node, ast.Raise) and node.exc is not None:
            kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            raised = ast.unparse(kind)
            if hasattr(builtins, raised) and raised not in allowed:
                foreign.append(f"{_where(path, node)} {raised}")
    assert foreign == []


def test_imports_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    optional = [name for extra in extras if extra != "dev" for name in extras[extra]]
    named = [*project["dependencies"], *optional]
    declared = {re.split(r"[^\w.-]", name)[0].replace("_", "-").lower() for name in named}
    homes = importlib.metadata.packages_distributions()
    undeclared = []
    for path, node in _nodes([path for path in SHIPPED if "scripts" not in path.parts]):
        for module in _imported(node):
            top = module.split(".")[0]
            dists = {name.replace("_", "-").lower() for name in homes.get(top, [])}
            if dists and top != "workbench" and dists.isdisjoint(declared):
                undeclared.append(f"{_where(path, node)} {top}")
    assert undeclared == []


def _governed() -> list[type]:
    from workbench.models.governed import Models
    from workbench.store.access import Grants
    from workbench.store.answers import Answers
    from workbench.store.corpus import Corpus
    from workbench.store.extractions import Extractions
    from workbench.store.history import History
    from workbench.store.metrics import Counters
    from workbench.store.moving import Moving
    from workbench.store.nodes import Nodes
    from workbench.store.origins import Origins
    from workbench.store.queries import Queries
    from workbench.store.reembedding import Reembedding
    from workbench.store.subjects import Subjects

    return [
        Answers,
        Corpus,
        Extractions,
        Grants,
        History,
        Models,
        Moving,
        Nodes,
        Origins,
        Queries,
        Reembedding,
        Counters,
        Subjects,
    ]


def test_what_touches_data_requires_a_run() -> None:
    free = []
    for kind in _governed():
        for name, member in inspect.getmembers(kind):
            if name.startswith("_") or name in WITHOUT_RUN.get(kind.__name__, set()):
                continue
            if not callable(member):
                free.append(f"{kind.__name__}.{name} is no method")
                continue
            first = list(inspect.signature(member).parameters.values())[1:2]
            if [(p.name, p.default) for p in first] != [("run", inspect.Parameter.empty)]:
                free.append(f"{kind.__name__}.{name}")
    assert free == []


def test_app_and_notebooks_use_the_public_api() -> None:
    rooms = {"workbench", "workbench.errors", "workbench.results", "workbench.render"}
    reached = []
    for path, node in _nodes([path for path in PYTHON if path.is_relative_to(ROOT / "app")]):
        reached += [
            f"{_where(path, node)} {module}"
            for module in _imported(node)
            if module.split(".")[0] == "workbench" and module not in rooms
        ]
    for path in FILES:
        if path.suffix == ".ipynb":
            found = re.findall(r"(?:from|import) (workbench\.[\w.]+)", _text(path))
            reached += [f"{_where(path)} {module}" for module in found if module not in rooms]
    assert reached == []
