"""A CA, the certificate of a server, and those of devices, all with P-256 keys."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
START, END = NOW - datetime.timedelta(days=1), NOW + datetime.timedelta(days=30)
COUNTRY = "JP"


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def private(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


class Authority:
    """A CA in a folder. Its devices share a key, since only their certificates are measured."""

    def __init__(self, folder, name="bench CA"):
        self.folder, self.key, self.device_key = folder, new_key(), new_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = self.builder(self.name, self.key).add_extension(constraints, True)
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.pem = pem(self.certificate)
        self.id = self.certificate.fingerprint(hashes.SHA256()).hex()
        self.file = folder / "ca.pem"
        self.file.write_text(self.pem)

    def builder(self, subject, key):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        return builder.serial_number(x509.random_serial_number()).not_valid_before(START).not_valid_after(END)

    def issue(self, common_name, key=None, *extensions):
        """A certificate with a common name, and a country, as JITP templates of AWS's walk-throughs want it."""
        parts = [(NameOID.COUNTRY_NAME, COUNTRY), (NameOID.COMMON_NAME, common_name)]
        builder = self.builder(x509.Name([x509.NameAttribute(*part) for part in parts]), key or self.device_key)
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self):
        """The files of certificate and key for `localhost`."""
        key, files = new_key(), (self.folder / "server.pem", self.folder / "server.key")
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        for file, content in zip(files, (pem(self.issue("localhost", key, names)), private(key))):
            file.write_text(content)
        return files

    def device(self, common_name):
        """A file with the certificate of a device, the CA certificate and the key."""
        file = self.folder / f"{common_name}.device.pem"
        file.write_text(pem(self.issue(common_name)) + self.pem + private(self.device_key))
        return file

    def devices(self, prefix, count):
        """Pairs of a name and a file."""
        names = [f"{prefix}-{number}" for number in range(count)]
        return [(name, self.device(name)) for name in names]

    def register(self, iot, **members):
        """RegisterCACertificate, with auto registration."""
        verification = self.issue(iot.get_registration_code()["registrationCode"])
        made = iot.register_ca_certificate(
            caCertificate=self.pem, verificationCertificate=pem(verification), setAsActive=True,
            allowAutoRegistration=True, **members)
        return made["certificateId"]


def new_key():
    return ec.generate_private_key(ec.SECP256R1())
