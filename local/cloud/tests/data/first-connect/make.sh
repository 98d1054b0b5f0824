#!/bin/sh
# Makes the CAs and the devices' certificates of this folder with OpenSSL. Their private keys are deleted.
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
cat > "$keys/conf" <<'END'
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical, CA:TRUE
[leaf]
extendedKeyUsage = clientAuth
END

key() { # key NAME KIND
  case $2 in
    rsa*) openssl genrsa -out "$keys/$1" "${2#rsa}" ;;
    *) openssl ecparam -name "$2" -genkey -noout -out "$keys/$1" ;;
  esac
}
key rsa rsa2048; key ec prime256v1; key weak rsa1024
# Two CAs of one subject, one with an elliptic curve, and one that has another CA above it.
for ca in ca ca-same-subject; do
  key "$ca" rsa2048
  openssl req -x509 -config "$keys/conf" -extensions ca -new -key "$keys/$ca" -days 3650 -subj "/CN=Fleet CA/O=Example" -out "$ca.pem"
done
key ca-ec prime256v1
openssl req -x509 -config "$keys/conf" -extensions ca -new -key "$keys/ca-ec" -days 3650 -subj "/CN=Fleet CA EC" -out ca-ec.pem
key sub rsa2048
openssl req -config "$keys/conf" -new -key "$keys/sub" -subj "/CN=Fleet sub CA" -out "$keys/sub.csr"
openssl x509 -req -in "$keys/sub.csr" -CA ca.pem -CAkey "$keys/ca" -set_serial 2 -days 3650 -extfile "$keys/conf" -extensions ca -out sub.pem

# leaf FILE KEY CA SUBJECT OPTION…: version 1 without an -extfile.
leaf() {
  file=$1 key=$2 ca=$3 subject=$4; shift 4
  openssl req -config "$keys/conf" -utf8 -new -key "$keys/$key" -subj "$subject" -out "$keys/$file.csr"
  openssl x509 -req -in "$keys/$file.csr" -CA "$ca.pem" -CAkey "$keys/$ca" -set_serial "0x$(openssl rand -hex 8)" \
    -sha256 -days 3600 "$@" -out "$file.pem"
}
v3="-extfile $keys/conf -extensions leaf"
# shellcheck disable=SC2086
for ca in ca ca-ec; do
  for key in rsa ec; do
    leaf "v1-$key-of-$ca" "$key" "$ca" "/C=JP/CN=v1-$key-of-$ca"
    leaf "v3-$key-of-$ca" "$key" "$ca" "/C=JP/CN=v3-$key-of-$ca" $v3
  done
done
leaf of-same-subject ec ca-same-subject /C=JP/CN=of-same-subject
leaf of-sub ec sub /C=JP/CN=of-sub
leaf no-country ec ca /CN=no-country
leaf no-common-name ec ca /C=JP/O=Example
leaf slash ec ca "/C=JP/CN=a\/b"
leaf star ec ca "/C=JP/CN=a*"
leaf blank ec ca "/C=JP/CN=a b"
leaf plus ec ca "/C=JP/CN=a\+b"
leaf accent ec ca "/C=JP/CN=é"
leaf two-names ec ca "/C=JP/CN=first/CN=second"
leaf weak weak ca /C=JP/CN=weak
leaf sha1 ec ca /C=JP/CN=sha1 -sha1
leaf short ec ca /C=JP/CN=short -days 1
