locals {
  # One package for all functions: the handler says which of them it is.
  functions = toset(concat(local.has_jitr ? ["jitr"] : [], local.has_claim ? ["claim"] : [], local.has_hook ? ["hook"] : []))
  # AWS IoT waits for the hook alone. Rules invoke the others, as events.
  event_functions = setsubtract(local.functions, ["hook"])
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name    = "${var.name}-${each.key}"
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = each.key
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_size
  # AWS IoT waits 5 seconds for the hook. The others try throttled calls again within their minute, then Lambda does.
  timeout                        = each.key == "hook" ? 5 : 60
  role                           = aws_iam_role.function[each.key].arn
  reserved_concurrent_executions = each.key == "hook" ? -1 : var.reserved_concurrency

  dynamic "dead_letter_config" {
    for_each = each.key == "hook" ? [] : aws_sqs_queue.failed_events

    content {
      target_arn = dead_letter_config.value.arn
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.function[each.key].name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "WARN"
  }

  # Lambda tests whether the role may send to the queue.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = local.event_functions

  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  # A prefix, since a log that was kept by a destroy has its name still.
  name_prefix       = "${var.name}-${each.key}-"
  retention_in_days = var.log_retention_days
  skip_destroy      = var.keep_logs
}

# Events that failed three times, and messages for which a rule could not invoke its function. A request of bootstrap
# may have the device's secret, so the queue is encrypted; anyone who can read the queue can read those.
resource "aws_sqs_queue" "failed_events" {
  count = local.has_events ? 1 : 0

  name = "${var.name}-failed-events"
  # 14 days, the longest.
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_dynamodb_table" "devices" {
  count = var.create_table ? 1 : 0

  name                        = var.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "device"
  deletion_protection_enabled = var.keep_table

  attribute {
    name = "device"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}
