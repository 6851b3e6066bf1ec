"""How a masking report and a preview look and convert."""

from __future__ import annotations

from workbench.results.masking import MaskedType, MaskingFinding, MaskingPreview, MaskingReport

REPORT = MaskingReport(
    (
        MaskedType("internal", "PERSON", "mask", 1_234, 7),
        MaskedType("staff", "EMAIL_ADDRESS", "hash", 2, 1),
    ),
    9,
    "run",
)
TEXT = "Ask <b>Ann</b> at ann@example.org."
PREVIEW = MaskingPreview(
    TEXT,
    "internal",
    (
        MaskingFinding(7, 10, "PERSON", 0.85, "mask"),
        MaskingFinding(18, 33, "EMAIL_ADDRESS", 0.99, "drop"),
    ),
    "run",
)


def test_a_report_counts() -> None:
    assert REPORT.values == 1_236
    assert REPORT.df().to_dict("list") == {
        "label": ["internal", "staff"],
        "type": ["PERSON", "EMAIL_ADDRESS"],
        "treatment": ["mask", "hash"],
        "values": [1_234, 2],
        "documents": [7, 1],
    }
    assert REPORT.arrow().num_rows == 2
    assert REPORT.to_dict()["values"] == 1_236
    assert "1,236 values masked in 9 documents" in str(REPORT)
    assert "EMAIL_ADDRESS" in REPORT._repr_html_()


def test_a_preview_marks_the_values_and_escapes_the_text() -> None:
    shown = PREVIEW._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert shown.count("<mark") == 2
    assert shown.index("PERSON") < shown.index("EMAIL_ADDRESS")
    assert PREVIEW.df()["value"].tolist() == ["Ann", "ann@example.org"]
    assert PREVIEW.arrow().column("score").to_pylist() == [0.85, 0.99]
    assert PREVIEW.to_dict()["findings"][0]["value"] == "Ann"
    assert "ann@example.org" in str(PREVIEW)


def test_a_preview_that_is_logged_by_its_repr_gives_nothing_away() -> None:
    assert "Ann" not in repr(PREVIEW)
    assert "ann@" not in repr(PREVIEW)


def test_a_long_text_is_shown_in_part() -> None:
    preview = MaskingPreview("word " * 10_000, "internal", (), "run")
    assert len(preview._repr_html_()) < 25_000
    assert "0 values would be masked" in preview._repr_html_()
