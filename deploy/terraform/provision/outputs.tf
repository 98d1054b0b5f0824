output "function_names" {
  description = "The name of each function, by its handler"
  value       = { for handler, function in aws_lambda_function.this : handler => function.function_name }
}

output "failed_events_url" {
  description = "The dead-letter queue"
  value       = one(aws_sqs_queue.failed_events[*].url)
}

output "fleet_template_name" {
  value = one(aws_iot_provisioning_template.fleet[*].name)
}

output "jitp_template_name" {
  description = "For the registration of the CA certificate"
  value       = one(aws_iot_provisioning_template.jitp[*].name)
}

output "table_name" {
  value = var.create_table ? aws_dynamodb_table.devices[0].name : var.table_name
}
