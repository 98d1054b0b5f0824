resource "aws_iot_policy_attachment" "certificate" {
  policy = aws_iot_policy.device.name
  target = aws_iot_certificate.created.arn
}

resource "aws_iot_policy_attachment" "group" {
  policy = aws_iot_policy.group.name
  target = aws_iot_thing_group.hall.arn
}

# The second apply attaches it to another certificate.
resource "aws_iot_policy_attachment" "moved" {
  policy = aws_iot_policy.device.name
  target = local.changed ? aws_iot_certificate.of_ca.arn : aws_iot_certificate.from_csr.arn
}
