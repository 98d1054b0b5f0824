# A CA with a template registers devices by JITP. The second apply names the template by its body.
resource "aws_iot_ca_certificate" "jitp" {
  active                  = true
  allow_auto_registration = true
  ca_certificate_pem      = file("${path.module}/ca-jitp.pem")
  certificate_mode        = "SNI_ONLY"

  registration_config {
    template_name = aws_iot_provisioning_template.jitp.name
  }
}

resource "aws_iot_ca_certificate" "body" {
  active                  = true
  allow_auto_registration = true
  ca_certificate_pem      = file("${path.module}/ca-body.pem")
  certificate_mode        = "SNI_ONLY"

  registration_config {
    role_arn      = local.role
    template_body = aws_iot_provisioning_template.jitp.template_body
  }
}
