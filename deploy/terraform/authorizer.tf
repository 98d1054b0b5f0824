resource "aws_iot_authorizer" "authorizer" {
  name                    = var.authorizer_name == "" ? var.name : var.authorizer_name
  authorizer_function_arn = aws_lambda_alias.live.arn
  status                  = var.authorizer_status
  # The function verifies each token itself, with any of its algorithms. AWS IoT's own check supports only RS256; it
  # saves calls but does not replace the verification.
  signing_disabled = !var.token_signing
  token_key_name   = var.token_key_name == "" ? null : var.token_key_name
  token_signing_public_keys = (
    var.token_signing ? { for name, key in local.signing_keys : name => replace(key, "\\n", "\n") if key != "" } : null
  )
  enable_caching_for_http = var.cache_for_http
}

# Only this authorizer of this account: otherwise the AWS IoT of any account could call the function.
resource "aws_lambda_permission" "authorizer" {
  statement_id   = "AllowAuthorizer"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.authorizer.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "iot.amazonaws.com"
  source_arn     = aws_iot_authorizer.authorizer.arn
  source_account = local.account
}

resource "aws_iot_domain_configuration" "domain" {
  count = local.has_domain ? 1 : 0

  name                    = var.name
  domain_name             = var.domain_name
  server_certificate_arns = [var.certificate_arn]
  service_type            = "DATA"
  authentication_type     = var.authentication_type
  application_protocol    = var.application_protocol

  authorizer_config {
    default_authorizer_name   = aws_iot_authorizer.authorizer.name
    allow_authorizer_override = var.allow_authorizer_override
  }
}
