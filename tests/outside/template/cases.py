"""Valid deployments, and those that CloudFormation has to reject."""

KEY = "-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\\n-----END PUBLIC KEY-----"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:issuers/keys-AbCdEf"
LIST = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:iot/revoked-GhIjKl"
KMS = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:operators"
DOMAIN = {"DomainName": "iot.example.com", "CertificateArn": CERTIFICATE}
SIGNED = {"TokenSigning": "on", "SigningPublicKey": KEY}

GOOD = {
    "nothing given": {},
    "signed, with two keys": {**SIGNED, "SecondSigningPublicKey": KEY.replace("\\n", "\n")},
    "a domain for certificates": {**DOMAIN, "AuthenticationType": "CUSTOM_AUTH_X509", "ApplicationProtocol": "SECURE_MQTT"},
    "a domain for browsers, with authorizer override": {**DOMAIN, "ApplicationProtocol": "MQTT_WSS", "AllowAuthorizerOverride": "true"},
    "a canary, kept warm, traced": {"Deployment": "Canary10Percent5Minutes", "ProvisionedConcurrency": 5, "ReservedConcurrency": 100, "Tracing": "Active"},
    "its own secret": {"CreateKeysSecret": "true", "KeysSecretReplicaRegion": "eu-central-1"},
    "a given secret with a key of its own": {"KeysSecretArn": SECRET, "KeysSecretKmsKeyArn": KMS, "Dashboard": "false"},
    "a revocation list": {"RevocationSecretArn": LIST},
    "everything": {
        **SIGNED, **DOMAIN, "SecondSigningPublicKey": KEY, "AuthorizerName": "app", "Deployment": "Linear10PercentEvery1Minute", "Tracing": "Active",
        "CreateKeysSecret": "true", "KeysSecretKmsKeyArn": KMS, "KeysSecretReplicaRegion": "eu-central-1", "SecondKeysSecretReplicaRegion": "us-east-1",
        "AlarmTopicArn": TOPIC, "DocsUrl": "https://git.example.com/docs", "RefusalAlarmPercent": 20, "DurationAlarmMilliseconds": 250, "KeyAgeAlarmSeconds": 900, "LogRetentionDays": 365,
        "Architecture": "x86_64", "MemorySize": 512, "RevocationSecretArn": LIST,
    },
    "minimal": {"TokenKeyName": "", "AuthorizerStatus": "INACTIVE", "ReservedConcurrency": 0, "LogLevel": "ERROR", "SystemLogLevel": "DEBUG"},
}

# Parameters, and a part of the violated rule's description.
CONTRADICTIONS = [
    ({"TokenSigning": "on"}, "Give SigningPublicKey"),
    ({"TokenSigning": "on", "SecondSigningPublicKey": KEY}, "Give SigningPublicKey"),
    ({**SIGNED, "TokenKeyName": ""}, "Give TokenKeyName"),
    ({"SigningPublicKey": KEY}, "SigningPublicKey is unused"),
    ({"SecondSigningPublicKey": KEY}, "SecondSigningPublicKey is unused"),
    ({"DomainName": "iot.example.com"}, "DomainName needs CertificateArn"),
    ({"CertificateArn": CERTIFICATE}, "CertificateArn does nothing"),
    ({"AuthenticationType": "DEFAULT"}, "AuthenticationType does nothing"),
    ({"AuthenticationType": "CUSTOM_AUTH_X509", "ApplicationProtocol": "HTTPS"}, "AuthenticationType does nothing"),
    ({"ApplicationProtocol": "MQTT_WSS"}, "ApplicationProtocol does nothing"),
    ({"AllowAuthorizerOverride": "true"}, "AllowAuthorizerOverride does nothing"),
    ({**DOMAIN, "AuthenticationType": "CUSTOM_AUTH_X509"}, "SECURE_MQTT and HTTPS alone"),
    ({**DOMAIN, "AuthenticationType": "CUSTOM_AUTH_X509", "ApplicationProtocol": "MQTT_WSS"}, "SECURE_MQTT and HTTPS alone"),
    ({"CreateKeysSecret": "true", "KeysSecretArn": SECRET}, "not both"),
    ({"KeysSecretReplicaRegion": "eu-central-1"}, "KeysSecretReplicaRegion needs CreateKeysSecret"),
    ({"KeysSecretArn": SECRET, "KeysSecretReplicaRegion": "eu-central-1"}, "KeysSecretReplicaRegion needs CreateKeysSecret"),
    ({"SecondKeysSecretReplicaRegion": "us-east-1"}, "SecondKeysSecretReplicaRegion needs CreateKeysSecret"),
    ({"CreateKeysSecret": "true", "SecondKeysSecretReplicaRegion": "us-east-1"}, "before the second"),
    ({"CreateKeysSecret": "true", "KeysSecretReplicaRegion": "us-east-1", "SecondKeysSecretReplicaRegion": "us-east-1"}, "in one Region"),
    ({"KeysSecretKmsKeyArn": KMS}, "KeysSecretKmsKeyArn needs"),
    ({"ReservedConcurrency": 0, "ProvisionedConcurrency": 1}, "leaves none"),
]

# Parameters, and the one that is outside its own limits.
OUTSIDE = [
    ({"Architecture": "arm"}, "Architecture"),
    ({"MemorySize": 64}, "MemorySize"),
    ({"ProvisionedConcurrency": -1}, "ProvisionedConcurrency"),
    ({"ReservedConcurrency": -2}, "ReservedConcurrency"),
    ({"Deployment": "Canary"}, "Deployment"),
    ({"AuthorizerName": "a b"}, "AuthorizerName"),
    ({"AuthorizerName": "a" * 129}, "AuthorizerName"),
    ({"AuthorizerStatus": "active"}, "AuthorizerStatus"),
    ({"TokenKeyName": "x token"}, "TokenKeyName"),
    ({"TokenSigning": "true"}, "TokenSigning"),
    ({"SigningPublicKey": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"}, "SigningPublicKey"),
    ({"SigningPublicKey": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"}, "SigningPublicKey"),
    ({"SecondSigningPublicKey": KEY + "and more"}, "SecondSigningPublicKey"),
    ({"CacheForHttp": "yes"}, "CacheForHttp"),
    ({"DomainName": "https://iot.example.com"}, "DomainName"),
    ({"DomainName": "localhost"}, "DomainName"),
    ({"CertificateArn": "arn:aws:iam::123456789012:server-certificate/x"}, "CertificateArn"),
    ({"AuthenticationType": "AWS_X509"}, "AuthenticationType"),
    ({"ApplicationProtocol": "MQTT"}, "ApplicationProtocol"),
    ({"KeysSecretReplicaRegion": "Frankfurt"}, "KeysSecretReplicaRegion"),
    ({"SecondKeysSecretReplicaRegion": "Frankfurt"}, "SecondKeysSecretReplicaRegion"),
    ({"KeysSecretArn": "issuers/keys"}, "KeysSecretArn"),
    ({"KeysSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*"}, "KeysSecretArn"),
    ({"KeysSecretArn": SECRET.removesuffix("-AbCdEf")}, "KeysSecretArn"),
    ({"KeysSecretKmsKeyArn": "alias/keys"}, "KeysSecretKmsKeyArn"),
    ({"RevocationSecretArn": "iot/revoked"}, "RevocationSecretArn"),
    ({"RevocationSecretArn": LIST.removesuffix("GhIjKl") + "*"}, "RevocationSecretArn"),
    ({"LogRetentionDays": 10}, "LogRetentionDays"),
    ({"LogLevel": "info"}, "LogLevel"),
    ({"SystemLogLevel": "TRACE"}, "SystemLogLevel"),
    ({"Tracing": "on"}, "Tracing"),
    ({"AlarmTopicArn": "operators"}, "AlarmTopicArn"),
    ({"DocsUrl": "https://git.example.com/docs/"}, "DocsUrl"),
    ({"DocsUrl": ""}, "DocsUrl"),
    ({"RefusalAlarmPercent": 101}, "RefusalAlarmPercent"),
    ({"RefusalAlarmCalls": 0}, "RefusalAlarmCalls"),
    ({"DurationAlarmMilliseconds": 5001}, "DurationAlarmMilliseconds"),
    ({"KeyAgeAlarmSeconds": 0}, "KeyAgeAlarmSeconds"),
]

# A change of any of these has to publish a version: otherwise the alias keeps the old one.
VERSIONED = [
    {"Architecture": "x86_64"}, {"MemorySize": 512}, {"LogLevel": "WARN"}, {"SystemLogLevel": "INFO"}, {"Tracing": "Active"}, {"CreateKeysSecret": "true"},
    {"KeysSecretArn": SECRET}, {"RevocationSecretArn": LIST},
]
