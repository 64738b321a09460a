#!/bin/sh
# needs: getent
# covers: /etc/hosts inside knows the sandbox's name; programs change it as any file
name() { getent hosts "$(uname -n)" > /dev/null || [ "$(cat /proc/1/comm)" != bailey-init ]; }
name && echo known
grep -c '^127.0.0.1[[:space:]]*localhost' /etc/hosts
find /etc -maxdepth 1 -name hosts
