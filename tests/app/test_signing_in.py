from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import expect, sync_playwright
from streamlit import config as streamlit_config

from scripts.fake_app import open_fake
from scripts.screenshots import FLAGS, free_port, served_by
from tests.app.conftest import FILES, MakeWorkbench, OpenPage, page_html, words
from workbench.config import ActorConfig, Config

pytestmark = pytest.mark.app

CONFIG = Config(
    actors={
        "ann@example.org": ActorConfig(role="viewer", labels=("internal",)),
        "local": ActorConfig(role="admin", labels=("*",)),
    }
)


class Person:
    """What Streamlit tells of whoever looks at a page."""

    def __init__(self, **claims: object) -> None:
        self.is_logged_in = bool(claims)
        self._claims = claims

    def to_dict(self) -> dict[str, object]:
        return self._claims


def someone(email: str = "ann@example.org", *, hours_ago: float = 0) -> Person:
    return Person(email=email, email_verified=True, iat=time.time() - hours_ago * 3_600)


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("signing_in")
    monkeypatch.setattr(module, "is_configured", lambda: True)


def test_nobody_sees_a_page_before_signing_in(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(config=CONFIG)
    monkeypatch.setattr(st, "user", Person())
    app = open_page()
    assert not app.exception
    assert "Sign in to see the documents" in words(app)
    assert app.button(key="login").label == "Sign in"
    assert "documents</div>" not in page_html(app)


def test_who_is_known_sees_pages_in_the_own_role(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench = use(config=CONFIG)
    monkeypatch.setattr(st, "user", someone())
    app = open_page()
    assert not app.exception
    assert f"<b>{len(FILES)}</b>documents" in page_html(app)
    assert "Signed in as ann@example.org" in page_html(app)
    assert app.button(key="sign_out").label == "Sign out"
    rows = workbench.session("local").sql("SELECT DISTINCT actor, role FROM runs").df()
    assert ("ann@example.org", "viewer") in set(map(tuple, rows.to_numpy()))


def test_who_is_not_known_is_refused_in_words(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(config=CONFIG)
    monkeypatch.setattr(st, "user", someone("eve@example.org"))
    app = open_page()
    assert not app.exception
    assert "nobody has given you access" in page_html(app)
    assert "documents</div>" not in page_html(app)
    assert app.button(key="sign_out")


def test_a_sign_in_that_ended_is_told(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(config=CONFIG)
    monkeypatch.setattr(st, "user", someone())
    app = open_page()
    monkeypatch.setattr(st, "user", someone(hours_ago=13))
    app.run()
    assert not app.exception
    assert "Your sign-in has ended" in words(app)
    assert app.button(key="login").label == "Sign in again"
    assert "documents</div>" not in page_html(app)


def test_another_person_finds_nothing_of_the_one_before(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = ActorConfig(role="viewer", labels=("other",))
    use(config=Config(actors={**CONFIG.actors, "bob@example.org": bob}))
    monkeypatch.setattr(st, "user", someone())
    app = open_page()
    app.session_state["asked"] = ["a question of Ann's"]
    monkeypatch.setattr(st, "user", someone("bob@example.org"))
    app.run()
    assert not app.exception
    assert "asked" not in app.session_state
    assert app.header[0].value == "This workspace is empty"


def test_without_sign_in_other_machines_are_refused(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("signing_in"), "is_configured", lambda: False)
    streamlit_config.set_option("server.address", "0.0.0.0")  # noqa: S104 -- what is refused
    use()
    app = open_page()
    assert not app.exception
    assert "open to this machine only" in page_html(app)
    assert "documents</div>" not in page_html(app)


@pytest.fixture
def provider() -> Iterator[str]:
    """An OpenID Connect provider that knows Ann and Eve."""
    people = [
        User(sub=name, claims={"email": f"{name}@example.org", "email_verified": True})
        for name in ("ann", "eve")
    ]
    with run_server_in_thread(user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


# The provider, oidc-provider-mock, uses what Authlib deprecates; a warning ends its replies.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_people_sign_in_with_a_provider(chromium: str, provider: str, tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "leave.md").write_text(FILES["leave.md"], encoding="utf-8")
    workbench = open_fake(folder)
    assert not workbench.session().ingest(tmp_path / "leave.md").failed
    workbench.close()
    (folder / "workbench.toml").write_text(
        '[actors."ann@example.org"]\nrole = "viewer"\nlabels = ["internal"]\n', encoding="utf-8"
    )
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\n'
        f'cookie_secret = "{"k" * 32}"\nclient_id = "workbench"\nclient_secret = "secret"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    command = [
        sys.executable,
        "-m",
        "scripts.fake_app",
        str(folder),
        "--secrets.files",
        str(secrets),
    ]
    with served_by(command, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        for name, told in (
            ("ann", "Signed in as ann@example.org"),
            ("eve", "nobody has given you access"),
        ):
            page = browser.new_context().new_page()
            page.set_default_timeout(60_000)
            page.goto(f"http://localhost:{port}/library")
            page.get_by_role("button", name="Sign in").click()
            page.locator("input[name=sub]").fill(name)
            page.get_by_role("button", name="Authorize").click()
            expect(page.get_by_text(told)).to_be_visible(timeout=60_000)
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("heading", name="End Session").wait_for()
            page.goto(f"http://localhost:{port}/library")
            expect(page.get_by_text("Sign in to see the documents")).to_be_visible(timeout=60_000)
            page.context.close()
        browser.close()
