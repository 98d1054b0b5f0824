# iot-jwt-authorizer, a custom authorizer for AWS IoT Core. docs/deploy-terraform.md explains the module; its resources
# and rights are those of template.yaml, and a test compares them.
terraform {
  # Validation that names other variables.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  has_domain = var.domain_name != ""
  has_secret = var.create_keys_secret || var.keys_secret_arn != ""
  # The secret's policy identifies its readers by this path.
  role_path    = "/iot-jwt-authorizer/${var.name}/"
  keys_secret  = var.create_keys_secret ? aws_secretsmanager_secret.keys[0].arn : var.keys_secret_arn
  signing_keys = { first = var.signing_public_key, second = var.second_signing_public_key }
}
