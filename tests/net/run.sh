#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/net/run.sh BUILD: streams that lead to the network outside, and the sockets of Linux programs on them.
here=$(dirname "$0") bad=0
python3 "$here/net.py" "$1" || bad=1
python3 "$here/linux.py" "$1" || bad=1
python3 "$here/relay.py" "$1" || bad=1
# All of it once more, with every stream relayed.
NET_TEST_PCAP=1 python3 "$here/net.py" "$1" clients waitsets servers datagrams names || bad=1
NET_TEST_PCAP=1 python3 "$here/linux.py" "$1" || bad=1
exit $bad
