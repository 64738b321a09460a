#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD_DIR [--soak] [PATTERN...]: -v folders used by the host and a sandbox at once; prints TAP.
exec python3 -B "$(dirname "$0")/share.py" "$@"
