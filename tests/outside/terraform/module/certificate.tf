resource "aws_iot_certificate" "created" {
  active = true
}

resource "aws_iot_certificate" "from_csr" {
  csr    = file("${path.module}/device.csr.pem")
  active = local.changed
}

# Signed by the CA below, which has to be ACTIVE.
resource "aws_iot_certificate" "of_ca" {
  certificate_pem = file("${path.module}/of-ca.pem")
  ca_pem          = aws_iot_ca_certificate.own.ca_certificate_pem
  active          = !local.changed
}

resource "aws_iot_certificate" "without_ca" {
  certificate_pem = file("${path.module}/without-ca.pem")
  active          = true
}
