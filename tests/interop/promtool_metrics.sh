#!/bin/sh
# promtool reads what /metrics says after a token and a failure, and the contract's names are there:
# promtool_metrics.sh TOOLS, a directory.
set -eu

PATH=$PATH:$1
command -v promtool >/dev/null || { echo "skipped: no promtool"; exit 77; }

printf 'user = "%s:%s"\n' "${INTEROP_CLIENT_SECRET_BASIC%% *}" "${INTEROP_CLIENT_SECRET_BASIC#* }" |
  curl --silent --show-error --fail --config - -o /dev/null -d grant_type=client_credentials \
    "$INTEROP_ISSUER/token"
curl --silent -o /dev/null -u nobody:nothing -d grant_type=client_credentials \
  "$INTEROP_ISSUER/token"

metrics=$(curl --silent --show-error --fail "$INTEROP_METRICS")
for name in grantd_requests_total grantd_tokens_issued_total grantd_config_reload_failures_total \
  grantd_log_dropped_total grantd_authentication_failures_total grantd_key_load_failures_total; do
  printf '%s\n' "$metrics" | grep -q "^${name}[{ ]" || { echo "no $name in /metrics"; exit 1; }
done
printf '%s\n' "$metrics" | promtool check metrics
