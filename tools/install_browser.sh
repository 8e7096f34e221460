#!/bin/sh
# Debian's chromium for the browser tests. Where it cannot be installed the tests skip, saying so.
set -u
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing chromium for the browser tests"
    log=$(mktemp)
    if apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium >>"$log" 2>&1; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log"
    rm -f "$log"
fi
echo "chromium is not installed: browser tests will be skipped (Debian: apt-get install chromium)"
