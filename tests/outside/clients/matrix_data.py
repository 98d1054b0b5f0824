"""Which client is tested over which transport. A cell is `None` or the number of a note."""

TRANSPORTS = {
    "ws": "`ws`",
    "wss": "`wss`",
    "alpn": "`mqtts`, ALPN `mqtt`",
    "mqtts": "`mqtts`, no ALPN",
    "http": "HTTP publish",
    "https": "HTTPS publish",
}

NOTES = {
    1: "The builder insists on port 443: set `connection.port` on what it returns.",
    2: "The builder sets port 443: call `with_port` after `with_custom_authorizer`. It prints a warning.",
    3: "Tested with the page, by mqtt.js in Chromium.",
    4: "Tested by the gateway's own tests: a bad token is denied, one publish is allowed and another denied.",
}

ALL = {"ws": None, "wss": None, "alpn": None, "mqtts": None}
DIRECT = {"alpn": None, "mqtts": None}
# The builders of the SDKs support TLS only, and always announce ALPN `mqtt`.
SDK = {"wss": None, "alpn": None}

# `program` plays the cells; a client without one has `tested_by`: files, of which one has to contain the text.
CLIENTS = [
    {"name": "mqtt.js 5 (Node)", "short": "mqttjs", "program": "matrix_mqttjs.mjs", "cells": {"3.1.1": ALL, "5": ALL}},
    {
        "name": "mqtt.js 5 (Chromium)", "cells": {"5": {"ws": 3}},
        "tested_by": [("tests/outside/clients/page/browser.mjs", "chromium.launch"), ("test", "page.mjs")],
    },
    {"name": "paho-mqtt 2 (Python)", "short": "paho", "program": "matrix_paho.py", "cells": {"3.1.1": ALL, "5": ALL}},
    {
        "name": "AWS IoT Device SDK v2 for Python", "short": "awspy", "program": "matrix_aws_python.py", "signs": True,
        "cells": {"3.1.1": {**SDK, "alpn": 1}, "5": SDK},
    },
    {
        "name": "AWS IoT Device SDK v2 for JavaScript", "short": "awsjs", "program": "matrix_aws_node.mjs", "signs": True,
        "cells": {"3.1.1": {"wss": 2, "alpn": 2}, "5": SDK},
    },
    {
        "name": "rumqttc 0.25 (Rust)", "cells": {"3.1.1": dict.fromkeys(ALL, 4), "5": {"ws": 4}},
        "tested_by": [
            ("local/**/*.rs", "fn each_mqtt_transport_has_its_event_and_is_checked_against_the_policy"),
            ("local/**/*.rs", "mqtt5::connect"),
        ],
    },
    {
        "name": "mosquitto_pub, mosquitto_sub 2", "short": "mosquitto", "program": "mosquitto", "tool": "mosquitto_pub",
        "cells": {"3.1.1": DIRECT, "5": DIRECT},
    },
    {"name": "curl", "short": "curl", "program": "curl", "tool": "curl", "cells": {"": {"http": None, "https": None}}},
]
