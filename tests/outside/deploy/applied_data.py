"""What applied.py applies, and what it expects."""

# The example, with nothing given but its folder; the authorizer with everything; and the provisioning functions.
ROOT_MODULE = """
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {}

variable "folder" {
  type = string
}

variable "memory_size" {
  type = number
}

locals {
  package = one(fileset(var.folder, "target/package/iot-jwt-authorizer-*.zip"))
}

module "example" {
  source       = "./terraform/examples/init-folder"
  folder       = var.folder
  architecture = trimprefix(trimsuffix(basename(local.package), ".zip"), "iot-jwt-authorizer-")
  provision    = { jitp_template_name = "example" }
}

module "full" {
  source                           = "./terraform"
  name                             = "full"
  package                          = "${var.folder}/${local.package}"
  architecture                     = "x86_64"
  memory_size                      = var.memory_size
  reserved_concurrency             = 100
  token_signing                    = true
  signing_public_key               = local.key
  second_signing_public_key        = local.key
  domain_name                      = "iot.example.com"
  certificate_arn                  = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
  authentication_type              = "CUSTOM_AUTH_X509"
  application_protocol             = "SECURE_MQTT"
  create_keys_secret               = true
  keys_secret_replica_region       = "eu-central-1"
  second_keys_secret_replica_region = "eu-west-1"
  keys_secret_kms_key_arn          = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
  revocation_secret_arn            = "arn:aws:secretsmanager:us-east-1:123456789012:secret:iot/revoked-GhIjKl"
  tracing                          = "Active"
  alarm_topic_arn                  = "arn:aws:sns:us-east-1:123456789012:operators"
  keep_logs                        = false
}

module "templates" {
  source              = "./terraform/provision"
  package             = "${var.folder}/${local.package}"
  architecture        = "x86_64"
  fleet_template_name = "fleet"
  jitp_template_name  = "jitp"
  table_name          = "devices"
  create_table        = true
  keep_table          = false
  keep_logs           = false
}

module "rules" {
  source              = "./terraform/provision"
  name                = "rules"
  package             = "${var.folder}/${local.package}"
  architecture        = "x86_64"
  authority_id        = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  second_authority_id = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
  bootstrap_request   = "bootstrap/+/request"
  keep_logs           = false
}

locals {
  key = file("${path.root}/key.pem")
}
"""

# What the services list: the service, the operation, its members, and the member of the answer.
LISTS = [
    ("iot", "list_authorizers", {}, "authorizers"),
    ("iot", "list_domain_configurations", {}, "domainConfigurations"),
    ("iot", "list_provisioning_templates", {}, "templates"),
    ("lambda", "list_functions", {}, "Functions"),
    ("iam", "list_roles", {}, "Roles"),
    ("logs", "describe_log_groups", {}, "logGroups"),
    ("secretsmanager", "list_secrets", {}, "SecretList"),
    ("cloudwatch", "describe_alarms", {}, "MetricAlarms"),
    ("cloudwatch", "list_dashboards", {}, "DashboardEntries"),
    ("dynamodb", "list_tables", {}, "TableNames"),
    ("sqs", "list_queues", {}, "QueueUrls"),
]
# What is applied. Left out are topic rules and their permissions: the gateway has no error action `sqs`, and moto no
# ListTagsForResource of AWS IoT. compare.py covers them by a provider that calls nothing.
TARGETS = [
    "module.example", "module.full", "module.templates",
    *(f"module.rules.{resource}" for resource in (
        "aws_lambda_function_event_invoke_config.this", "aws_iam_role_policy.rule", "aws_cloudwatch_metric_alarm.this")),
]
