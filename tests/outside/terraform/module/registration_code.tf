data "aws_iot_registration_code" "this" {}

output "registration_code" {
  value = data.aws_iot_registration_code.this.registration_code
}
