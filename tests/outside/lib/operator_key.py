"""The key pair of the gateway's operator, as its file has it."""

import configparser


def operator_key(folder):
    """The access key id and the secret access key."""
    file = configparser.ConfigParser(interpolation=None)
    file.read(folder / ".iot-local/private/operator")
    return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]
