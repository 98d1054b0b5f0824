resource "aws_iot_topic_rule" "telemetry" {
  name        = "telemetry"
  description = "the ${var.stage} rule"
  enabled     = !local.changed
  sql         = "SELECT *, topic(2) AS device FROM 'telemetry/+' WHERE temperature > ${local.changed ? 40 : 30}"
  sql_version = "2016-03-23"
  tags        = { stage = var.stage }

  lambda {
    function_arn = "arn:aws:lambda:us-east-1:${local.account}:function:telemetry"
  }

  republish {
    role_arn = local.role
    topic    = "alarms/${var.stage}"
    qos      = 1
  }

  error_action {
    republish {
      role_arn = local.role
      topic    = "errors"
    }
  }
}
