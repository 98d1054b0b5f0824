"""Resources of Terraform as those of CloudFormation: the kind, and the property that each attribute is."""

import json

# By the type: the kind, and the property of each attribute, as a path. A property `-` has no meaning for the resource.
CONVERSIONS = {
    "aws_cloudwatch_dashboard": ("AWS::CloudWatch::Dashboard", {"dashboard_body": "DashboardBody", "dashboard_name": "DashboardName"}),
    "aws_cloudwatch_log_group": ("AWS::Logs::LogGroup", {
        "name": "-", "name_prefix": "-", "retention_in_days": "RetentionInDays", "skip_destroy": "IsKept"}),
    "aws_cloudwatch_metric_alarm": ("AWS::CloudWatch::Alarm", {
        "alarm_name": "AlarmName", "alarm_description": "AlarmDescription", "namespace": "Namespace", "metric_name": "MetricName",
        "dimensions": "Dimensions", "statistic": "Statistic", "extended_statistic": "ExtendedStatistic",
        "evaluate_low_sample_count_percentiles": "EvaluateLowSampleCountPercentile", "period": "Period",
        "evaluation_periods": "EvaluationPeriods", "datapoints_to_alarm": "DatapointsToAlarm", "threshold": "Threshold",
        "comparison_operator": "ComparisonOperator", "treat_missing_data": "TreatMissingData", "alarm_actions": "AlarmActions",
        "ok_actions": "OKActions", "metric_query": "Metrics"}),
    "aws_dynamodb_table": ("AWS::DynamoDB::Table", {
        "name": "TableName", "billing_mode": "BillingMode", "hash_key": "KeySchema", "attribute": "AttributeDefinitions",
        "point_in_time_recovery": "PointInTimeRecoverySpecification", "deletion_protection_enabled": "IsKept"}),
    "aws_iam_role": ("AWS::IAM::Role", {
        "name": "-", "name_prefix": "-", "path": "Path", "assume_role_policy": "AssumeRolePolicyDocument"}),
    "aws_iot_authorizer": ("AWS::IoT::Authorizer", {
        "name": "AuthorizerName", "authorizer_function_arn": "AuthorizerFunctionArn", "status": "Status",
        "signing_disabled": "SigningDisabled", "token_key_name": "TokenKeyName", "token_signing_public_keys": "TokenSigningPublicKeys",
        "enable_caching_for_http": "EnableCachingForHttp"}),
    "aws_iot_domain_configuration": ("AWS::IoT::DomainConfiguration", {
        "name": "DomainConfigurationName", "domain_name": "DomainName", "server_certificate_arns": "ServerCertificateArns",
        "service_type": "ServiceType", "authentication_type": "AuthenticationType", "application_protocol": "ApplicationProtocol",
        "authorizer_config": "AuthorizerConfig"}),
    "aws_iot_provisioning_template": ("AWS::IoT::ProvisioningTemplate", {
        "name": "TemplateName", "description": "Description", "type": "TemplateType", "enabled": "Enabled",
        "provisioning_role_arn": "ProvisioningRoleArn", "pre_provisioning_hook": "PreProvisioningHook", "template_body": "TemplateBody"}),
    "aws_iot_topic_rule": ("AWS::IoT::TopicRule", {
        "name": "RuleName", "description": "TopicRulePayload.Description", "sql": "TopicRulePayload.Sql",
        "sql_version": "TopicRulePayload.AwsIotSqlVersion", "enabled": "TopicRulePayload.RuleDisabled",
        "lambda": "TopicRulePayload.Actions", "error_action": "TopicRulePayload.ErrorAction"}),
    "aws_lambda_alias": ("AWS::Lambda::Alias", {"name": "Name", "function_name": "FunctionName", "function_version": "FunctionVersion"}),
    "aws_lambda_function": ("AWS::Lambda::Function", {
        "function_name": "FunctionName", "filename": "-", "source_code_hash": "-", "publish": "-", "version": "-", "handler": "Handler",
        "runtime": "Runtime", "architectures": "Architectures", "memory_size": "MemorySize", "timeout": "Timeout", "role": "Role",
        "reserved_concurrent_executions": "ReservedConcurrentExecutions", "environment": "Environment",
        "logging_config": "LoggingConfig", "tracing_config": "TracingConfig", "dead_letter_config": "DeadLetterConfig"}),
    "aws_lambda_function_event_invoke_config": ("AWS::Lambda::EventInvokeConfig", {
        "function_name": "FunctionName", "maximum_retry_attempts": "MaximumRetryAttempts",
        "maximum_event_age_in_seconds": "MaximumEventAgeInSeconds"}),
    "aws_lambda_permission": ("AWS::Lambda::Permission", {
        "statement_id": "-", "action": "Action", "function_name": "FunctionName", "qualifier": "Qualifier", "principal": "Principal",
        "source_arn": "SourceArn", "source_account": "SourceAccount"}),
    "aws_secretsmanager_secret": ("AWS::SecretsManager::Secret", {
        "name": "-", "name_prefix": "-", "description": "Description", "kms_key_id": "KmsKeyId", "replica": "ReplicaRegions"}),
    "aws_secretsmanager_secret_policy": ("AWS::SecretsManager::ResourcePolicy", {
        "secret_arn": "SecretId", "block_public_policy": "BlockPublicPolicy", "policy": "ResourcePolicy"}),
    "aws_sqs_queue": ("AWS::SQS::Queue", {
        "name": "QueueName", "url": "-", "message_retention_seconds": "MessageRetentionPeriod", "sqs_managed_sse_enabled": "SqsManagedSseEnabled"}),
}
# What the provider sets without being asked, or has only for its own work.
PROVIDER_DEFAULTS = {
    "actions_enabled": True, "force_detach_policies": False, "max_session_duration": 3600, "package_type": "Zip", "path": "/",
    "recovery_window_in_days": 30, "status": "ENABLED", "timeouts": None, "visibility_timeout_seconds": 30, "max_message_size": 262144,
    "log_group_class": "STANDARD",
}
# Parts of another resource for CloudFormation.
PARTS = {"aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_lambda_provisioned_concurrency_config"}


def snake_case(name):
    """The name of a variable, by that of a parameter: `CacheForHttp` is `cache_for_http`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def camel_case(name):
    return "".join(word.capitalize() for word in name.split("_"))


def members(block):
    """A block as a property: its attributes in CloudFormation's spelling."""
    return {camel_case(key): value for key, value in block.items() if value not in (None, [])}


def query(block):
    """A metric query of an alarm."""
    found = {"Id": block["id"], "Label": block["label"] or None, "Expression": block["expression"] or None, "ReturnData": block["return_data"]}
    for metric in block["metric"]:
        found["MetricStat"] = {
            "Metric": {"Namespace": metric["namespace"], "MetricName": metric["metric_name"], "Dimensions": dimensions(metric["dimensions"])},
            "Stat": metric["stat"], "Period": metric["period"]}
    return found


def dimensions(found):
    return [{"Name": name, "Value": value} for name, value in (found or {}).items()]


def error_action(blocks):
    (sqs,), = (block["sqs"] for block in blocks)
    return {"Sqs": members(sqs)}


def first(blocks):
    return members(blocks[0]) if blocks else None


# How an attribute becomes its property, where the property has another form.
FORMS = {
    "Metrics": lambda blocks: [query(block) for block in blocks], "Dimensions": dimensions,
    "AssumeRolePolicyDocument": json.loads, "ResourcePolicy": json.loads,
    "KeySchema": lambda name: [{"AttributeName": name, "KeyType": "HASH"}],
    "AttributeDefinitions": lambda blocks: [{"AttributeName": each["name"], "AttributeType": each["type"]} for each in blocks],
    "PointInTimeRecoverySpecification": lambda blocks: {"PointInTimeRecoveryEnabled": blocks[0]["enabled"]},
    "TopicRulePayload.RuleDisabled": lambda is_enabled: not is_enabled,
    "TopicRulePayload.Actions": lambda blocks: [{"Lambda": members(block)} for block in blocks],
    "TopicRulePayload.ErrorAction": error_action, "ReplicaRegions": lambda blocks: [{"Region": block["region"]} for block in blocks],
    **dict.fromkeys(["AuthorizerConfig", "PreProvisioningHook", "Environment", "LoggingConfig", "TracingConfig", "DeadLetterConfig"], first),
}
