resource "aws_iot_thing_group" "site" {
  name = "site"
}

resource "aws_iot_thing_group" "hall" {
  name              = "hall"
  parent_group_name = aws_iot_thing_group.site.name
  tags              = { stage = var.stage }

  properties {
    description = "the ${var.stage} hall"

    attribute_payload {
      attributes = { stage = var.stage }
    }
  }
}

resource "aws_iot_thing_group" "yard" {
  name = "yard"

  properties {
    description = "outside"
  }
}
