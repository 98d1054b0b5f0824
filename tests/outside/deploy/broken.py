"""Broken copies of the Terraform modules and of what they deploy, each of which the comparison has to find."""

from mutation import REMOVED, replaced

# Copies of a module, which Terraform applies: file, text, replacement.
AUTHORIZER_MODULES = [
    ("authorizer.tf", "source_arn     = aws_iot_authorizer.authorizer.arn", "source_arn     = aws_lambda_function.authorizer.arn"),
    ("authorizer.tf", r'replace(key, "\\n", "\n")', "key"),
    ("function.tf", "function_version = aws_lambda_function.authorizer.version", 'function_version = "$LATEST"'),
    ("role.tf", "[local.keys_secret, var.revocation_secret_arn]", "[local.keys_secret]"),
    ("role.tf", 'if mode == "Active"', 'if mode != "Active"'),
    ("alarms.tf", "dimensions = local.of_function, statistic", "dimensions = local.of_alias, statistic"),
]
PROVISION_MODULES = [
    ("functions.tf", "target_arn = dead_letter_config.value.arn", "target_arn = aws_iam_role.rule[0].arn"),
    ("roles.tf", "claim = concat(local.device_statements, local.failed_events_statements, local.table_statements, [",
        "claim = concat(local.device_statements, local.failed_events_statements, ["),
    ("rules.tf", "source_arn     = aws_iot_topic_rule.this[each.key].arn", "source_arn     = values(aws_iot_topic_rule.this)[0].arn"),
]

# Changes of what Terraform deployed with everything given: address, path into the attributes, replacement.
FUNCTION, ROLE, POLICY = "aws_lambda_function.authorizer", "aws_iam_role.authorizer", "aws_iam_role_policy.authorizer"
PERMISSION, DOMAIN = "aws_lambda_permission.authorizer", "aws_iot_domain_configuration.domain"
AUTHORIZER_STATES = [
    (PERMISSION, ("principal",), "lambda.amazonaws.com"),
    (PERMISSION, ("principal",), "*"),
    (PERMISSION, ("source_account",), None),
    (PERMISSION, ("source_arn",), None),
    (PERMISSION, ("qualifier",), None),
    (PERMISSION, ("qualifier",), "prod"),
    (PERMISSION, ("action",), "lambda:*"),
    ("aws_iot_authorizer.authorizer", ("authorizer_function_arn",), "arn:aws:mock:::aws_lambda_function.authorizer"),
    ("aws_iot_authorizer.authorizer", ("signing_disabled",), True),
    ("aws_iot_authorizer.authorizer", ("token_signing_public_keys", "second"), REMOVED),
    (DOMAIN, ("authorizer_config", 0, "default_authorizer_name"), "other"),
    (DOMAIN, ("authentication_type",), "DEFAULT"),
    (FUNCTION, ("timeout",), 10),
    (FUNCTION, ("layers",), ["arn:aws:lambda:eu-west-1:123456789012:layer:other:1"]),
    (FUNCTION, ("environment", 0, "variables", "REVOCATION_SECRET"), REMOVED),
    (FUNCTION, ("logging_config", 0, "log_format"), "Text"),
    ("aws_cloudwatch_log_group.authorizer", ("skip_destroy",), False),
    ("aws_cloudwatch_log_group.authorizer", ("kms_key_id",), "arn:aws:kms:eu-west-1:123456789012:key/1"),
    (ROLE, ("assume_role_policy",), replaced("lambda.amazonaws.com", "*")),
    (ROLE, ("path",), "/other/"),
    (ROLE, ("max_session_duration",), 43200),
    (POLICY, ("policy",), replaced('"logs:PutLogEvents"', '"logs:PutLogEvents","logs:CreateLogGroup"')),
    (POLICY, ("policy",), replaced("arn:aws:mock:::aws_cloudwatch_log_group.authorizer:*", "*")),
    (POLICY, ("policy",), replaced("arn:aws:mock:::aws_cloudwatch_log_group.authorizer:*", "arn:aws:mock:::aws_cloudwatch_log_group.authorizer")),
    (POLICY, ("policy",), replaced("arn:aws:mock:::aws_secretsmanager_secret.keys", "*")),
    (POLICY, ("policy",), replaced("kms:Decrypt", "kms:*")),
    (POLICY, ("policy",), replaced("kms:ViaService", "kms:CallerAccount")),
    ("aws_secretsmanager_secret_policy.keys", ("policy",), replaced("Deny", "Allow")),
    ("aws_secretsmanager_secret_policy.keys", ("policy",), replaced("/zq7xk/*", "/*")),
    ("aws_secretsmanager_secret_policy.keys", ("block_public_policy",), False),
    ("aws_secretsmanager_secret.keys", ("replica", 0), REMOVED),
    ("aws_secretsmanager_secret.keys", ("kms_key_id",), None),
    ("aws_cloudwatch_metric_alarm.metric.errors", ("treat_missing_data",), "missing"),
    ("aws_cloudwatch_metric_alarm.metric.errors", ("actions_enabled",), False),
    ("aws_cloudwatch_metric_alarm.metric.stale-keys", ("threshold",), 3600),
    ("aws_cloudwatch_metric_alarm.metric.duration", ("extended_statistic",), "p50"),
    ("aws_cloudwatch_metric_alarm.percent.key-refreshes", ("ok_actions",), []),
    ("aws_cloudwatch_dashboard.authorizer", ("dashboard_body",), replaced('"cold_starts"', '"starts"')),
]
PROVISION_STATES = [
    ("aws_lambda_function.this.hook", ("timeout",), 60),
    ("aws_lambda_function.this.claim", ("handler",), "jitr"),
    ("aws_lambda_function.this.jitr", ("reserved_concurrent_executions",), -1),
    ("aws_lambda_function_event_invoke_config.this.jitr", ("maximum_retry_attempts",), 0),
    ("aws_sqs_queue.failed_events", ("sqs_managed_sse_enabled",), False),
    ("aws_sqs_queue.failed_events", ("policy",), '{"Statement": []}'),
    ("aws_iam_role_policy.function.jitr", ("policy",), replaced('"iot:AttachPolicy"', '"iot:AttachPolicy","iot:CreatePolicy"')),
    ("aws_iam_role_policy.function.claim", ("policy",), replaced("topic/bootstrap/*/response", "topic/*")),
    ("aws_iam_role_policy.function.hook", ("policy",), replaced("dynamodb:UpdateItem", "dynamodb:PutItem")),
    ("aws_iam_role.rule", ("assume_role_policy",), replaced("StringEquals", "StringLike")),
    ("aws_iam_role_policy_attachment.provisioning", ("policy_arn",), "arn:aws-pseudo:iam::aws:policy/AdministratorAccess"),
    ("aws_iot_topic_rule.this.claim", ("sql",), replaced("csr, secret", "*")),
    ("aws_iot_topic_rule.this.claim", ("enabled",), False),
    ("aws_iot_topic_rule.this.claim", ("error_action",), []),
    ("aws_lambda_permission.hook", ("source_arn",), replaced("provisioningtemplate/fleet", "provisioningtemplate/*")),
    ("aws_iot_provisioning_template.fleet", ("template_body",), replaced('"DO_NOTHING"', '"REPLACE"')),
    ("aws_iot_provisioning_template.fleet", ("pre_provisioning_hook",), []),
    ("aws_dynamodb_table.devices", ("point_in_time_recovery", 0, "enabled"), False),
    ("aws_dynamodb_table.devices", ("hash_key",), "id"),
    ("aws_cloudwatch_metric_alarm.this.hook-denials", ("threshold",), 10),
]
