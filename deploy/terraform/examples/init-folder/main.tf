# Deploys a folder that `cargo local init` made: the zip that `cargo local package` wrote in it, with the parameters of
# its parameters.yaml. With `provision`, it deploys the provisioning functions, too.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

# The Region and the keys are those of the environment.
provider "aws" {}

variable "folder" {
  description = "The path of the folder."
  type        = string
}

variable "architecture" {
  description = "The architecture of the packages."
  type        = string
  default     = "arm64"
}

variable "provision" {
  description = "Inputs of the module provision, by their names; null without provisioning functions."
  type        = map(string)
  default     = null
}

locals {
  packages   = "${var.folder}/target/package"
  parameters = yamldecode(file("${var.folder}/parameters.yaml"))
}

module "authorizer" {
  source = "../.."

  package         = "${local.packages}/iot-jwt-authorizer-${var.architecture}.zip"
  architecture    = var.architecture
  authorizer_name = local.parameters.AuthorizerName
  alarm_topic_arn = local.parameters.AlarmTopicArn
}

module "provision" {
  source = "../../provision"
  count  = var.provision == null ? 0 : 1

  package             = "${local.packages}/iot-provision-${var.architecture}.zip"
  architecture        = var.architecture
  alarm_topic_arn     = local.parameters.AlarmTopicArn
  authority_id        = lookup(var.provision, "authority_id", "")
  bootstrap_request   = lookup(var.provision, "bootstrap_request", "")
  fleet_template_name = lookup(var.provision, "fleet_template_name", "")
  jitp_template_name  = lookup(var.provision, "jitp_template_name", "")
  table_name          = lookup(var.provision, "table_name", "")
  create_table        = lookup(var.provision, "create_table", false)
}

output "authorizer_name" {
  value = module.authorizer.authorizer_name
}

output "function_name" {
  value = module.authorizer.function_name
}

output "log_group" {
  value = module.authorizer.log_group
}
