# The gateway serves names below `.localhost` with a certificate of its own.
resource "aws_iot_domain_configuration" "own" {
  name        = "own"
  domain_name = "devices.localhost"
  status      = local.changed ? "DISABLED" : "ENABLED"
  tags        = { stage = var.stage }

  authorizer_config {
    allow_authorizer_override = local.changed
    default_authorizer_name   = aws_iot_authorizer.signed.name
  }
}
