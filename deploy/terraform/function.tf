locals {
  environment = merge(
    local.has_secret ? { KEYS_SECRET = local.keys_secret } : {},
    var.revocation_secret_arn != "" ? { REVOCATION_SECRET = var.revocation_secret_arn } : {},
  )
}

resource "aws_lambda_function" "authorizer" {
  function_name    = var.name
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_size
  # The time that AWS IoT waits, in seconds.
  timeout                        = 5
  role                           = aws_iam_role.authorizer.arn
  reserved_concurrent_executions = var.reserved_concurrency
  # A change of the package or of a setting publishes a version, to which the alias moves.
  publish = true

  # An empty block would be a change of each plan.
  dynamic "environment" {
    for_each = length(local.environment) == 0 ? [] : [local.environment]

    content {
      variables = environment.value
    }
  }

  logging_config {
    log_group             = aws_cloudwatch_log_group.authorizer.name
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = var.system_log_level
  }

  tracing_config {
    mode = var.tracing
  }

  # The function is not called before it may write its log and read its secrets.
  depends_on = [aws_iam_role_policy.authorizer]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.authorizer.function_name
  function_version = aws_lambda_function.authorizer.version
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  count = var.provisioned_concurrency == 0 ? 0 : 1

  function_name                     = aws_lambda_function.authorizer.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.provisioned_concurrency
}

resource "aws_cloudwatch_log_group" "authorizer" {
  # A prefix, since a log that was kept by a destroy has its name still.
  name_prefix       = "${var.name}-"
  retention_in_days = var.log_retention_days
  skip_destroy      = var.keep_logs
}
