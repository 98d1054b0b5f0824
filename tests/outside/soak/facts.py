"""Reads objects of the registry as the ledger has them. An object that does not exist is `None`."""

import json

HALF_DEVICES = "no change is made in half"


def none_if_missing(call, **members):
    try:
        return call(**members)
    except Exception as error:
        if getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            return None
        raise


def thing(clients, name):
    """Its attributes."""
    found = none_if_missing(clients.iot.describe_thing, thingName=name)
    return found and found["attributes"]


def policy(clients, name):
    """Its versions, of which one is the default, and the number in the default one's document."""
    found = none_if_missing(clients.iot.get_policy, policyName=name)
    if not found:
        return None
    versions = clients.iot.list_policy_versions(policyName=name)["policyVersions"]
    number = json.loads(found["policyDocument"])["Statement"][0]["Resource"].rpartition("/")[2]
    return int(number), found["defaultVersionId"], tuple(sorted(version["versionId"] for version in versions))


def group(clients, name):
    """Its things."""
    if not none_if_missing(clients.iot.describe_thing_group, thingGroupName=name):
        return None
    return tuple(sorted(clients.iot.list_things_in_thing_group(thingGroupName=name)["things"]))


def certificate(clients, identifier):
    """Its status, its policies, its things."""
    found = none_if_missing(clients.iot.describe_certificate, certificateId=identifier)
    if not found:
        return None
    arn = found["certificateDescription"]["certificateArn"]
    policies = clients.iot.list_attached_policies(target=arn)["policies"]
    things = clients.iot.list_principal_things(principal=arn)["things"]
    status = found["certificateDescription"]["status"]
    return status, tuple(sorted(each["policyName"] for each in policies)), tuple(sorted(things))


def device(clients, name, identifier):
    """Its certificate, and whether its thing exists."""
    found = certificate(clients, identifier), thing(clients, name) is not None
    return None if found == (None, False) else found


def shadow(clients, name, shadow_name):
    """Its version and its reported state."""
    named = {"shadowName": shadow_name} if shadow_name else {}
    found = none_if_missing(clients.data.get_thing_shadow, thingName=name, **named)
    if not found:
        return None
    document = json.loads(found["payload"].read())
    return document["version"], document["state"].get("reported")


READERS = {each.__name__: each for each in (thing, policy, group, certificate, device, shadow)}


def read(clients, key):
    kind, *names = key
    return READERS[kind](clients, *names)


def pages(operation, member, clients):
    return [item for page in clients.iot.get_paginator(operation).paginate() for item in page[member]]


def strays(clients, ledger):
    """What no answered or unanswered change explains: things that are unknown, and certificates that are unknown. Fleet
    provisioning may leave certificates that are PENDING_ACTIVATION."""
    known = ledger.acknowledged.keys() | ledger.pending.keys()
    things = {key[1] for key in known if key[0] in ("thing", "device")}
    identifiers = {key[-1] for key in known if key[0] in ("certificate", "device")} | ledger.stand.fixed_certificates
    for item in pages("list_things", "things", clients):
        if item["thingName"] not in things:
            yield f"thing {item['thingName']} is unknown"
    for item in pages("list_certificates", "certificates", clients):
        if item["certificateId"] not in identifiers and item["status"] != "PENDING_ACTIVATION":
            yield f"certificate {item['certificateId']} is unknown and {item['status']}"
