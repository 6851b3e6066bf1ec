#!/usr/bin/env bash
# Compile pyproject.toml into the two locks: what Workbench runs on, and the tools around it.
# Every package is pinned with the hashes of all its files, for every platform and Python that
# pyproject.toml allows. No index address is written: each machine uses its own.
#
# Pins that still fit are kept; `scripts/lock.sh --upgrade` takes the newest of everything.
set -euo pipefail
upgrade=("$@")
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --quiet pyproject.toml \
        --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "${upgrade[@]}" "$@"
}

compile --group build --output-file requirements.lock
compile --group build --extra dev --extra bench --constraint requirements.lock \
    --output-file requirements-dev.lock

if grep -n '://' requirements.lock requirements-dev.lock; then
    echo 'A lock names an address; it must not.' >&2
    exit 1
fi
if grep -niE '^(torch|nvidia-)' requirements.lock requirements-dev.lock; then
    echo 'A lock pulls in torch; Workbench does without.' >&2
    exit 1
fi
