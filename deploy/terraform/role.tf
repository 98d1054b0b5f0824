# The function may only write its own log, read its own secrets and, if it is traced, send traces.
resource "aws_iam_role" "authorizer" {
  name_prefix = "${substr(var.name, 0, 37)}-"
  path        = local.role_path

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "authorizer" {
  name = "permissions"
  role = aws_iam_role.authorizer.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.authorizer.arn}:*"
      }],
      [for secret in [local.keys_secret, var.revocation_secret_arn] : {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = secret
      } if secret != ""],
      [for key in [var.keys_secret_kms_key_arn] : {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = key
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.secret_region}.${data.aws_partition.current.dns_suffix}" } }
      } if key != ""],
      [for mode in [var.tracing] : {
        Effect = "Allow"
        Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        # X-Ray supports no other for these actions.
        Resource = "*"
      } if mode == "Active"],
    )
  })
}

locals {
  # A given secret may be one of another Region.
  secret_region = var.keys_secret_arn == "" ? local.region : split(":", var.keys_secret_arn)[3]
}
