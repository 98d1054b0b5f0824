resource "aws_secretsmanager_secret" "keys" {
  count = var.create_keys_secret ? 1 : 0

  # A prefix, since a secret that a destroy deletes has its name for 30 days still, in which it can be restored.
  name_prefix = "${var.name}-keys-"
  description = "Public keys of the token issuers, read by iot-jwt-authorizer. Anyone who can write them can let any token pass."
  kms_key_id  = var.keys_secret_kms_key_arn == "" ? null : var.keys_secret_kms_key_arn

  dynamic "replica" {
    for_each = [for region in [var.keys_secret_replica_region, var.second_keys_secret_replica_region] : region if region != ""]

    content {
      region = replica.value
    }
  }
}

# Only reading is denied, so that an administrator can still write and can change this policy. Readers are identified
# by path, not by ARN, since replicas have this policy too, and functions of other Regions have roles of other names.
resource "aws_secretsmanager_secret_policy" "keys" {
  count = var.create_keys_secret ? 1 : 0

  secret_arn          = aws_secretsmanager_secret.keys[0].arn
  block_public_policy = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyAuthorizersRead"
      Effect    = "Deny"
      Principal = "*"
      Action    = "secretsmanager:GetSecretValue"
      # The secret with this policy.
      Resource  = "*"
      Condition = { ArnNotLike = { "aws:PrincipalArn" = "arn:${local.partition}:iam::${local.account}:role${local.role_path}*" } }
    }]
  })
}
