"""Which client is tested over which port with which certificate."""

PORTS = {
    "certificate": "8883",
    "certificate-alpn": "8443, ALPN `x-amzn-mqtt-ca`",
    "https": "8443, HTTPS publish",
}

# What the API and OpenSSL make, and whether such a client may connect.
KINDS = {
    "created": ("CreateKeysAndCertificate", True),
    "csr": ("CreateCertificateFromCsr, P-256", True),
    "v3": ("own CA, version 3, P-256", True),
    "v1": ("own CA, version 1, RSA", True),
    "chain": ("leaf and CA in the chain", True),
    "none": ("no certificate", False),
    "stranger": ("not registered", False),
    "inactive": ("INACTIVE", False),
    "bare": ("ACTIVE, no policy", False),
}

NOTES = {
    1: "The builder announces the ALPN name only for port 443: set `connection.port` on what it returns.",
    2: "The builder announces the ALPN name only for port 443: set `port` on the configuration that it builds.",
    3: "Tested by `cargo local demo kitting` and the gateway's own tests.",
}

BOTH = {"certificate": None, "certificate-alpn": None}

# `program` plays the cells. A client whose builder needs a certificate cannot connect without one.
CLIENTS = [
    {"name": "mosquitto_pub, mosquitto_sub 2", "short": "mosq", "program": "mosquitto", "tool": "mosquitto_pub", "cells": {"3.1.1": BOTH, "5": BOTH}},
    {"name": "paho-mqtt 2 (Python)", "short": "paho", "program": "matrix_paho.py", "cells": {"3.1.1": BOTH, "5": BOTH}},
    {"name": "mqtt.js 5 (Node)", "short": "mqttjs", "program": "matrix_mqttjs.mjs", "cells": {"3.1.1": BOTH, "5": BOTH}},
    {
        "name": "AWS IoT Device SDK v2 for Python", "short": "awspy", "program": "matrix_aws_python.py", "needs_certificate": True,
        "cells": {"3.1.1": {"certificate": None, "certificate-alpn": 1}, "5": {"certificate": None}},
    },
    {
        "name": "AWS IoT Device SDK v2 for JavaScript", "short": "awsjs", "program": "matrix_aws_node.mjs", "needs_certificate": True,
        "cells": {"3.1.1": {"certificate": None, "certificate-alpn": 2}, "5": {"certificate": None, "certificate-alpn": 2}},
    },
    {"name": "curl", "short": "curl", "program": "curl", "tool": "curl", "cells": {"": {"https": None}}},
    {
        "name": "rumqttc 0.25 (Rust)", "cells": {"3.1.1": {"certificate": 3}, "5": {"certificate": 3}},
        "tested_by": [("local/cli/src/demo/*.rs", "try_connect_311"), ("test", '"demo", "all"')],
        "kinds": {"v3", "none", "stranger", "inactive"},
    },
]
