resource "aws_iot_thing_principal_attachment" "sensor" {
  thing     = aws_iot_thing.sensor.name
  principal = aws_iot_certificate.created.arn
}

# The second apply attaches another certificate.
resource "aws_iot_thing_principal_attachment" "moved" {
  thing     = aws_iot_thing.plain.name
  principal = local.changed ? aws_iot_certificate.without_ca.arn : aws_iot_certificate.from_csr.arn
}
