resource "aws_iot_thing_type" "sensor" {
  name = "sensor"
  tags = { stage = var.stage }

  properties {
    description           = "measures a room"
    searchable_attributes = ["room", "floor"]
  }
}

# Nothing is of this type: it can be deprecated.
resource "aws_iot_thing_type" "old" {
  name       = "old"
  deprecated = local.changed
}
