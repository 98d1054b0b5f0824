resource "aws_iot_thing" "sensor" {
  name            = "sensor-1"
  thing_type_name = aws_iot_thing_type.sensor.name

  attributes = {
    room  = var.stage
    floor = "2"
  }
}

# The type comes with the second apply.
resource "aws_iot_thing" "plain" {
  name            = "plain"
  thing_type_name = local.changed ? aws_iot_thing_type.sensor.name : null
}
