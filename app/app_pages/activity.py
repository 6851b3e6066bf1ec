"""What was done, how fast, and what people thought of it; the audit for admins."""

from __future__ import annotations

import reading
import streamlit as st
import widgets
import workspace

from workbench.results import Activity

_SPANS = {"7 days": 7, "30 days": 30, "A year": 365}
_MINE, _EVERYBODY = "Mine", "Everybody's"
_ACTIONS = {
    "access": "Access changed",
    "ask": "Questions and summaries",
    "audit": "Audit checked",
    "evaluate": "Quality measured",
    "extract": "Tables extracted",
    "feedback": "Answers judged",
    "forget": "People forgotten",
    "ingest": "Documents added",
    "masking": "Masking checked",
    "metrics": "Activity looked at",
    "migrate": "Vectors moved",
    "original": "Original pages seen",
    "read": "Documents read",
    "reembed": "Documents indexed anew",
    "remove": "Documents removed",
    "reveal": "Masked values revealed",
    "review": "Values checked",
    "rollback": "Went back to a snapshot",
    "search": "Searches",
    "snapshot": "Snapshots named",
    "sql": "Queries",
    "vault": "Vault key changed",
}
_OUTCOMES = {"done": "done", "denied": "not allowed", "failed": "failed"}


def main() -> None:
    """The page."""
    widgets.show_title("Activity")
    session = workspace.session()
    with st.container(horizontal=True, gap="large"):
        span = st.segmented_control(
            "Time", list(_SPANS), default="30 days", required=True, key="span", width="content"
        )
        whose = _MINE
        if session.may_audit:
            whose = st.segmented_control(
                "Whose",
                (_MINE, _EVERYBODY),
                default=_EVERYBODY,
                required=True,
                key="whose",
                width="content",
            )
    activity = session.activity(
        days=_SPANS[span or "30 days"], everybody=session.may_audit and whose == _EVERYBODY
    )
    if not activity.runs:
        st.text("Nothing was done in this time. Ask a question, and it shows up here.")
    else:
        _show_counts(activity)
        if len(activity.days) > 1:
            _show_days(activity)
        _show_actions(activity)
        _show_judgements(activity)
        _show_latest(activity)
    if session.may_audit:
        _show_audit()


def _show_counts(activity: Activity) -> None:
    share = activity.cache_hit_share
    good = sum(judgement.good for judgement in activity.judgements)
    judged = len(activity.judgements)
    cells = [
        (f"{activity.runs:,}", "actions"),
        (f"{activity.tokens:,}", "word parts used by models"),
        ("none yet" if share is None else f"{share:.0%}", "replies known from before"),
        (f"{good} of {judged}" if judged else "none yet", "judged answers helped"),
    ]
    inner = "".join(f"<div><b>{count}</b>{words}</div>" for count, words in cells)
    st.html(f'<div class="wb-counts">{inner}</div>')


def _show_days(activity: Activity) -> None:
    st.header("Day by day", anchor=False)
    rows = {"Day": [day.day for day in activity.days], "Actions": [d.runs for d in activity.days]}
    st.bar_chart(rows, x="Day", y="Actions", x_label="", height=200)


def _show_actions(activity: Activity) -> None:
    st.header("What was done, and how long it took", anchor=False)
    rows = [
        (
            _ACTIONS.get(action.action, action.action),
            f"{action.runs:,}",
            _seconds(action.seconds_p50),
            _seconds(action.seconds_p95),
            f"{action.denied + action.failed:,}" if action.denied + action.failed else "",
        )
        for action in sorted(activity.actions, key=lambda action: -action.runs)
    ]
    headings = ("", "Times", "Usually", "19 of 20 within", "Not done")
    st.html(reading.table_html(headings, rows))


def _show_judgements(activity: Activity) -> None:
    if not activity.judgements:
        return
    st.header("What people thought of answers", anchor=False)
    rows = [
        (
            "helped" if one.good else "did not help",
            reading.clipped(one.question, 120),
            one.reason,
            *((one.actor,) if activity.everybody else ()),
            reading.moment(one.created_at),
        )
        for one in activity.judgements
    ]
    who = ("Who",) if activity.everybody else ()
    st.html(reading.table_html(("", "Question", "Why", *who, "When"), rows))


def _show_latest(activity: Activity) -> None:
    with st.expander("The latest, one by one", icon=":material/history:"):
        rows = [
            (
                reading.moment(step.started_at),
                *((step.actor,) if activity.everybody else ()),
                _ACTIONS.get(step.action, step.action),
                step.resource,
                _OUTCOMES.get(step.outcome, step.outcome),
                _seconds(step.seconds),
            )
            for step in activity.latest
        ]
        who = ("Who",) if activity.everybody else ()
        st.html(reading.table_html(("When", *who, "What", "On", "Outcome", "Took"), rows))


def _show_audit() -> None:
    st.header("Audit", anchor=False)
    st.html(
        '<p class="wb-muted">Every action leaves a line that nobody can change unseen. '
        "Check that none was changed, moved or taken away.</p>"
    )
    session = workspace.session()
    with st.container(horizontal=True, gap="small"):
        check = st.button("Check the audit", icon=":material/verified_user:", key="verify")
        st.download_button(
            "Download it (CSV)",
            lambda: session.export_audit().df().to_csv(index=False),
            file_name="audit.csv",
            mime="text/csv",
            icon=":material/download:",
            key="export",
            on_click="ignore",
        )
    if not check:
        return
    found = session.verify_audit()
    if found.intact:
        st.success(
            f"All {found.rows:,} lines are as they were written.", icon=":material/check_circle:"
        )
        st.html(
            '<p class="wb-muted wb-small">Keep this mark elsewhere to compare it later: '
            f"<code>{found.head}</code></p>"
        )
    else:
        st.error(
            f"Line {found.first_broken:,} was changed, added or removed. Keep the file as it is, "
            "and compare it with a backup.",
            icon=":material/error:",
        )


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


main()
