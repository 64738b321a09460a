#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/net/run.sh BUILD: streams that lead to the network outside.
exec python3 "$(dirname "$0")/net.py" "$1"
