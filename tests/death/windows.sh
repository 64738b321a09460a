#!/bin/sh
# SPDX-License-Identifier: MIT
# windows.sh BUILD_DIR [--soak] [PATTERN...]: sudden deaths of Windows processes; prints TAP.
exec python3 -B "$(dirname "$0")/windows.py" "$@"
