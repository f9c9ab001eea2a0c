#!/bin/sh
# promtool takes the configuration with the alert rules, and they fire as their tests say:
# promtool_alerts.sh RULES TOOLS, both directories.
set -eu

PATH=$PATH:$2
command -v promtool >/dev/null || { echo "skipped: no promtool"; exit 77; }
promtool check config "$1/prometheus.yml"
promtool test rules "$1/alerts_test.yml"
