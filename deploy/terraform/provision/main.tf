# iot-provision, the functions that bring devices into AWS IoT Core. docs/deploy-terraform.md explains the module; its
# resources and rights are those of provision/template.yaml, and a test compares them.
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
  # The start of the ARNs of AWS IoT's resources.
  iot   = "arn:${local.partition}:iot:${data.aws_region.current.id}:${local.account}"
  table = "arn:${local.partition}:dynamodb:${data.aws_region.current.id}:${local.account}:table/${var.table_name}"

  has_jitr  = var.authority_id != ""
  has_claim = var.bootstrap_request != ""
  has_hook  = var.fleet_template_name != ""
  has_jitp  = var.jitp_template_name != ""
  has_table = var.table_name != ""
  # The functions that rules invoke.
  has_events = local.has_jitr || local.has_claim
}
