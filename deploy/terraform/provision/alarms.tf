locals {
  topics = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]
  page   = "${var.docs_url}/deploy-provision.md"

  # Errors of jitr and claim are tried again, so what counts is what arrives here.
  queue_alarms = {
    for index, queue in aws_sqs_queue.failed_events : "failed-events" => {
      description = "An event failed three times, or a rule could not invoke its function. Its device waits for a certificate or an activation. What to do: ${local.page}#alarms"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = queue.name }
      statistic   = "Maximum"
      period      = 60
      threshold   = 1
    }
  }
  denied = {
    jitr  = "First connects of devices are denied"
    claim = "Requests for certificates are denied"
    hook  = "Devices with a claim are denied"
  }
  # One for each function, since an alarm cannot add metrics of functions that may be absent.
  denial_alarms = {
    for handler, function in aws_lambda_function.this : "${handler}-denials" => {
      description = "${local.denied[handler]}: an attack, a list that lacks devices, or a wrong configuration. What to do: ${local.page}#denials"
      namespace   = "iot-provision"
      metric      = "denied"
      dimensions  = { function = function.function_name }
      statistic   = "Sum"
      period      = 300
      threshold   = var.denial_alarm_count
    }
  }
  # AWS IoT denies the device when the hook fails, and tries nothing again.
  hook_metrics = {
    Errors    = "A call of the hook failed: the function could not start, ran out of time or crashed. The device was not provisioned."
    Throttles = "Lambda rejected calls of the hook because too many run at once. Their devices were not provisioned."
  }
  hook_alarms = {
    for metric, description in local.hook_metrics : "hook-${lower(metric)}" => {
      description = "${description} What to do: ${local.page}#alarms"
      namespace   = "AWS/Lambda"
      metric      = metric
      dimensions  = { FunctionName = aws_lambda_function.this["hook"].function_name }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
    } if local.has_hook
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = merge(local.queue_alarms, local.denial_alarms, local.hook_alarms)

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}
