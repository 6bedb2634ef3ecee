#!/bin/bash
# Makes the certificates of test/support/certificates again: valid from 2020 to 2126, secret to no one, with openssl 3.
set -euo pipefail
cd "$(dirname "$0")/../test/support/certificates"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
FROM=20200101000000Z
TO=21260101000000Z
NAMES="subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
EC="-newkey ec -pkeyopt ec_paramgen_curve:P-256"
touch "$work/index"
cat >"$work/conf" <<END
[ca]
default_ca=own
[own]
database=$work/index
new_certs_dir=$work
unique_subject=no
rand_serial=yes
default_md=sha256
policy=any
[any]
countryName=optional
organizationName=optional
commonName=supplied
END

# NAME SUBJECT KEY EXTENSION [FURTHER OPTIONS OF openssl ca]
make() {
  local name=$1 subject=$2 key=$3 extension=$4
  shift 4
  # shellcheck disable=SC2086
  openssl req $key -nodes -subj "$subject" -keyout "$name.key" -out "$work/csr" 2>/dev/null
  openssl ca -batch -notext -config "$work/conf" -in "$work/csr" -out "$name.crt" -extensions own -extfile <(printf "[own]\n%s\n" "$extension") \
    -startdate $FROM -enddate $TO "$@" 2>/dev/null
}
authority() { make "$1" "$2" "$EC" "basicConstraints=critical,CA:true" -selfsign -keyfile "$1.key"; }
issued() { make "$@" -cert ca.crt -keyfile ca.key; }

authority ca "/O=Hospital/CN=Test CA"
authority other-ca "/O=Elsewhere/CN=Other CA"
issued server-ec "/O=Hospital/CN=localhost" "$EC" "$NAMES"
issued server-rsa "/O=Hospital/CN=localhost" "-newkey rsa:2048" "$NAMES"
issued elsewhere "/O=Hospital/CN=pacs.example" "$EC" "subjectAltName=DNS:pacs.example"
issued client "/C=DE/O=Hospital/CN=ct1" "$EC" "extendedKeyUsage=clientAuth"
issued client-2 "/C=DE/O=Hospital, Ward 2/CN=ct2" "$EC" "extendedKeyUsage=clientAuth"
issued expired "/O=Hospital/CN=expired" "$EC" "$NAMES" -enddate 20210101000000Z
issued weak-rsa "/O=Hospital/CN=weak" "-newkey rsa:1024" "$NAMES"
issued weak-sha1 "/O=Hospital/CN=sha1" "$EC" "$NAMES" -md sha1
openssl pkcs8 -topk8 -in server-ec.key -passout pass:open-sesame -out server-ec.locked.key
