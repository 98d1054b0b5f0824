# Each role has exactly the calls of its function. Ids of certificates and names of things are unknown before a device
# connects, so resources end with `*` where they name one.
locals {
  certificates = "${local.iot}:cert/*"
  things       = "${local.iot}:thing/*"

  device_statements = [
    {
      Effect   = "Allow"
      Action   = ["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:AttachPolicy"]
      Resource = [local.certificates]
    },
    {
      Effect   = "Allow"
      Action   = ["iot:DescribeThing", "iot:CreateThing", "iot:UpdateThing", "iot:ListThingPrincipals"]
      Resource = [local.things]
    },
    # AWS documents the certificate as resource, and its own policies for devices name the thing, too.
    {
      Effect   = "Allow"
      Action   = ["iot:AttachThingPrincipal", "iot:DetachThingPrincipal"]
      Resource = [local.certificates, local.things]
    },
  ]
  failed_events_statements = [for queue in aws_sqs_queue.failed_events : {
    Effect   = "Allow"
    Action   = ["sqs:SendMessage"]
    Resource = [queue.arn]
  }]
  table_statements = [for table in [local.table] : {
    Effect   = "Allow"
    Action   = ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    Resource = [table]
  } if local.has_table]

  statements = {
    jitr = concat(local.device_statements, local.failed_events_statements, local.table_statements)
    claim = concat(local.device_statements, local.failed_events_statements, local.table_statements, [
      {
        Effect = "Allow"
        Action = ["iot:CreateCertificateFromCsr"]
        # AWS IoT supports no other for this action.
        Resource = ["*"]
      },
      {
        Effect   = "Allow"
        Action   = ["iot:DeleteCertificate"]
        Resource = [local.certificates]
      },
      {
        Effect   = "Allow"
        Action   = ["iot:Publish"]
        Resource = ["${local.iot}:topic/${var.bootstrap_response}"]
      },
    ])
    # It asks for the certificate that the table has for a serial number.
    hook = concat(local.table_statements, [for certificates in [local.certificates] : {
      Effect   = "Allow"
      Action   = ["iot:DescribeCertificate"]
      Resource = [certificates]
    } if local.has_table])
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name_prefix = "${substr(var.name, 0, 31)}-${each.key}-"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "permissions"
  role = aws_iam_role.function[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.statements[each.key], [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
    }])
  })
}

locals {
  # AWS IoT may use the roles for this account alone.
  trust_iot = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "iot.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

# What a rule does when it cannot invoke its function.
resource "aws_iam_role" "rule" {
  count = local.has_events ? 1 : 0

  name_prefix        = "${substr(var.name, 0, 32)}-rule-"
  assume_role_policy = local.trust_iot
}

resource "aws_iam_role_policy" "rule" {
  count = local.has_events ? 1 : 0

  name   = "failed-events"
  role   = aws_iam_role.rule[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.failed_events_statements })
}

# AWS IoT uses this role for both templates. AWS documents this policy for it, and no narrower one.
resource "aws_iam_role" "provisioning" {
  count = local.has_hook || local.has_jitp ? 1 : 0

  name_prefix        = "${substr(var.name, 0, 24)}-provisioning-"
  assume_role_policy = local.trust_iot
}

resource "aws_iam_role_policy_attachment" "provisioning" {
  count = length(aws_iam_role.provisioning)

  role       = aws_iam_role.provisioning[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSIoTThingsRegistration"
}
