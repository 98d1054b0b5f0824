resource "aws_iot_thing_group_membership" "sensor" {
  thing_name             = aws_iot_thing.sensor.name
  thing_group_name       = aws_iot_thing_group.hall.name
  override_dynamic_group = true
}

# The second apply moves the thing.
resource "aws_iot_thing_group_membership" "plain" {
  thing_name       = aws_iot_thing.plain.name
  thing_group_name = local.changed ? aws_iot_thing_group.hall.name : aws_iot_thing_group.site.name
}
