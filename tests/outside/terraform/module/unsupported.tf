# The gateway answers these by 501 and a sentence.
resource "aws_iot_role_alias" "unsupported" {
  count    = var.unsupported ? 1 : 0
  alias    = "alias"
  role_arn = local.role
}

resource "aws_iot_billing_group" "unsupported" {
  count = var.unsupported ? 1 : 0
  name  = "billing"
}

resource "aws_iot_indexing_configuration" "unsupported" {
  count = var.unsupported ? 1 : 0

  thing_indexing_configuration {
    thing_indexing_mode = "REGISTRY"
  }
}

resource "aws_iot_logging_options" "unsupported" {
  count             = var.unsupported ? 1 : 0
  default_log_level = "WARN"
  role_arn          = local.role
}

resource "aws_iot_topic_rule_destination" "unsupported" {
  count = var.unsupported ? 1 : 0

  vpc_configuration {
    role_arn   = local.role
    subnet_ids = ["subnet-1"]
    vpc_id     = "vpc-1"
  }
}
