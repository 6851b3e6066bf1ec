from __future__ import annotations

import pytest

from tests.app.conftest import QUESTION, MakeWorkbench, OpenPage, page_html, words
from workbench.config import ActorConfig, Config

pytestmark = pytest.mark.app

ACTORS = {
    "root": ActorConfig(role="admin", labels=("*",)),
    "vi": ActorConfig(role="viewer", labels=("internal",)),
}


def test_a_viewer_sees_the_own_activity_only(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    workbench = use(config=Config(actors=ACTORS))
    workbench.session("root").ask("When are badges made?")
    viewer = workbench.session("vi")
    viewer.feedback(viewer.ask(QUESTION).id, True, "Exact <b>words</b>.")
    app = open_page("activity")
    assert not app.exception
    html = page_html(app)
    assert "<b>1 of 1</b>judged answers helped" in html
    assert QUESTION in html
    assert "Exact &lt;b&gt;words&lt;/b&gt;." in html
    assert "badges made" not in html
    assert "root" not in html
    assert [header.value for header in app.header][-1] != "Audit"
    assert "whose" not in [control.key for control in app.segmented_control]


def test_an_admin_sees_everybody_and_checks_the_audit(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "root")
    workbench = use(config=Config(actors=ACTORS))
    viewer = workbench.session("vi")
    viewer.feedback(viewer.ask(QUESTION).id, False, "Old.")
    app = open_page("activity")
    assert not app.exception
    assert "<td>vi</td>" in page_html(app)
    app.button(key="verify").click().run()
    assert "lines are as they were written." in app.success[0].value
    app.segmented_control(key="whose").set_value("Mine").run()
    assert "<td>vi</td>" not in page_html(app)
    corpus = workbench.corpus
    corpus._database.write(
        lambda c: c.execute("UPDATE store.runs SET actor = 'x' WHERE actor = 'vi'")
    )
    app.button(key="verify").click().run()
    assert "was changed, added or removed" in app.error[0].value


def test_without_any_activity_the_next_step_is_told(
    use: MakeWorkbench, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ACTOR", "vi")
    use(empty=True, config=Config(actors=ACTORS))
    app = open_page("activity")
    assert not app.exception
    assert "Activity" in words(app)
