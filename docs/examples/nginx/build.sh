#!/bin/sh
# build.sh DIRECTORY: the sidecar, in the C++ example's own directory beside DIRECTORY, so that it is
# compiled once. Ends with 77 where nginx is missing.
set -eu
here=$(dirname "$(readlink -f "$0")")
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "no nginx"; exit 77; }
[ -e "$(dirname "$(readlink -f "$nginx")")/../lib/nginx/modules/ngx_http_js_module.so" ] ||
  { echo "no libnginx-mod-http-js"; exit 77; }
exec "$here/../cpp/build.sh" "$(dirname "$1")/cpp" gateway_auth
