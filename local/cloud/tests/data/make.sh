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

# Certificates that verify a CA: for the registration code of the tests, and for another.
code=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
request verification rsa2048 "/CN=$code"
request verification-other-code rsa2048 /CN=sensor-1
sign verification verification ca -sha256
sign verification-v3 verification ca -sha256 -extfile "$keys/conf" -extensions leaf
sign verification-of-same-subject verification ca-same-subject -sha256
sign verification-other-code verification-other-code ca -sha256
rm verification*.csr.pem
# A CA whose key is weak, one that has expired, and one without the basic constraint.
openssl req -x509 -new -key "$keys/rsa1024" -days 3650 -subj "/CN=Example CA/O=Example" -out ca-rsa1024.pem
openssl req -x509 -config "$keys/conf" -new -key "$keys/ca" -days 3650 -subj "/CN=Example CA/O=Example" \
  -out ca-unconstrained.pem
openssl req -new -config "$keys/conf" -key "$keys/ca" -subj "/CN=Example CA/O=Example" -out "$keys/expired.csr"
cat > "$keys/ext" <<'END'
basicConstraints = critical, CA:TRUE
END
: > "$keys/index"
cat > "$keys/ca.conf" <<END
[ca]
default_ca = expired
[expired]
database = $keys/index
new_certs_dir = $keys
default_md = sha256
policy = any
rand_serial = yes
[any]
commonName = supplied
organizationName = optional
END
openssl ca -batch -config "$keys/ca.conf" -selfsign -keyfile "$keys/ca" -in "$keys/expired.csr" -notext \
  -startdate 20200101000000Z -enddate 20210101000000Z -extfile "$keys/ext" -out ca-expired.pem

# Public keys that verify tokens: of 2048 bits, and too short.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 | openssl pkey -pubout > signing-key.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 | openssl pkey -pubout > signing-key-rsa1024.pem
