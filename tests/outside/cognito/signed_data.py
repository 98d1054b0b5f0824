"""Which client is tested with signed requests over which transport. A cell is `None` or the number of a note."""

TRANSPORTS = {"ws": "`ws`", "wss": "`wss`", "http": "HTTP publish"}

NOTES = {
    1: "The request is signed by botocore, and the session token appended to the address.",
    2: "`@smithy/signature-v4` signs without the session token, which is appended; `transformWsUrl` signs each connect.",
    3: "Its credentials are those of `fromCognitoIdentityPool`, with only the endpoint changed.",
}

PYTHON, NODE = "cognito/signed_python.py", "clients/signed_node.mjs"
CLIENTS = [
    {"name": "AWS IoT Device SDK v2 for Python, MQTT 3.1.1", "short": "py3", "program": PYTHON, "cells": {"wss": None}},
    {"name": "AWS IoT Device SDK v2 for Python, MQTT 5", "short": "py5", "program": PYTHON, "cells": {"wss": None}},
    {"name": "paho-mqtt 2 (Python)", "short": "paho", "program": PYTHON, "cells": {"ws": 1, "wss": 1}},
    {"name": "boto3", "short": "boto3", "program": PYTHON, "cells": {"http": None}},
    {"name": "AWS's command line", "short": "cli", "program": PYTHON, "cells": {"http": None}},
    {"name": "AWS IoT Device SDK v2 for JavaScript, MQTT 3.1.1", "short": "js3", "program": NODE, "cells": {"wss": None}},
    {"name": "AWS IoT Device SDK v2 for JavaScript, MQTT 5", "short": "js5", "program": NODE, "cells": {"wss": None}},
    {"name": "AWS IoT Device SDK v1 for JavaScript", "short": "js1", "program": NODE, "cells": {"wss": None}},
    {"name": "mqtt.js 5 (Node)", "short": "mqttjs", "program": NODE, "cells": {"ws": 2, "wss": 2}},
    {"name": "AWS SDK v3 for JavaScript", "short": "sdk3", "program": NODE, "cells": {"http": 3}},
    {"name": "Amplify PubSub", "short": "amplify", "program": NODE, "cells": {"wss": None}},
]
