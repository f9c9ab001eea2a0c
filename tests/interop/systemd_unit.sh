#!/bin/sh
# systemd takes the unit without a word, and finds little exposed: systemd_unit.sh DIRECTORY.
set -eu

command -v systemd-analyze >/dev/null || { echo "skipped: no systemd-analyze"; exit 77; }

# Neither the program nor its man page need be installed here: `true` stands in for the program.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unit=$work/grantd.service
sed -E -e 's,^(Exec[A-Za-z]*=)/usr/bin/grantd\>,\1/bin/true,' -e '/^Documentation=man:/d' \
  "$1/grantd.service" >"$unit"

# It exits 0 on unknown keys, and says so on stderr alone.
said=$(systemd-analyze verify "$unit" 2>&1) || { echo "$said"; exit 1; }
[ -z "$said" ] || { echo "$said"; exit 1; }

# Of 100: what the unit's sandboxing leaves open.
table=$(systemd-analyze security --offline=true --threshold=20 "$unit") || {
  echo "$table"
  exit 1
}
echo "$table" | tail -n 1
