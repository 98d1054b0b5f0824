"""Makes the certificates and certification requests of the cases. Their keys are thrown away.

Run once, by hand, with the Python of target/test-venv; the files are committed.
"""

import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

FOLDER = pathlib.Path(__file__).resolve().parent
START, END = datetime.datetime(2026, 1, 1), datetime.datetime(2049, 12, 31)
CN, COUNTRY, SERIAL = NameOID.COMMON_NAME, NameOID.COUNTRY_NAME, NameOID.SERIAL_NUMBER


def name(*parts):
    """A subject; a part is a type and a value, and may have a string type."""
    return x509.Name([x509.NameAttribute(*part[:2], *part[2:], _validate=False) for part in parts])


SUBJECTS = {
    "sensor-1": name((CN, "sensor-1"), (COUNTRY, "JP")),
    "printable": name((CN, "sensor-1", _ASN1Type.PrintableString), (COUNTRY, "JP")),
    "ia5": name((CN, "sensor-1", _ASN1Type.IA5String), (COUNTRY, "JP")),
    "bmp": name((CN, "sensor-1", _ASN1Type.BMPString), (COUNTRY, "JP")),
    "teletex": name((CN, "sensor-1", _ASN1Type.T61String), (COUNTRY, "JP")),
    "no-subject": name(),
    "no-common-name": name((COUNTRY, "JP"), (SERIAL, "sensor-1")),
    "no-country": name((CN, "sensor-1")),
    "two-common-names": name((CN, "sensor-1"), (CN, "sensor-2"), (COUNTRY, "JP")),
    "two-countries": name((CN, "sensor-1"), (COUNTRY, "JP"), (COUNTRY, "DE")),
    "slash": name((CN, "a/b"), (COUNTRY, "JP")),
    "star": name((CN, "*"), (COUNTRY, "JP")),
    "plus": name((CN, "a+b"), (COUNTRY, "JP")),
    "hash": name((CN, "#"), (COUNTRY, "JP")),
    "blank": name((CN, "sensor 1"), (COUNTRY, "JP")),
    "line-feed": name((CN, "sensor-1\n"), (COUNTRY, "JP")),
    "variable": name((CN, "${iot:ClientId}"), (COUNTRY, "JP")),
    "other-letters": name((CN, "с\u0435nsor-1"), (COUNTRY, "JP")),
    "empty": name((CN, ""), (COUNTRY, "JP")),
    "128-characters": name((CN, "a" * 128), (COUNTRY, "JP")),
    "129-characters": name((CN, "a" * 129), (COUNTRY, "JP")),
    "unsafe-country": name((CN, "sensor-1"), (COUNTRY, "J P")),
    "all-parts": name(
        (CN, "cn"), (COUNTRY, "C1"), (NameOID.ORGANIZATION_NAME, "o"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "ou"),
        (NameOID.DN_QUALIFIER, "dnq"), (NameOID.STATE_OR_PROVINCE_NAME, "st"), (SERIAL, "sn")),
}


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM).decode()


def certificate(subject, key):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name((CN, "CA"))).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(START).not_valid_after(END)
    return builder.sign(key, hashes.SHA256())


def request(subject, key):
    return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())


def main():
    for title, subject in SUBJECTS.items():
        (FOLDER / f"{title}.pem").write_text(pem(certificate(subject, ec.generate_private_key(ec.SECP256R1()))))
    # Two devices: the request, a second request of the same key, and the certificate that AWS IoT makes for it.
    for device in ("device-1", "device-2"):
        key = ec.generate_private_key(ec.SECP256R1())
        (FOLDER / f"{device}.csr.pem").write_text(pem(request(name((CN, device)), key)))
        (FOLDER / f"{device}-again.csr.pem").write_text(pem(request(name((CN, "another name")), key)))
        (FOLDER / f"{device}.pem").write_text(pem(certificate(name((CN, "AWS IoT Certificate")), key)))
    # A request with a flipped bit in its signature.
    der = bytearray(request(name((CN, "device-1")), key).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der))
    (FOLDER / "forged.csr.pem").write_text(pem(forged))


main()
