"""The certificates that the module reads from files, each with a key of its own."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

AUTHORITIES = ("verified", "own", "jitp", "body")
VALID = datetime.timedelta(days=30)


def pem(item):
    return item.public_bytes(serialization.Encoding.PEM).decode()


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def sign(subject, key, issuer, issuer_key, is_authority=False):
    """A certificate of `key` for the common name `subject`, signed by the key of `issuer`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - VALID).not_valid_after(now + VALID)
    return builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True).sign(issuer_key, hashes.SHA256())


def write(folder, registration_code):
    """Writes the files that the module names. AWS takes the CA `verified` with a certificate for the registration
    code, signed by the CA's key."""
    keys = {authority: new_key() for authority in AUTHORITIES}
    files = {
        f"ca-{authority}.pem": pem(sign(authority, key, authority, key, is_authority=True))
        for authority, key in keys.items()}
    files["verification.pem"] = pem(sign(registration_code, new_key(), "verified", keys["verified"]))
    files["of-ca.pem"] = pem(sign("of-ca", new_key(), "own", keys["own"]))
    alone = new_key()
    files["without-ca.pem"] = pem(sign("without-ca", alone, "without-ca", alone))
    request = x509.CertificateSigningRequestBuilder().subject_name(name("device")).sign(new_key(), hashes.SHA256())
    files["device.csr.pem"] = pem(request)
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    files["signing-key.pem"] = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*form).decode()
    for file, text in files.items():
        (folder / file).write_text(text)
