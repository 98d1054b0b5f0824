"""What the function `jitr` of `provision/` does for a device whose certificate is new, for a peer that runs functions
in Python: the certificate is ACTIVE last."""

import boto3
from cryptography import x509
from cryptography.x509.oid import NameOID

iot = boto3.client("iot")


def handler(event, context):
    described = iot.describe_certificate(certificateId=event["certificateId"])["certificateDescription"]
    subject = x509.load_pem_x509_certificate(described["certificatePem"].encode()).subject
    names = (NameOID.COMMON_NAME, NameOID.COUNTRY_NAME)
    name, country = (subject.get_attributes_for_oid(oid)[0].value for oid in names)
    attributes = {"country": country, "certificate_id": event["certificateId"]}
    iot.create_thing(thingName=name, attributePayload={"attributes": attributes})
    iot.attach_policy(policyName="device", target=described["certificateArn"])
    iot.attach_thing_principal(thingName=name, principal=described["certificateArn"])
    iot.update_certificate(certificateId=event["certificateId"], newStatus="ACTIVE")
