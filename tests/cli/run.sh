#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: the command as its users meet it; prints TAP.
exec python3 -B "$(dirname "$0")/cli.py" "$@"
