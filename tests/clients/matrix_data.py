"""Which client is tried over which transport. A cell is None, or the number of a note."""

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
    2: "The builder sets port 443: call `with_port` behind `with_custom_authorizer`. It prints a warning.",
    3: "Played by the test of the page, with mqtt.js in Chromium.",
    4: "Played by the front door's own tests: refused with a bad token, allowed one publish and refused another.",
}

EVERY = {"ws": None, "wss": None, "alpn": None, "mqtts": None}
DIRECT = {"alpn": None, "mqtts": None}
# The builders of the SDKs know TLS alone, and announce ALPN `mqtt` always.
SDK = {"wss": None, "alpn": None}

CLIENTS = [
    {"name": "mqtt.js 5 (Node)", "short": "mqttjs", "by": "cells_mqttjs.mjs", "cells": {"3.1.1": EVERY, "5": EVERY}},
    {
        "name": "mqtt.js 5 (Chromium)", "cells": {"5": {"ws": 3}},
        "elsewhere": [("tests/clients/page.mjs", "chromium.launch"), ("test", "tests/clients/page.mjs")],
    },
    {"name": "paho-mqtt 2 (Python)", "short": "paho", "by": "cells_paho.py", "cells": {"3.1.1": EVERY, "5": EVERY}},
    {
        "name": "AWS IoT Device SDK v2 for Python", "short": "awspy", "by": "cells_awsiot.py", "signs": True,
        "cells": {"3.1.1": {**SDK, "alpn": 1}, "5": SDK},
    },
    {
        "name": "AWS IoT Device SDK v2 for JavaScript", "short": "awsjs", "by": "cells_awsiot.mjs", "signs": True,
        "cells": {"3.1.1": {"wss": 2, "alpn": 2}, "5": SDK},
    },
    {
        "name": "rumqttc 0.25 (Rust)", "cells": {"3.1.1": dict.fromkeys(EVERY, 4), "5": {"ws": 4}},
        "elsewhere": [
            ("local/tests/front_door/tls.rs", "fn each_mqtt_transport_has_its_event_and_is_held_to_the_policy"),
            ("local/tests/front_door/ends.rs", "mqtt5::connect"),
        ],
    },
    {
        "name": "mosquitto_pub, mosquitto_sub 2", "short": "mosquitto", "by": "mosquitto", "tool": "mosquitto_pub",
        "cells": {"3.1.1": DIRECT, "5": DIRECT},
    },
    {"name": "curl", "short": "curl", "by": "curl", "tool": "curl", "cells": {"": {"http": None, "https": None}}},
]
