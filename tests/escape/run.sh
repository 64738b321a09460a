#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: hostile guests; prints TAP.
exec python3 -B "$(dirname "$0")/escape.py" "$@"
