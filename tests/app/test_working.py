from __future__ import annotations

import importlib
import threading
from typing import Any

import pytest

from workbench.errors import UsageError

pytestmark = pytest.mark.app


@pytest.fixture
def working() -> Any:
    return importlib.import_module("working")


def test_a_job_ends_with_its_result(working: Any) -> None:
    job = working.Job("Counting", lambda job: [job.tell(0.5, "two"), 3][1]).start()
    job.wait(10)
    assert (job.result, job.error, job.running, job.stopped) == (3, None, False, False)
    assert (job.share, job.words) == (0.5, "two")


def test_a_stop_takes_effect_where_the_work_tells(working: Any) -> None:
    began, go_on = threading.Event(), threading.Event()
    reached: list[str] = []

    def work(job: Any) -> int:
        job.tell(0.1)
        began.set()
        assert go_on.wait(10)
        job.tell(0.2)
        reached.append("further")
        return 1

    job = working.Job("Counting", work).start()
    assert began.wait(10)
    job.stop()
    assert not job.running
    go_on.set()
    job.wait(10)
    assert (job.stopped, job.result, job.error, reached) == (True, None, None, [])


def test_errors_are_kept_and_foreign_ones_tell_their_class_only(
    working: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(job: Any) -> None:
        raise UsageError("this is wrong", next_step="Mend it.")

    def break_down(job: Any) -> None:
        raise ValueError("the secret is 1234")

    refused = working.Job("Counting", refuse).start()
    broken = working.Job("Counting", break_down).start()
    refused.wait(10)
    broken.wait(10)
    assert isinstance(refused.error, UsageError)
    assert "ValueError" in str(broken.error)
    assert "1234" not in str(broken.error) + caplog.text
