#!/bin/sh
# Nothing is built; ends with 77 where HAProxy or what sync.py needs is missing.
set -eu
PATH=$PATH:/usr/sbin command -v haproxy >/dev/null || { echo "no haproxy"; exit 77; }
/usr/bin/python3 -c 'import jwcrypto' || { echo "no python3-jwcrypto"; exit 77; }
