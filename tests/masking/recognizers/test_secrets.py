"""Keys, tokens and passwords."""

from __future__ import annotations

import pytest

from workbench.masking.recognizers.secrets import SECRETS


def found(text: str) -> set[str]:
    return {text[s.start : s.end] for recognizer in SECRETS for s in recognizer.spans(text)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2", "ghp_a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2a1B2"),
        (
            "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        ),
        ("api_key = 'f3a9c27e51b84d06'", "f3a9c27e51b84d06"),
        ("Authorization: Bearer a8F3kd92LmQ07zXc", "a8F3kd92LmQ07zXc"),
        ("password: hunter2!x", "hunter2!x"),
        ("postgres://app:s3cretpw@db/prod", "s3cretpw"),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
        ),
    ],
)
def test_found(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Choose a password: at least twelve characters",
        "The API key is documentation",
        "eyJub3QiOiJqd3QifQ.abc.def",
        "an access token is required",
        "the bearer of the letter",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == set()
