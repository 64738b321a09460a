#!/bin/sh
# SPDX-License-Identifier: MIT
# windows.sh BUILD_DIR [--soak] [PATTERN...]: hostile Windows programs; prints TAP.
exec python3 -B "$(dirname "$0")/windows.py" "$@"
