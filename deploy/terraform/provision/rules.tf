locals {
  # One rule for each CA certificate, so that no event of another one invokes the function. Only AWS IoT publishes to this
  # topic, so the rule selects everything.
  authority_rules = {
    for name, id in { jitr = var.authority_id, second_jitr = var.second_authority_id } : name => {
      function             = "jitr"
      description          = "The first connect of a device invokes jitr."
      sql                  = "SELECT * FROM '$aws/events/certificates/registered/${id}'"
    } if id != ""
  }
  # Never `*`: the payload is the device's, and could have an `id` of its own.
  claim_rules = {
    for name, request in { claim = var.bootstrap_request } : name => {
      function                   = "claim"
      description                = "A request for a certificate invokes claim."
      sql                        = "SELECT topic(${var.bootstrap_id_level}) AS id, topic() AS topic, clientid() AS client_id, principal() AS principal, csr, secret FROM '${request}'"
    } if request != ""
  }
  rules = merge(local.authority_rules, local.claim_rules)
}

resource "aws_iot_topic_rule" "this" {
  for_each = local.rules

  # The names of rules have no `-`.
  name        = "${replace(var.name, "-", "_")}_${each.key}"
  description = each.value.description
  enabled     = true
  sql         = each.value.sql
  sql_version = "2016-03-23"

  lambda {
    function_arn = aws_lambda_function.this[each.value.function].arn
  }

  error_action {
    sqs {
      queue_url  = aws_sqs_queue.failed_events[0].url
      role_arn   = aws_iam_role.rule[0].arn
      use_base64 = false
    }
  }
}

# Only these rules and this template of this account may invoke the functions.
resource "aws_lambda_permission" "rule" {
  for_each = local.rules

  statement_id   = "AllowRule-${each.key}"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this[each.value.function].function_name
  principal      = "iot.amazonaws.com"
  source_arn     = aws_iot_topic_rule.this[each.key].arn
  source_account = local.account
}

resource "aws_lambda_permission" "hook" {
  count = local.has_hook ? 1 : 0

  statement_id   = "AllowTemplate"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this["hook"].function_name
  principal      = "iot.amazonaws.com"
  source_arn     = "${local.iot}:provisioningtemplate/${var.fleet_template_name}"
  source_account = local.account
}
