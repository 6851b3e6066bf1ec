from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from workbench.masking.uris import PrivateUris

URIS = PrivateUris(bytes(32))
UNDER = "file:///data/Ann%20Lee/2024/"


def hides(part: str) -> bool:
    return "Ann Lee" in part


def test_folders_that_give_a_name_away_are_hidden_and_the_rest_stays() -> None:
    shown = URIS.shown(f"{UNDER}plan.txt", hides)
    other = URIS.shown(f"{UNDER}plans/plan.txt", hides)
    folder, name = shown.removeprefix("file:///data/").split("/2024/")
    assert len(folder) == 16
    assert name.endswith(".txt")
    assert "plan" not in name
    # The same folder is the same everywhere, the same file name in another folder is not.
    assert other.startswith(f"file:///data/{folder}/2024/plans/")
    assert not other.endswith(name)
    assert PrivateUris(b"x" * 32).shown(f"{UNDER}plan.txt", hides) != shown


def test_what_lies_below_a_place_is_told_however_it_is_shown() -> None:
    for uri in (f"{UNDER}plan.txt", URIS.shown(f"{UNDER}plan.txt", hides)):
        assert URIS.is_below(uri, UNDER)
        assert URIS.is_below(uri, "file:///data/")
        assert not URIS.is_below(uri, "file:///data/Ann%20Lee/2023/")
        assert not URIS.is_below(uri, "file:///data/Bo/")
        assert not URIS.is_below(uri, f"{UNDER}plan.txt/")
    assert URIS.is_below("rows://people/7", "rows://people/")
    assert not URIS.is_below("rows://people-2/7", "rows://people/")


def test_a_file_is_found_again_in_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "Ann Lee" / "2024" / "mail of Ann Lee.txt"
    file.parent.mkdir(parents=True)
    file.write_text("x")

    def inside(uri: str) -> list[str]:
        return [child.as_uri() for child in Path(unquote(urlsplit(uri).path)).iterdir()]

    shown = URIS.shown(file.as_uri(), hides)
    assert "Ann" not in shown
    assert URIS.found(shown, inside) == file.as_uri()
    assert URIS.found(file.as_uri(), inside) == file.as_uri()
    file.unlink()
    assert URIS.found(shown, inside).endswith(shown.rpartition("/")[2])
