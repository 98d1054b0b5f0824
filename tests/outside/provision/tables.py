"""What needs no gateway: the hook and its table, identities, and starts with errors. And the same functions against
moto, as far as it has the calls."""

import json
import subprocess

import registry
from claims import Device
from registry import event, registered
from host import ACCOUNT, REGION, Proxy, Sandbox, at_once, sandboxes
from lib.checks import check, check_none
from lib.paths import ROOT

TEMPLATE = f"arn:aws:iot:{REGION}:{ACCOUNT}:provisioningtemplate/fleet"
ALLOW, DENY = {"allowProvisioning": True}, {"allowProvisioning": False}


def create_table(dynamodb, *devices):
    """A table of expected devices. A device is a name, or a name and its columns."""
    dynamodb.create_table(
        TableName="devices", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "device", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "device", "AttributeType": "S"}])
    for device in devices:
        name, columns = device if isinstance(device, tuple) else (device, {})
        item = {"device": name, **columns}
        dynamodb.put_item(TableName="devices", Item={key: {"S": value} for key, value in item.items()})


def recorded(dynamodb, device):
    """The certificate of a row; `None` if it has none."""
    item = dynamodb.get_item(TableName="devices", Key={"device": {"S": device}}).get("Item", {})
    return item.get("certificate_id", {}).get("S")


def hook_event(certificate, serial_number, template=TEMPLATE):
    return {
        "claimCertificateId": "c" * 64, "certificateId": certificate, "certificatePem": "PEM", "templateArn": template,
        "clientId": "claim", "parameters": {"SerialNumber": serial_number},
    }


def check_hook(moto, environment):
    iot, dynamodb = moto.client("iot", REGION), moto.client("dynamodb", REGION)
    create_table(dynamodb, "sensor-1", "sensor-2", ("sensor-3", {"secret_sha256": "no hash"}), "five")
    first, second = (iot.create_keys_and_certificate(setAsActive=True)["certificateId"] for _ in range(2))
    with Sandbox("hook", registry.configuration(bootstrap="dynamodb:devices"), environment) as sandbox:
        for title, event, expected in [
            ("a device of the table", hook_event(first, "sensor-1"), ALLOW),
            ("the same certificate again", hook_event(first, "sensor-1"), ALLOW),
            ("a serial number that is used", hook_event(second, "sensor-1"), DENY),
            ("a device that is not in the table", hook_event(second, "sensor-9"), DENY),
            ("an unsafe serial number", hook_event(second, "sensor/1"), DENY),
            ("a number as serial number", hook_event(second, 1), DENY),
            ("another template", hook_event(second, "sensor-2", TEMPLATE + "2"), DENY),
            ("a template of another account", hook_event(second, "sensor-2", TEMPLATE.replace(ACCOUNT, "210987654321")), DENY),
        ]:
            response = sandbox.invoke(event)
            check(f"the hook: {title}", response == expected, str(response))
        check("the table has the first certificate", recorded(dynamodb, "sensor-1") == first)
        check("and nothing of a denied device", recorded(dynamodb, "sensor-2") is None)
        response = sandbox.invoke(hook_event(first, "sensor-3"))
        check("an unreadable row is an error of the function", "unreadable row" in str(response), str(response))
        codes = [line.get("code") for line in sandbox.lines()]
        expected = [None, None, "already_used", "unexpected_device", "unsafe_name", "unsafe_name", "unknown_template", "foreign_account", None]
        check("the log has the codes", codes == expected, str(codes))
        check_none("the log has nothing but lines", sandbox.problems())
    iot.update_certificate(certificateId=first, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=first)
    with Sandbox("hook", registry.configuration(bootstrap="dynamodb:devices"), environment) as sandbox:
        check("a serial number whose certificate was deleted", sandbox.invoke(hook_event(second, "sensor-1")) == ALLOW)
        check("the table has the second certificate", recorded(dynamodb, "sensor-1") == second)
    ids = [iot.create_keys_and_certificate(setAsActive=True)["certificateId"] for _ in range(5)]
    with sandboxes(5, "hook", registry.configuration(bootstrap="dynamodb:devices"), environment) as (_, invoke):
        responses = at_once(invoke, [hook_event(id, "five") for id in ids])
    check("five certificates for one serial number at once: one", responses.count(ALLOW) == 1 and responses.count(DENY) == 4, str(responses))
    allowed = ids[responses.index(ALLOW)] if ALLOW in responses else None
    check("which the table has", recorded(dynamodb, "five") == allowed)


def check_identity(iot, environment):
    """On any control plane with AttachPolicy."""
    own, other = registry.new_identity(), registry.new_identity()
    with Sandbox("attach", registry.configuration(bootstrap="dynamodb:devices"), environment) as sandbox:
        response = sandbox.invoke({"identityId": other, "policy": "device"}, identity=own)
        check("an identity gets its policy", response == {"status": "accepted", "identityId": own, "policy": "app"}, str(response))
        check("again", sandbox.invoke({}, identity=own)["status"] == "accepted")
        targets = iot.list_targets_for_policy(policyName="app")["targets"]
        check("and no identity that the event names", targets == [own], str(targets))
        for title, identity in [("no identity", None), ("a certificate as identity", f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{'a' * 64}")]:
            response = sandbox.invoke({"identityId": other}, identity=identity)
            check(f"denied: {title}", response == {"status": "denied", "code": "no_identity"}, str(response))
        check_none("the log has nothing but lines", sandbox.problems())


def check_shipped(iot):
    """The policies and templates of `provision/` are valid for the gateway, which reads them as strictly as AWS or more."""
    for file in sorted((ROOT / "provision/policies").iterdir()):
        made = iot.create_policy(policyName=f"shipped-{file.stem}", policyDocument=json.dumps(json.loads(file.read_text())))
        check(f"the shipped policy {file.name}", made["policyVersionId"] == "1")
    for file in sorted((ROOT / "provision/templates").iterdir()):
        kind = "JITP" if file.stem == "jitp" else "FLEET_PROVISIONING"
        made = iot.create_provisioning_template(
            templateName=file.stem, templateBody=file.read_text(), type=kind, enabled=True,
            provisioningRoleArn=f"arn:aws:iam::{ACCOUNT}:role/provisioning")
        check(f"the shipped template {file.name}", made["defaultVersionId"] == 1)


def with_authority(authority):
    """moto does not say which CA certificate a certificate was registered with."""
    def change(method, path, answer):
        if method != "GET" or not path.startswith("/certificates/") or b"certificateDescription" not in answer:
            return answer
        answer = json.loads(answer)
        answer["certificateDescription"]["caCertificateId"] = authority
        return json.dumps(answer).encode()
    return change


def check_moto(moto, environment):
    """moto has no first connect, attaches no policy to an identity, and certifies a key of its own for each request."""
    iot, dynamodb = moto.client("iot", REGION), moto.client("dynamodb", REGION)
    registry.create_policies(iot)
    authority = registry.Authority(iot, "devices")
    ids = {name: authority.register(iot, name) for name in ("sensor-1", "sensor-2", "revoked", "a/b")}
    stranger = authority.register(iot, "sensor-1")
    for id in (*ids.values(), stranger):
        iot.update_certificate(certificateId=id, newStatus="PENDING_ACTIVATION")
    dynamodb.put_item(TableName="devices", Item={"device": {"S": "device-1"}})
    with Proxy(moto.port, with_authority(authority.id)) as proxy:
        proxied = environment | {"AWS_ENDPOINT_URL_IOT": proxy.url}
        with Sandbox("jitr", registry.configuration(authority.id, bootstrap="dynamodb:devices"), proxied) as sandbox:
            response = sandbox.invoke(event(ids["sensor-1"], authority.id))
            expected = {"country": "JP", "certificate_id": ids["sensor-1"]}, {ids["sensor-1"]: ("ACTIVE", ["device"])}
            found = registered(iot, "sensor-1")
            check("moto: a first connect", response["status"] == "accepted" and found == expected, f"{response}, {found}")
            check("moto: the same event again", sandbox.invoke(event(ids["sensor-1"], authority.id))["status"] == "accepted")
            check("moto: which changes nothing", registered(iot, "sensor-1") == expected)
            check("moto: a second device", sandbox.invoke(event(ids["sensor-2"], authority.id))["status"] == "accepted")
            iot.update_certificate(certificateId=ids["revoked"], newStatus="REVOKED")
            for title, id, members, code in [
                ("a name that another certificate has", stranger, {}, "name_taken"),
                ("a revoked certificate", ids["revoked"], {}, "revoked"),
                ("a slash in the name", ids["a/b"], {}, "unsafe_name"),
                ("another account", ids["a/b"], {"awsAccountId": 1}, "foreign_account"),
                ("an unknown CA certificate", ids["a/b"], {"caCertificateId": "0" * 64}, "unknown_authority"),
            ]:
                response = sandbox.invoke(event(id, authority.id, **members))
                check(f"moto: denied: {title}", response == {"status": "denied", "code": code}, str(response))
            left = registry.without_rights(registry.all_certificates(iot))
            check("moto: the log has nothing but lines", not sandbox.problems(), str(sandbox.problems()))
            check("moto: no device is ACTIVE without rights", not set(left) & set(ids.values()), str(left))
        five = authority.register(iot, "five")
        iot.update_certificate(certificateId=five, newStatus="PENDING_ACTIVATION")
        with sandboxes(5, "jitr", registry.configuration(authority.id, bootstrap="dynamodb:devices"), proxied) as (_, invoke):
            responses = at_once(invoke, [event(five, authority.id)] * 5)
        found = registered(iot, "five")
        passed = found == ({"country": "JP", "certificate_id": five}, {five: ("ACTIVE", ["device"])})
        check("moto: five events at once: one thing, one attachment", passed, f"{responses}, {found}")
    with Sandbox("claim", registry.configuration(authority.id, bootstrap="dynamodb:devices"), environment) as sandbox:
        device = Device("device-1")
        response = sandbox.invoke(device.event())
        found = registered(iot, "device-1")
        certificate = response.get("certificateId") if isinstance(response, dict) else None
        expected = {"certificate_id": certificate}, {certificate: ("ACTIVE", ["device"])}
        check("moto: a request gets a certificate", found == expected, f"{response}, {found}")
        check("moto: the table has it", recorded(dynamodb, "device-1") == certificate)


# The handler, the configuration, the environment, and what the error names.
STARTS = [
    ("Jitr", registry.configuration("0" * 64, bootstrap="dynamodb:devices"), {}, "unknown handler"),
    ("jitr", registry.configuration(bootstrap="dynamodb:devices"), {}, "[[authority]]"),
    ("hook", "[[template]]\nname = 1\n", {}, "provision.toml:2"),
    ("claim", registry.configuration(), {}, "devices.csv"),
    ("attach", registry.configuration(bootstrap="dynamodb:devices"), {"AWS_ENDPOINT_URL_IOT": "http://example.com"}, "AWS_ENDPOINT_URL_IOT"),
]


def check_starts(environment, folder):
    """A start with errors prints each as a line of JSON, and ends."""
    for handler, configuration, more, expected in STARTS:
        (folder / "provision.toml").write_text(configuration)
        done = subprocess.run(
            [Sandbox.program], capture_output=True, text=True, timeout=60,
            env=environment | {"_HANDLER": handler, "AWS_REGION": REGION, "LAMBDA_TASK_ROOT": str(folder)} | more)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        passed = done.returncode == 1 and any(expected in line["message"] for line in lines) and not done.stdout
        check(f"a start with an error names {expected}", passed, done.stderr)
