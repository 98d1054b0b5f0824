locals {
  function = aws_lambda_function.authorizer.function_name

  widgets = [
    {
      type   = "metric"
      x      = 0
      y      = 0
      width  = 12
      height = 6
      properties = {
        title  = "Decisions"
        region = local.region
        stat   = "Sum"
        period = 60
        view   = "timeSeries"
        metrics = [
          ["iot-jwt-authorizer", "allowed", "function", local.function],
          ["iot-jwt-authorizer", "refused", "function", local.function],
        ]
      }
    },
    {
      type   = "metric"
      x      = 12
      y      = 0
      width  = 12
      height = 6
      properties = {
        title   = "Denials by code"
        region  = local.region
        period  = 60
        view    = "timeSeries"
        stacked = true
        metrics = [
          [{ expression = "SEARCH('{\"iot-jwt-authorizer\",code,function} MetricName=\"refused\" function=\"${local.function}\"', 'Sum')", id = "codes" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 0
      y      = 6
      width  = 12
      height = 6
      properties = {
        title  = "Response times: of a decision in microseconds (left), of a call in milliseconds (right)"
        region = local.region
        period = 60
        view   = "timeSeries"
        metrics = [
          ["iot-jwt-authorizer", "duration_us", "function", local.function, { stat = "p50" }],
          ["iot-jwt-authorizer", "duration_us", "function", local.function, { stat = "p99" }],
          ["AWS/Lambda", "Duration", "FunctionName", local.function, "Resource", "${local.function}:live", { stat = "p99", yAxis = "right" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 12
      y      = 6
      width  = 12
      height = 6
      properties = {
        title  = "Lambda"
        region = local.region
        stat   = "Sum"
        period = 60
        view   = "timeSeries"
        metrics = [
          ["AWS/Lambda", "Errors", "FunctionName", local.function, "Resource", "${local.function}:live"],
          ["AWS/Lambda", "Throttles", "FunctionName", local.function],
          ["iot-jwt-authorizer", "cold_starts", "function", local.function],
          ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", local.function, { stat = "Maximum" }],
        ]
      }
    },
    {
      type   = "metric"
      x      = 0
      y      = 12
      width  = 12
      height = 6
      properties = {
        title  = "Keys: age in seconds (left), fetches (right)"
        region = local.region
        period = 300
        view   = "timeSeries"
        metrics = [
          ["iot-jwt-authorizer", "key_age_seconds", "function", local.function, { stat = "Minimum" }],
          ["iot-jwt-authorizer", "key_age_seconds", "function", local.function, { stat = "Maximum" }],
          ["iot-jwt-authorizer", "key_refreshes", "function", local.function, { stat = "Sum", yAxis = "right" }],
          ["iot-jwt-authorizer", "key_refresh_failures", "function", local.function, { stat = "Sum", yAxis = "right" }],
          ["iot-jwt-authorizer", "key_fetches", "function", local.function, { stat = "Sum", yAxis = "right", label = "key_fetches (a response waited)" }],
        ]
      }
    },
    {
      type   = "alarm"
      x      = 12
      y      = 12
      width  = 12
      height = 6
      properties = {
        title  = "Alarms"
        alarms = [for name in ["errors", "keys-unavailable", "refusals", "duration", "throttles", "stale-keys", "key-refreshes", "stale-revocation", "revocation-refreshes"] : local.alarm_arns[name]]
      }
    },
    {
      type   = "metric"
      x      = 0
      y      = 18
      width  = 24
      height = 6
      properties = {
        title  = "Revocation list: age in seconds (left), fetches and decisions without a list (right)"
        region = local.region
        period = 300
        view   = "timeSeries"
        metrics = [
          ["iot-jwt-authorizer", "revocation_age_seconds", "function", local.function, { stat = "Maximum" }],
          ["iot-jwt-authorizer", "revocation_refreshes", "function", local.function, { stat = "Sum", yAxis = "right" }],
          ["iot-jwt-authorizer", "revocation_refresh_failures", "function", local.function, { stat = "Sum", yAxis = "right" }],
          ["iot-jwt-authorizer", "revocation_stale", "function", local.function, { stat = "Sum", yAxis = "right" }],
        ]
      }
    },
    {
      type   = "log"
      x      = 0
      y      = 24
      width  = 24
      height = 6
      properties = {
        title  = "Latest denials"
        region = local.region
        view   = "table"
        query  = "SOURCE '${aws_cloudwatch_log_group.authorizer.name}' | filter decision = 'deny' | fields @timestamp, code, detail, issuer, kid, principal, connection_id, hint | sort @timestamp desc | limit 50"
      }
    },
  ]

  alarm_arns = { for name, alarm in merge(aws_cloudwatch_metric_alarm.metric, aws_cloudwatch_metric_alarm.percent) : name => alarm.arn }
}

resource "aws_cloudwatch_dashboard" "authorizer" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
