#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: sudden deaths, low limits, stops and freezes; prints TAP.
python3 -B "$(dirname "$0")/death.py" "$@"
first=$?
python3 -B "$(dirname "$0")/leaks.py" "$@" && exit $first
