#!/bin/sh
# Makes the certification requests and certificates of this folder with OpenSSL. Their private keys are deleted.
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
cat > "$keys/conf" <<'END'
[req]
distinguished_name = dn
[dn]
[extensions]
certificatePolicies = 1.2.3.4
subjectAltName = DNS:sensor.example
[leaf]
extendedKeyUsage = clientAuth
END

for bits in 1024 2048 4096; do openssl genrsa -out "$keys/rsa$bits" "$bits"; done
for curve in prime256v1:p256 secp384r1:p384 secp521r1:p521 secp256k1:k256; do
  openssl ecparam -name "${curve%%:*}" -genkey -noout -out "$keys/${curve##*:}"
done
openssl genpkey -algorithm ed25519 -out "$keys/ed25519"

# request FILE KEY SUBJECT OPTION…
request() {
  file=$1 key=$2 subject=$3; shift 3
  openssl req -config "$keys/conf" -new -key "$keys/$key" -subj "$subject" "$@" -out "$file.csr.pem"
}
for key in rsa1024 rsa2048 rsa4096 p256 p384 k256; do request "$key" "$key" /CN=sensor-1 -sha256; done
request p521 p521 /CN=sensor-1 -sha512
request ed25519 ed25519 /CN=sensor-1
request sha1 rsa2048 /CN=sensor-1 -sha1
request pss rsa2048 /CN=sensor-1 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1
request subject p256 "/C=JP/O=Example/OU=first/OU=second/serialNumber=42/CN=sensor-1/emailAddress=a@example.com"
request extensions p256 /CN=sensor-1 -reqexts extensions
request empty p256 /
# Another common name under the same signature, and a byte after the request.
openssl req -in p256.csr.pem -outform DER | sed 's/sensor-1/sensor-2/' | openssl req -inform DER -out forged.csr.pem
{ openssl req -in p256.csr.pem -outform DER; printf '\0'; } > "$keys/trailing"
{ echo "-----BEGIN CERTIFICATE REQUEST-----"; openssl base64 -in "$keys/trailing"
  echo "-----END CERTIFICATE REQUEST-----"; } > trailing.csr.pem

for ca in ca ca-same-subject; do
  openssl genrsa -out "$keys/$ca" 2048
  openssl req -x509 -new -key "$keys/$ca" -days 3650 -subj "/CN=Example CA/O=Example" -out "$ca.pem"
done
# sign FILE REQUEST CA OPTION…: version 1 without an -extfile.
sign() {
  file=$1 request=$2 ca=$3; shift 3
  openssl x509 -req -in "$request.csr.pem" -CA "$ca.pem" -CAkey "$keys/$ca" -set_serial "0x$(openssl rand -hex 8)" \
    -days 3650 "$@" -out "$file.pem"
}
sign leaf-v1 rsa2048 ca -sha256
sign leaf-v3 p256 ca -sha256 -extfile "$keys/conf" -extensions leaf
sign leaf-of-same-subject p384 ca-same-subject -sha256
sign leaf-rsa1024 rsa1024 ca -sha256
sign leaf-sha1 rsa2048 ca -sha1
openssl req -x509 -config "$keys/conf" -new -key "$keys/p256" -days 3650 -subj /CN=sensor-1 -out leaf-self-signed.pem
