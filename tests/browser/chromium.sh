#!/usr/bin/env bash
# Debian's chromium and its driver, for the tests that look at the report as a reader does; installed where this is root.
set -euo pipefail
if command -v chromium > /dev/null && command -v chromedriver > /dev/null; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "error: the browser tests need chromium and chromedriver; on Debian: apt-get install chromium chromium-driver" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver > /dev/null; }; then
  echo "error: apt could not install chromium and chromium-driver, so the report was not tested in a browser" >&2
  exit 1
fi
