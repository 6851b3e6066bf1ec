#!/usr/bin/env bash
# Make Chromium available to the tests that look at the app's pages: use the one on PATH, or
# install Debian's when this is root. Otherwise say what will be left out; on a build server
# (CI set) leaving tests out is a failure.
set -euo pipefail

found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if found >/dev/null; then exit 0; fi

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo 'Installing Chromium for the page tests'
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; then
        if found >/dev/null; then exit 0; fi
    fi
fi

echo '*** No Chromium here: the tests in tests/app that open real pages are LEFT OUT. ***' >&2
echo '*** Install it (Debian: apt-get install chromium) and run again.                ***' >&2
[ -z "${CI:-}" ]
