#!/bin/sh
# curl gets a token with each authentication method, introspects and revokes it; openssl verifies
# its signature with a public key that it builds from the JWK's n and e.
set -eu

for tool in curl jq openssl; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { curl --silent --show-error --fail-with-body --max-time 10 "$@"; }

metadata=$(fetch "$INTEROP_ISSUER/.well-known/oauth-authorization-server")
endpoint() { printf %s "$metadata" | jq -er ".$1"; }
fetch "$(endpoint jwks_uri)" >"$work/jwks"

# base64url on standard input -> bytes
from_base64url() {
  text=$(tr -d '\n' | tr '_-' '/+')
  case $((${#text} % 4)) in
    2) text="$text==" ;;
    3) text="$text=" ;;
  esac
  printf %s "$text" | openssl base64 -d -A
}

hex() { from_base64url | od -An -v -tx1 | tr -d ' \n'; }

# JWK -> SubjectPublicKeyInfo in DER
public_key() {
  cat >"$work/asn1" <<ASN1
asn1=SEQUENCE:key
[key]
algorithm=SEQUENCE:algorithm
bits=BITWRAP,SEQUENCE:numbers
[algorithm]
name=OID:rsaEncryption
parameters=NULL
[numbers]
n=INTEGER:0x$(printf %s "$1" | jq -r .n | hex)
e=INTEGER:0x$(printf %s "$1" | jq -r .e | hex)
ASN1
  openssl asn1parse -genconf "$work/asn1" -noout -out "$work/key.der"
}

verify() {
  header=$(printf %s "$1" | cut -d. -f1 | from_base64url)
  public_key "$(jq -ce --arg kid "$(printf %s "$header" | jq -r .kid)" \
    '.keys[] | select(.kid == $kid)' "$work/jwks")"
  printf %s "$1" | cut -d. -f3 | from_base64url >"$work/signature"
  printf %s "${1%.*}" >"$work/signed"
  openssl dgst -sha256 -verify "$work/key.der" -keyform DER -signature "$work/signature" \
    "$work/signed"
}

# The credentials go through a file of options, so that they stand in no process list.
exercise() {
  id=${2%% *}
  secret=${2#* }
  case $1 in
    basic) printf 'user = "%s:%s"\n' "$id" "$secret" >"$work/options" ;;
    post) printf 'data = "client_id=%s&client_secret=%s"\n' "$id" "$secret" >"$work/options" ;;
  esac
  answer=$(fetch --config "$work/options" -d grant_type=client_credentials \
    "$(endpoint token_endpoint)")
  token=$(printf %s "$answer" | jq -er .access_token)
  verify "$token"

  printf 'data = "token=%s"\n' "$token" >>"$work/options"
  answer=$(fetch --config "$work/options" "$(endpoint introspection_endpoint)")
  printf %s "$answer" | jq -e .active >/dev/null
  fetch --config "$work/options" "$(endpoint revocation_endpoint)"
  answer=$(fetch --config "$work/options" "$(endpoint introspection_endpoint)")
  [ "$answer" = '{"active":false}' ] || { echo "still active: $answer"; exit 1; }
}

exercise basic "$INTEROP_CLIENT_SECRET_BASIC"
exercise post "$INTEROP_CLIENT_SECRET_POST"
