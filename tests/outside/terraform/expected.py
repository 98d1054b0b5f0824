"""What Terraform and the registry have to say, as data."""

# The action that the second apply plans for each resource of the module, and of the page: none where it is unchanged.
CHANGES = {
    "aws_iot_authorizer.signed": "update",
    "aws_iot_authorizer.unsigned": "update",
    "aws_iot_ca_certificate.body": "update",
    "aws_iot_ca_certificate.jitp": None,
    "aws_iot_ca_certificate.own": None,
    "aws_iot_ca_certificate.verified": "update",
    "aws_iot_certificate.created": None,
    "aws_iot_certificate.from_csr": "update",
    "aws_iot_certificate.lamp": None,
    "aws_iot_certificate.of_ca": "update",
    "aws_iot_certificate.without_ca": None,
    "aws_iot_domain_configuration.own": "update",
    "aws_iot_event_configurations.this": "update",
    "aws_iot_policy.device": "update",
    "aws_iot_policy.group": None,
    "aws_iot_policy.lamp": None,
    "aws_iot_policy_attachment.certificate": None,
    "aws_iot_policy_attachment.group": None,
    "aws_iot_policy_attachment.lamp": None,
    "aws_iot_policy_attachment.moved": "replace",
    "aws_iot_provisioning_template.fleet": "update",
    "aws_iot_provisioning_template.jitp": "update",
    "aws_iot_thing.lamp": None,
    "aws_iot_thing.plain": "update",
    "aws_iot_thing.sensor": "update",
    "aws_iot_thing_group.hall": "update",
    "aws_iot_thing_group.site": None,
    # Changed by another client: the second apply restores it.
    "aws_iot_thing_group.yard": "update",
    "aws_iot_thing_group_membership.plain": "replace",
    "aws_iot_thing_group_membership.sensor": None,
    "aws_iot_thing_principal_attachment.lamp": None,
    "aws_iot_thing_principal_attachment.moved": "replace",
    "aws_iot_thing_principal_attachment.sensor": None,
    "aws_iot_thing_type.old": "update",
    "aws_iot_thing_type.sensor": "update",
    "aws_iot_topic_rule.telemetry": "update",
}
# Resources of the provider whose operations the gateway answers by 501.
UNSUPPORTED = [
    "aws_iot_billing_group", "aws_iot_indexing_configuration", "aws_iot_logging_options", "aws_iot_role_alias",
    "aws_iot_topic_rule_destination",
]
# An operation of boto3, its members, a path into its answer, and what is there after the first and the second apply.
FACTS = [
    ("describe_thing", {"thingName": "sensor-1"}, "attributes.room", "first", "second"),
    ("describe_thing", {"thingName": "plain"}, "thingTypeName", None, "sensor"),
    ("describe_thing_type", {"thingTypeName": "old"}, "thingTypeMetadata.deprecated", False, True),
    ("describe_thing_group", {"thingGroupName": "hall"}, "thingGroupProperties.attributePayload.attributes.stage", "first", "second"),
    ("describe_thing_group", {"thingGroupName": "yard"}, "thingGroupProperties.thingGroupDescription", "outside", "outside"),
    ("list_thing_groups_for_thing", {"thingName": "plain"}, "thingGroups[].groupName", ["site"], ["hall"]),
    ("get_policy", {"policyName": "device"}, "defaultVersionId", "1", "2"),
    ("get_policy", {"policyName": "device"}, "contains(policyDocument, 'topic/second/')", False, True),
    ("list_targets_for_policy", {"policyName": "device"}, "length(targets)", 2, 2),
    ("list_certificates", {}, "length(certificates[?status == 'ACTIVE'])", 4, 4),
    ("list_ca_certificates", {}, "length(certificates)", 4, 4),
    ("get_topic_rule", {"ruleName": "telemetry"}, "rule.ruleDisabled", False, True),
    ("get_topic_rule", {"ruleName": "telemetry"}, "rule.actions[?republish].republish.topic", ["alarms/first"], ["alarms/second"]),
    ("describe_provisioning_template", {"templateName": "fleet"}, "[type, enabled, defaultVersionId]", ["FLEET_PROVISIONING", False, 1], ["FLEET_PROVISIONING", True, 2]),
    ("describe_provisioning_template", {"templateName": "jitp"}, "type", "JITP", "JITP"),
    ("describe_authorizer", {"authorizerName": "unsigned"}, "authorizerDescription.status", "ACTIVE", "INACTIVE"),
    ("describe_authorizer", {"authorizerName": "signed"}, "authorizerDescription.tokenKeyName", "token-first", "token-second"),
    ("describe_domain_configuration", {"domainConfigurationName": "own"}, "domainConfigurationStatus", "ENABLED", "DISABLED"),
    ("describe_event_configurations", {}, "eventConfigurations.THING.Enabled", False, True),
]
# What the registry lists: the same after the destroy as before the first apply.
LISTS = [
    ("list_authorizers", "authorizers"), ("list_ca_certificates", "certificates"), ("list_certificates", "certificates"),
    ("list_domain_configurations", "domainConfigurations"), ("list_policies", "policies"),
    ("list_provisioning_templates", "templates"), ("list_thing_groups", "thingGroups"), ("list_thing_types", "thingTypes"),
    ("list_things", "things"), ("list_topic_rules", "rules"),
]
