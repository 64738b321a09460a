#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: much of the same, concurrently; prints TAP.
exec python3 -B "$(dirname "$0")/torture.py" "$@"
