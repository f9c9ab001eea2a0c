#!/bin/sh
# Ends with 77 where a network namespace cannot be made, or nftables cannot be used in it.
set -eu
for program in ip nft curl setpriv; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
PATH=$PATH:/usr/sbin unshare --net nft list ruleset >/dev/null 2>&1 ||
  { echo "no network namespaces, or no nftables in them, for this user"; exit 77; }
