output "authorizer_name" {
  description = "The authorizer name for x-amz-customauthorizer-name"
  value       = aws_iot_authorizer.authorizer.name
}

output "authorizer_arn" {
  value = aws_iot_authorizer.authorizer.arn
}

output "token_key_name" {
  description = "The header, query parameter or user-name parameter that holds the token"
  value       = var.token_key_name
}

output "endpoint" {
  description = "The host that clients connect to, or the command that prints it"
  value       = local.has_domain ? var.domain_name : "aws iot describe-endpoint --endpoint-type iot:Data-ATS --region ${local.region}"
}

output "function_name" {
  value = aws_lambda_function.authorizer.function_name
}

output "function_arn" {
  value = aws_lambda_function.authorizer.arn
}

output "alias_arn" {
  description = "The alias that AWS IoT calls"
  value       = aws_lambda_alias.live.arn
}

output "role_arn" {
  value = aws_iam_role.authorizer.arn
}

output "log_group" {
  value = aws_cloudwatch_log_group.authorizer.name
}

output "keys_secret_arn" {
  description = "In authorizer.toml: keys = [\"secret:$${env:KEYS_SECRET}\"]"
  value       = local.keys_secret
}

output "dashboard_url" {
  value = var.dashboard ? "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards:name=${var.name}" : ""
}
