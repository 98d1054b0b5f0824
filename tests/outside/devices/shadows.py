"""Device shadows with clients that know AWS: boto3 and mosquitto for a device of just-in-time provisioning, both shadow
clients of the AWS IoT Device SDK v2 for Python, unchanged, and a gateway that is killed.

Run by `./test provisioning`.
"""

import json
import os
import pathlib
import queue
import shutil
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import boto3
import botocore.config
from awscrt import mqtt, mqtt_request_response
from awsiot import V2ServiceException, iotshadow, mqtt5_client_builder, mqtt_connection_builder
from awsiot import ServiceStreamOptions
from cryptography.hazmat.primitives.asymmetric import ec

import kit
from control_plane import ACCOUNT, REGION, ControlPlane, control_plane, error_of
from device_client import CONNECTED, opened
from first_connect import POLICY, ROLE, Authority, Device, template
from lib.checks import check, finish, skip
from lib.gateway import Gateway
from lib.process import Process

TIMEOUT_SECONDS = 30
QOS = mqtt.QoS.AT_LEAST_ONCE
THING = "MyJITPThing"
UPDATES_BEFORE_KILL = 40


def shadow_policy():
    """As the walk-through of just-in-time provisioning has it."""
    thing = "${iot:Connection.Thing.ThingName}"
    arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": f"{arn}client/{thing}"},
        {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": f"{arn}topic/$aws/things/{thing}/shadow/*"},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": f"{arn}topicfilter/$aws/things/{thing}/shadow/*"},
    ]})


def data_client(plane):
    """boto3's client of the data plane with the operator's key pair, over TLS."""
    lines = (plane.folder / ".iot-local/private/operator").read_text().splitlines()[1:]
    pair = {name.strip(): value.strip() for name, value in (line.split("=", 1) for line in lines)}
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    return boto3.client("iot-data", region_name=REGION, endpoint_url=f"https://localhost:{plane.gateway.tls_port}",
        verify=plane.gateway.authority, config=config, **pair)


def document(answer):
    return json.loads(answer["payload"].read())


def update(data, thing, state, name=None, **members):
    named = {"shadowName": name} if name else {}
    return document(data.update_thing_shadow(thingName=thing, payload=json.dumps({"state": state} | members), **named))


def provisioned(plane):
    """A device that just-in-time provisioning has made, by the walk-through's template and policy."""
    iot = plane.client("iot")
    iot.create_policy(policyName=POLICY, policyDocument=shadow_policy())
    authority = Authority(plane.folder, "company")
    authority.register(iot, registrationConfig={"templateBody": template(), "roleArn": ROLE})
    devices = []
    for name in (THING, "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        device = Device(plane.folder, name, authority.v1(name, key), key, authority.pem.read_text())
        while device.connect(plane) != kit.ACCEPTED:
            pass
        devices.append(device)
    return devices


def check_boto(plane, data):
    """The operations of the data plane by AWS's SDK for Python."""
    check("get_thing_shadow without a shadow", error_of(data.get_thing_shadow, thingName="lamp") == (404, "ResourceNotFoundException"))
    accepted = update(data, "lamp", {"desired": {"on": True, "level": 3}})
    check("update_thing_shadow creates the shadow", (accepted["state"], accepted["version"]) == ({"desired": {"on": True, "level": 3}}, 1), accepted)
    update(data, "lamp", {"reported": {"on": True}}, version=1)
    found = document(data.get_thing_shadow(thingName="lamp"))
    state = {"desired": {"on": True, "level": 3}, "reported": {"on": True}, "delta": {"level": 3}}
    check("get_thing_shadow has the delta", (found["state"], found["version"]) == (state, 2), found)
    conflict = error_of(data.update_thing_shadow, thingName="lamp", payload=json.dumps({"state": {}, "version": 1}))
    check("update_thing_shadow with an old version", conflict == (409, "ConflictException"), conflict)
    for payload, expected in (("no JSON", (400, "InvalidRequestException")), ("{}", (400, "InvalidRequestException")),
            (json.dumps({"state": {"reported": {"a": "x" * 9000}}}), (413, "RequestEntityTooLargeException"))):
        found = error_of(data.update_thing_shadow, thingName="lamp", payload=payload)
        check(f"update_thing_shadow with {payload[:12]}", found == expected, found)
    for name in ("config", "$firmware"):
        update(data, "lamp", {"reported": {"name": name}}, name)
    listed = data.list_named_shadows_for_thing(thingName="lamp")
    check("list_named_shadows_for_thing", listed["results"] == ["$firmware", "config"], listed)
    page = data.list_named_shadows_for_thing(thingName="lamp", pageSize=1)
    rest = data.list_named_shadows_for_thing(thingName="lamp", pageSize=1, nextToken=page["nextToken"])
    check("list_named_shadows_for_thing in pages", (page["results"], rest["results"], "nextToken" in rest) == (["$firmware"], ["config"], False), (page, rest))
    deleted = document(data.delete_thing_shadow(thingName="lamp", shadowName="config"))
    check("delete_thing_shadow answers the version", deleted["version"] == 1, deleted)
    gone = error_of(data.get_thing_shadow, thingName="lamp", shadowName="config")
    check("a deleted shadow is gone", gone == (404, "ResourceNotFoundException"), gone)
    again = update(data, "lamp", {"reported": {}}, "config")
    check("a new shadow goes on with the version", again["version"] == 2, again)
    stranger = plane.client("iot-data")
    denied = error_of(stranger.get_thing_shadow, thingName="lamp")
    check("an unknown access key gets nothing", denied == (403, "ForbiddenException"), denied)

    data.publish(topic="a/b c/é", qos=1, retain=True, payload=b"\x00\xff")
    kept = data.get_retained_message(topic="a/b c/é")
    check("get_retained_message", (kept["topic"], kept["payload"], kept["qos"]) == ("a/b c/é", b"\x00\xff", 1), kept)
    topics = [item["topic"] for page in data.get_paginator("list_retained_messages").paginate() for item in page["retainedTopics"]]
    check("list_retained_messages", topics == ["a/b c/é"], topics)
    missing = error_of(data.get_retained_message, topic="a")
    check("get_retained_message without one", missing == (404, "ResourceNotFoundException"), missing)


def check_connections(plane, data, device):
    """The connection of a device by the data plane."""
    certificate = [device.certificate, device.key]
    with opened(plane.gateway, THING, plane.gateway.mqtts_port, certificate=certificate) as (client, event, _):
        check("the device connects", (found := event()) == CONNECTED, found)
        client.subscribe(f"$aws/things/{THING}/shadow/update/delta", qos=1)
        event()
        found = data.get_connection(clientId=THING)
        check("get_connection", (found["connected"], found["cleanSession"], found["clientId"]) == (True, True, THING), found)
        filters = data.list_subscriptions(clientId=THING)["subscriptions"]
        check("list_subscriptions", filters == [{"topicFilter": f"$aws/things/{THING}/shadow/update/delta", "qos": 1}], filters)
        data.delete_connection(clientId=THING)
        check("delete_connection ends it", (found := event()) == "disconnected", found)
    gone = error_of(data.get_connection, clientId=THING)
    check("and nothing is left of it", gone == (404, "ResourceNotFoundException"), gone)


def check_mosquitto(plane, data, device):
    """The walk-through's command: a device that has registered itself receives the delta of its shadow."""
    if not shutil.which("mosquitto_sub"):
        return skip("mosquitto_sub receives a delta", "mosquitto_sub is missing")
    # By lines, since a file is otherwise written by blocks.
    command = ["stdbuf", "-oL", "mosquitto_sub", "--cafile", plane.gateway.authority, "--cert", device.certificate, "--key", device.key, "-h", "localhost",
        "-p", plane.gateway.mqtts_port, "-q", "1", "-i", THING, "--tls-version", "tlsv1.2", "-t", f"$aws/things/{THING}/shadow/update/delta", "-d"]
    with Process(command, r"^Subscribed \(mid: 1\): 1$") as client:
        update(data, THING, {"desired": {"color": "RED"}})
        received = client.wait_for(r'^\{.*"state":\{"color":"RED"\}.*\}$', TIMEOUT_SECONDS)
        check("mosquitto_sub of the walk-through receives the delta", received, client.output())
        found = json.loads(received[0]) if received else {}
        check("the delta has version and time", (found.get("version"), "timestamp" in found) == (1, True), found)


def check_isolation(plane, data, device, other):
    """The walk-through's policy keeps another device out, and no client forges an answer."""
    certificate = [other.certificate, other.key]
    shadow, forged = f"$aws/things/{THING}/shadow", json.dumps({"state": {"desired": {"color": "forged"}}})
    for topic in (f"{shadow}/update", f"{shadow}/get", f"{shadow}/delete", f"{shadow}/update/delta", "$aws/things/other/shadow/update/delta",
            "$aws/things/other/shadow/update/accepted", "$aws/things/other/shadow/other"):
        with opened(plane.gateway, "other", plane.gateway.mqtts_port, certificate=certificate) as (client, event, _):
            check(f"{topic}: the other device connects", (found := event()) == CONNECTED, found)
            client.publish(topic, forged, qos=1)
            check(f"{topic}: and is disconnected", (found := event()) == "disconnected", found)
    for topic in (f"{shadow}/update/delta", "$aws/things/+/shadow/update/delta", "$aws/#", "#"):
        with opened(plane.gateway, "other", plane.gateway.mqtts_port, certificate=certificate) as (client, event, _):
            check(f"{topic}: the other device connects", (found := event()) == CONNECTED, found)
            client.subscribe(topic, qos=1)
            check(f"{topic}: its subscription fails", (found := event()) == "subscribed 128", found)
    found = document(data.get_thing_shadow(thingName=THING))["state"]["desired"]
    check("the shadow is as it was", found == {"color": "RED"}, found)


def arguments(gateway, device):
    return {
        "cert_filepath": str(device.certificate), "pri_key_filepath": str(device.key), "endpoint": "localhost", "port": int(gateway.mqtts_port),
        "ca_filepath": gateway.authority, "client_id": THING,
    }


def check_sdk(plane, data, device):
    """IotShadowClient over MQTT 3.1.1, as AWS's sample uses it."""
    connection = mqtt_connection_builder.mtls_from_path(**arguments(plane.gateway, device), clean_session=True)
    connection.connect().result(TIMEOUT_SECONDS)
    client, answers = iotshadow.IotShadowClient(connection), queue.Queue()
    for subscribe, request in (
        (client.subscribe_to_update_shadow_accepted, iotshadow.UpdateShadowSubscriptionRequest(THING)),
        (client.subscribe_to_update_shadow_rejected, iotshadow.UpdateShadowSubscriptionRequest(THING)),
        (client.subscribe_to_get_shadow_accepted, iotshadow.GetShadowSubscriptionRequest(THING)),
        (client.subscribe_to_get_shadow_rejected, iotshadow.GetShadowSubscriptionRequest(THING)),
        (client.subscribe_to_shadow_delta_updated_events, iotshadow.ShadowDeltaUpdatedSubscriptionRequest(THING)),
    ):
        future, _ = subscribe(request, QOS, answers.put)
        future.result(TIMEOUT_SECONDS)
    try:
        client.publish_get_shadow(iotshadow.GetShadowRequest(thing_name=THING, client_token="g"), QOS).result(TIMEOUT_SECONDS)
        found = answers.get(timeout=TIMEOUT_SECONDS)
        check("IotShadowClient: get", (found.client_token, found.state.desired, found.state.delta) == ("g", {"color": "RED"}, {"color": "RED"}), found)
        state = iotshadow.ShadowState(reported={"color": "RED"})
        client.publish_update_shadow(iotshadow.UpdateShadowRequest(thing_name=THING, state=state, client_token="u"), QOS).result(TIMEOUT_SECONDS)
        found = answers.get(timeout=TIMEOUT_SECONDS)
        check("IotShadowClient: update", (found.client_token, found.state.reported, found.version) == ("u", {"color": "RED"}, 2), found)
        update(data, THING, {"desired": {"color": "BLUE"}})
        kinds = {type(found).__name__: found for found in (answers.get(timeout=TIMEOUT_SECONDS) for _ in range(2))}
        delta = kinds.get("ShadowDeltaUpdatedEvent")
        check("IotShadowClient: the delta of an app's change", delta and (delta.state, delta.version) == ({"color": "BLUE"}, 3), kinds)
        wrong = iotshadow.UpdateShadowRequest(thing_name=THING, state=state, version=1, client_token="w")
        client.publish_update_shadow(wrong, QOS).result(TIMEOUT_SECONDS)
        found = answers.get(timeout=TIMEOUT_SECONDS)
        check("IotShadowClient: an old version", (found.code, found.message, found.client_token) == (409, "Version conflict", "w"), found)
    finally:
        connection.disconnect().result(TIMEOUT_SECONDS)


def check_sdk_v2(plane, data, device):
    """IotShadowClientV2 over MQTT 5, which subscribes by itself and finds answers by their client tokens."""
    connected, deltas, documents, subscribed = queue.Queue(), queue.Queue(), queue.Queue(), queue.Queue()
    client = mqtt5_client_builder.mtls_from_path(**arguments(plane.gateway, device), on_lifecycle_connection_success=connected.put)
    client.start()
    connected.get(timeout=TIMEOUT_SECONDS)
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=4, max_streaming_subscriptions=2, operation_timeout_in_seconds=TIMEOUT_SECONDS)
    try:
        shadow = iotshadow.IotShadowClientV2(client, options)
        streams = [
            shadow.create_named_shadow_delta_updated_stream(
                iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(shadow_name="config", thing_name=THING),
                ServiceStreamOptions(incoming_event_listener=deltas.put, subscription_status_listener=subscribed.put)),
            shadow.create_named_shadow_updated_stream(
                iotshadow.NamedShadowUpdatedSubscriptionRequest(shadow_name="config", thing_name=THING),
                ServiceStreamOptions(incoming_event_listener=documents.put, subscription_status_listener=subscribed.put)),
        ]
        for stream in streams:
            stream.open()
            subscribed.get(timeout=TIMEOUT_SECONDS)
        named = {"thing_name": THING, "shadow_name": "config"}
        try:
            error = shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(**named)).result(TIMEOUT_SECONDS)
        except V2ServiceException as failure:
            error = failure.modeled_error
        check("IotShadowClientV2: no shadow yet", (error.code, error.message) == (404, "No shadow exists with name: 'config'"), error)
        state = iotshadow.ShadowState(desired={"rate": 5}, reported={"rate": 1})
        found = shadow.update_named_shadow(iotshadow.UpdateNamedShadowRequest(state=state, **named)).result(TIMEOUT_SECONDS)
        check("IotShadowClientV2: update", (found.state.desired, found.version) == ({"rate": 5}, 1), found)
        delta = deltas.get(timeout=TIMEOUT_SECONDS)
        check("IotShadowClientV2: the delta", delta.state == {"rate": 5}, delta)
        changed = documents.get(timeout=TIMEOUT_SECONDS)
        check("IotShadowClientV2: the documents", (changed.previous.version, changed.current.state.reported) == (0, {"rate": 1}), changed)
        found = shadow.get_named_shadow(iotshadow.GetNamedShadowRequest(**named)).result(TIMEOUT_SECONDS)
        check("IotShadowClientV2: get", (found.state.delta, found.version) == ({"rate": 5}, 1), found)
        found = shadow.delete_named_shadow(iotshadow.DeleteNamedShadowRequest(**named)).result(TIMEOUT_SECONDS)
        check("IotShadowClientV2: delete", found.version == 1, found)
    finally:
        client.stop()


def check_kill(plane):
    """An update that boto3 has an answer to is there after `kill -9`, in the middle of others."""
    data, acknowledged, has_enough = data_client(plane), [], threading.Event()

    def write():
        while True:
            try:
                acknowledged.append(update(data, "killed", {"reported": {"count": len(acknowledged)}})["version"])
            except Exception:
                return
            if len(acknowledged) == UPDATES_BEFORE_KILL:
                has_enough.set()

    writer = threading.Thread(target=write)
    writer.start()
    check(f"{UPDATES_BEFORE_KILL} updates are acknowledged", has_enough.wait(TIMEOUT_SECONDS), len(acknowledged))
    os.killpg(plane.gateway.process.pid, signal.SIGKILL)
    writer.join()
    with Gateway("--config", str(plane.folder / "authorizer.toml")) as gateway:
        found = document(data_client(ControlPlane(plane.folder, gateway)).get_thing_shadow(thingName="killed"))
        # One more may have been stored when the process ended.
        check("after kill -9 the last acknowledged update is there", found["version"] in (acknowledged[-1], acknowledged[-1] + 1), (found, len(acknowledged)))
        check("and its state with it", found["state"]["reported"]["count"] == found["version"] - 1, found)
        print(f"{len(acknowledged)} updates acknowledged before the kill, version {found['version']} after it", flush=True)


def main():
    with control_plane() as plane:
        data = data_client(plane)
        check_boto(plane, data)
        device, other = provisioned(plane)
        check_mosquitto(plane, data, device)
        check_isolation(plane, data, device, other)
        check_sdk(plane, data, device)
        check_sdk_v2(plane, data, device)
        check_connections(plane, data, device)
        log = plane.gateway.output()
        check("the log has the rejection", f"$aws/things/{THING}/shadow/update REJECTED with 409: Version conflict" in log, log[-2000:])
        check_kill(plane)
    finish()


if __name__ == "__main__":
    main()
