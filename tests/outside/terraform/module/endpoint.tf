data "aws_iot_endpoint" "data" {
  endpoint_type = "iot:Data-ATS"
}

output "endpoint" {
  value = data.aws_iot_endpoint.data.endpoint_address
}
