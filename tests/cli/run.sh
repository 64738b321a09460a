#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: the command as its users meet it; prints TAP.
python3 -B "$(dirname "$0")/cli.py" "$@"
first=$?
python3 -B "$(dirname "$0")/outside.py" "$@" && exit $first
