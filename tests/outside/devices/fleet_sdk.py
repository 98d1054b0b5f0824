"""The identity clients of the AWS IoT Device SDK v2 for Python, unchanged, by claim certificate."""

import queue

from awscrt import mqtt, mqtt_request_response
from awsiot import V2ServiceException, iotidentity, mqtt5_client_builder, mqtt_connection_builder

TIMEOUT_SECONDS = 30
QOS = mqtt.QoS.AT_LEAST_ONCE


def arguments(gateway, client_id, files):
    certificate, key = files
    return {
        "cert_filepath": str(certificate), "pri_key_filepath": str(key), "endpoint": "localhost", "port": int(gateway.mqtts_port),
        "ca_filepath": gateway.authority, "client_id": client_id,
    }


def by_client(gateway, files, template, serial, csr=None):
    """IotIdentityClient over MQTT 3.1.1. Returns the new certificate and the answer, or the error."""
    connection = mqtt_connection_builder.mtls_from_path(**arguments(gateway, f"claim-{serial}", files), clean_session=True)
    connection.connect().result(TIMEOUT_SECONDS)
    client, answers = iotidentity.IotIdentityClient(connection), queue.Queue()
    keys, request = iotidentity.CreateKeysAndCertificateSubscriptionRequest(), iotidentity.CreateCertificateFromCsrSubscriptionRequest()
    things = iotidentity.RegisterThingSubscriptionRequest(template_name=template)
    for subscribe, what in (
        (client.subscribe_to_create_keys_and_certificate_accepted, keys), (client.subscribe_to_create_keys_and_certificate_rejected, keys),
        (client.subscribe_to_create_certificate_from_csr_accepted, request),
        (client.subscribe_to_create_certificate_from_csr_rejected, request),
        (client.subscribe_to_register_thing_accepted, things), (client.subscribe_to_register_thing_rejected, things),
    ):
        future, _ = subscribe(what, QOS, answers.put)
        future.result(TIMEOUT_SECONDS)
    try:
        if csr:
            asked = client.publish_create_certificate_from_csr(iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr), QOS)
        else:
            asked = client.publish_create_keys_and_certificate(iotidentity.CreateKeysAndCertificateRequest(), QOS)
        asked.result(TIMEOUT_SECONDS)
        created = answers.get(timeout=TIMEOUT_SECONDS)
        if isinstance(created, iotidentity.ErrorResponse):
            return None, created
        register = iotidentity.RegisterThingRequest(
            template_name=template, certificate_ownership_token=created.certificate_ownership_token, parameters={"SerialNumber": serial})
        client.publish_register_thing(register, QOS).result(TIMEOUT_SECONDS)
        return created, answers.get(timeout=TIMEOUT_SECONDS)
    finally:
        connection.disconnect().result(TIMEOUT_SECONDS)


def by_client_v2(gateway, files, template, serial):
    """IotIdentityClientV2 over MQTT 5, which subscribes by itself. Returns the new certificate and the answer, or the
    error."""
    connected = queue.Queue()
    client = mqtt5_client_builder.mtls_from_path(
        **arguments(gateway, f"claim-{serial}", files), on_lifecycle_connection_success=connected.put)
    client.start()
    connected.get(timeout=TIMEOUT_SECONDS)
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=2, max_streaming_subscriptions=1, operation_timeout_in_seconds=TIMEOUT_SECONDS)
    try:
        identity = iotidentity.IotIdentityClientV2(client, options)
        created = identity.create_keys_and_certificate(iotidentity.CreateKeysAndCertificateRequest()).result(TIMEOUT_SECONDS)
        register = iotidentity.RegisterThingRequest(
            template_name=template, certificate_ownership_token=created.certificate_ownership_token, parameters={"SerialNumber": serial})
        try:
            return created, identity.register_thing(register).result(TIMEOUT_SECONDS)
        except V2ServiceException as error:
            return created, error.modeled_error
    finally:
        client.stop()
