#!/bin/sh
# Makes the certificates whose policy variables are tested, with OpenSSL. Their private keys are deleted.
#
# variables.pem has the names of the example in
# https://docs.aws.amazon.com/iot/latest/developerguide/use-policy-variables.html
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT
cat > "$keys/conf" <<'END'
[req]
distinguished_name = subject
prompt = no
utf8 = yes
string_mask = utf8only
[issuer]
C = US
O = IoT Devices
OU = SmartHome
ST = WA
CN = IoT Devices Primary CA
GN = Primary CA1
initials = XY
dnQualifier = Example corp
SN = SmartHome
title = CA1
pseudonym = Primary_CA
generationQualifier = 2
serialNumber = 987
[subject]
C = US
O = IoT Devices
OU = LightBulb
ST = NY
CN = LightBulb Device Cert
GN = Bulb
initials = ZZ
dnQualifier = Bulb001
SN = Multi Color
title = RGB
pseudonym = RGB Device
generationQualifier = 4
serialNumber = 123
[extensions]
subjectAltName = DNS:example.com, IP:1.2.3.4, URI:ResourceIdentifier001, email:device1@example.com, dirName:subject_name
issuerAltName = DNS:issuer.com, IP:5.6.7.8, URI:PrimarySignerCA, email:primary@issuer.com, dirName:issuer_name
[subject_name]
C = US
O = IoT
OU = SmartHome
CN = LightBulbCert
[issuer_name]
C = US
O = Issuer
OU = IoT Devices
CN = Primary Issuer CA
[unusual]
0.O = first
1.O = second
2.O = third
OU = O=Amazon.com Inc. L=Seattle
L = Yokohama
CN = a, \"b\" \\ <c>; é
emailAddress = a@example.com
[unusual_extensions]
subjectAltName = DNS:a.example, DNS:b.example, IP:2001:db8::1, dirName:unusual_name, otherName:1.2.3;UTF8:x, RID:1.2.3
[unusual_name]
DC = example
L = Kobe
O = a+b
0.1.2.3.4 = x
END

for name in issuer subject unusual; do
  openssl ecparam -name prime256v1 -genkey -noout -out "$keys/$name"
  sed "s/^distinguished_name = .*/distinguished_name = $name/" "$keys/conf" > "$keys/conf-$name"
done
openssl req -x509 -config "$keys/conf-issuer" -new -key "$keys/issuer" -days 3650 -out "$keys/issuer.pem"
# certificate FILE SECTION EXTENSIONS SERIAL
certificate() {
  openssl req -config "$keys/conf-$2" -new -key "$keys/$2" -out "$keys/request"
  openssl x509 -req -in "$keys/request" -CA "$keys/issuer.pem" -CAkey "$keys/issuer" -set_serial "$4" -days 3650 \
    -extfile "$keys/conf" -extensions "$3" -out "$1.pem"
}
certificate variables subject extensions 0x921285cbb7a5e086
certificate unusual unusual unusual_extensions 0x4000000000000000000000000000000000000001
# Names as BMPString, in a certificate of version 1.
sed 's/^string_mask = .*/string_mask = MASK:2048/' "$keys/conf-unusual" > "$keys/conf-bmp"
openssl req -config "$keys/conf-bmp" -new -key "$keys/unusual" -subj '/CN=é/O=first' -multivalue-rdn -out "$keys/request"
openssl x509 -req -in "$keys/request" -CA "$keys/issuer.pem" -CAkey "$keys/issuer" -set_serial 1 -days 3650 -out bmp.pem
