# Each change of the document makes a version; the provider deletes the oldest of five.
resource "aws_iot_policy" "device" {
  name = "device"
  tags = { stage = var.stage }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "iot:Connect"
        Resource = "${local.prefix}:client/$${iot:Connection.Thing.ThingName}"
      },
      {
        Effect   = "Allow"
        Action   = ["iot:Publish", "iot:Receive"]
        Resource = "${local.prefix}:topic/${var.stage}/*"
      },
    ]
  })
}

# Deleted by the provider with its attachment to a group.
resource "aws_iot_policy" "group" {
  name   = "group"
  policy = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Deny\", \"Action\": \"iot:*\", \"Resource\": [\"*\"]}}"
}
