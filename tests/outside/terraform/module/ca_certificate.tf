# The verification certificate has the registration code as its common name.
resource "aws_iot_ca_certificate" "verified" {
  active                       = true
  allow_auto_registration      = local.changed
  ca_certificate_pem           = file("${path.module}/ca-verified.pem")
  verification_certificate_pem = file("${path.module}/verification.pem")
  tags                         = { stage = var.stage }
}

resource "aws_iot_ca_certificate" "own" {
  active                  = true
  allow_auto_registration = false
  ca_certificate_pem      = file("${path.module}/ca-own.pem")
  certificate_mode        = "SNI_ONLY"
}
