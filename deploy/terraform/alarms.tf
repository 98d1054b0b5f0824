locals {
  topics = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]

  of_function = { FunctionName = aws_lambda_function.authorizer.function_name }
  of_alias    = merge(local.of_function, { Resource = "${aws_lambda_function.authorizer.function_name}:${aws_lambda_alias.live.name}" })
  # The metrics that the function writes.
  own = { function = aws_lambda_function.authorizer.function_name }

  # An alarm of one metric. Without `statistic` it is `extended_statistic`.
  metric_alarms = {
    # The function denies a bad request without an error, so an error is a failed start, a time-out or a crash.
    errors = {
      description = "A call of the authorizer failed: the function could not start, ran out of time or crashed. The client was not connected. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "AWS/Lambda", name = "Errors", dimensions = local.of_alias, statistic = "Sum" }
      threshold   = 1
    }
    keys-unavailable = {
      description = "Clients with valid tokens may be denied, because no key source of their issuer responds. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "iot-jwt-authorizer", name = "refused", dimensions = merge(local.own, { code = "keys_unavailable" }), statistic = "Sum" }
      threshold   = 1
    }
    duration = {
      description = "One call in a hundred is slow. AWS IoT denies a client whose call takes more than 5 seconds. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "AWS/Lambda", name = "Duration", dimensions = local.of_alias, extended_statistic = "p99" }
      threshold   = var.duration_alarm_milliseconds
      periods     = 5
      datapoints  = 3
    }
    throttles = {
      description = "Lambda rejected calls because too many run at once. Their clients were not connected. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "AWS/Lambda", name = "Throttles", dimensions = local.of_function, statistic = "Sum" }
      threshold   = 1
    }
    # An idle sandbox uses old keys once, which is normal. If even the newest keys are old, no sandbox could renew them.
    stale-keys = {
      description = "The keys of the issuers have not been renewed for too long. When max_stale_seconds is reached, clients are denied. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "iot-jwt-authorizer", name = "key_age_seconds", dimensions = local.own, statistic = "Minimum" }
      comparison  = "GreaterThanThreshold"
      threshold   = var.key_age_alarm_seconds
      period      = 300
      periods     = 3
      datapoints  = 3
    }
    # Without [revocation] its metrics do not exist.
    stale-revocation = {
      description = "Decisions are made without a revocation list, because no fetch of it succeeded for max_stale_seconds: valid tokens are denied, or revoked ones allowed, as when_stale says. What to do: ${var.docs_url}/deploy.md#alarms"
      metric      = { namespace = "iot-jwt-authorizer", name = "revocation_stale", dimensions = local.own, statistic = "Sum" }
      threshold   = 1
    }
  }

  # An alarm of a percentage: the last query is its expression, of the metrics before it.
  percent_alarms = {
    # Relative to Lambda's calls, not to allowed + refused: if no request is allowed, `allowed` has no data.
    refusals = {
      description = "More of the requests than usual are denied: an attack, or a new version of an app, the issuer or the configuration. What to do: ${var.docs_url}/logs.md#attack-or-our-fault"
      metrics = {
        refused = { namespace = "iot-jwt-authorizer", name = "refused", dimensions = local.own }
        calls   = { namespace = "AWS/Lambda", name = "Invocations", dimensions = local.of_alias }
      }
      label      = "denied, in percent of all calls"
      expression = "IF(calls >= ${var.refusal_alarm_calls}, 100 * refused / calls, 0)"
      threshold  = var.refusal_alarm_percent
      period     = 60
      periods    = 5
    }
    # The minimum age hides one failing issuer behind a working one. This alarm detects that.
    key-refreshes = {
      description = "Fetches of an issuer's keys fail repeatedly. The old keys stay in use until max_stale_seconds. What to do: ${var.docs_url}/deploy.md#alarms"
      metrics = {
        failed    = { namespace = "iot-jwt-authorizer", name = "key_refresh_failures", dimensions = local.own }
        refreshes = { namespace = "iot-jwt-authorizer", name = "key_refreshes", dimensions = local.own }
      }
      label      = "failed, in percent of all fetches"
      expression = "100 * failed / refreshes"
      threshold  = 25
      period     = 300
      periods    = 3
    }
    # Fires before the list is stale.
    revocation-refreshes = {
      description = "Fetches of the revocation list fail repeatedly. The last good list stays in use until max_stale_seconds, and new entries have no effect. What to do: ${var.docs_url}/deploy.md#alarms"
      metrics = {
        failed    = { namespace = "iot-jwt-authorizer", name = "revocation_refresh_failures", dimensions = local.own }
        refreshes = { namespace = "iot-jwt-authorizer", name = "revocation_refreshes", dimensions = local.own }
      }
      label      = "failed, in percent of all fetches"
      expression = "100 * failed / refreshes"
      threshold  = 25
      period     = 300
      periods    = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "metric" {
  for_each = local.metric_alarms

  alarm_name                            = "${var.name}-${each.key}"
  alarm_description                     = each.value.description
  namespace                             = each.value.metric.namespace
  metric_name                           = each.value.metric.name
  dimensions                            = each.value.metric.dimensions
  statistic                             = lookup(each.value.metric, "statistic", null)
  extended_statistic                    = lookup(each.value.metric, "extended_statistic", null)
  evaluate_low_sample_count_percentiles = contains(keys(each.value.metric), "extended_statistic") ? "ignore" : null
  period                                = lookup(each.value, "period", 60)
  evaluation_periods                    = lookup(each.value, "periods", 1)
  datapoints_to_alarm                   = lookup(each.value, "datapoints", null)
  threshold                             = each.value.threshold
  comparison_operator                   = lookup(each.value, "comparison", "GreaterThanOrEqualToThreshold")
  treat_missing_data                    = "notBreaching"
  alarm_actions                         = local.topics
  ok_actions                            = local.topics
}

resource "aws_cloudwatch_metric_alarm" "percent" {
  for_each = local.percent_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = 3
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = "Sum"
        period      = each.value.period
      }
    }
  }

  metric_query {
    id          = "percent"
    label       = each.value.label
    expression  = each.value.expression
    return_data = true
  }
}
