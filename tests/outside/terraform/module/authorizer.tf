resource "aws_iot_authorizer" "unsigned" {
  name                    = "unsigned"
  authorizer_function_arn = local.authorizer
  signing_disabled        = true
  status                  = local.changed ? "INACTIVE" : "ACTIVE"
  tags                    = { stage = var.stage }
}

resource "aws_iot_authorizer" "signed" {
  name                    = "signed"
  authorizer_function_arn = "${local.authorizer}${local.changed ? "-2" : ""}"
  enable_caching_for_http = local.changed
  token_key_name          = "token-${var.stage}"
  token_signing_public_keys = {
    (var.stage) = file("${path.module}/signing-key.pem")
  }
}
