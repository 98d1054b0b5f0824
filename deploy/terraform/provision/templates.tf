locals {
  # Both templates activate the certificate and attach the policy.
  template_resources = {
    certificate = {
      Type       = "AWS::IoT::Certificate"
      Properties = { CertificateId = { Ref = "AWS::IoT::Certificate::Id" }, Status = "ACTIVE" }
    }
    policy = {
      Type       = "AWS::IoT::Policy"
      Properties = { PolicyName = var.device_policy_name }
    }
  }
}

resource "aws_iot_provisioning_template" "fleet" {
  count = local.has_hook ? 1 : 0

  name                  = var.fleet_template_name
  description           = "A device with a claim gets a thing of its serial number, if the hook allows it."
  type                  = "FLEET_PROVISIONING"
  enabled               = true
  provisioning_role_arn = aws_iam_role.provisioning[0].arn

  pre_provisioning_hook {
    payload_version = "2020-04-01"
    target_arn      = aws_lambda_function.this["hook"].arn
  }

  template_body = jsonencode({
    Parameters = {
      SerialNumber                = { Type = "String" }
      "AWS::IoT::Certificate::Id" = { Type = "String" }
    }
    Resources = merge(local.template_resources, {
      thing = {
        Type             = "AWS::IoT::Thing"
        Properties       = { ThingName = { Ref = "SerialNumber" } }
        OverrideSettings = { AttributePayload = "DO_NOTHING", ThingTypeName = "DO_NOTHING", ThingGroups = "DO_NOTHING" }
      }
    })
  })

  # The template names a function that AWS IoT can invoke from its first request on.
  depends_on = [aws_lambda_permission.hook]
}

resource "aws_iot_provisioning_template" "jitp" {
  count = local.has_jitp ? 1 : 0

  name                  = var.jitp_template_name
  description           = "A device of a registered CA certificate gets a thing of its common name at its first connect."
  type                  = "JITP"
  enabled               = true
  provisioning_role_arn = aws_iam_role.provisioning[0].arn

  template_body = jsonencode({
    Parameters = {
      "AWS::IoT::Certificate::CommonName" = { Type = "String" }
      "AWS::IoT::Certificate::Country"    = { Type = "String" }
      "AWS::IoT::Certificate::Id"         = { Type = "String" }
    }
    Resources = merge(local.template_resources, {
      thing = {
        Type = "AWS::IoT::Thing"
        Properties = {
          ThingName        = { Ref = "AWS::IoT::Certificate::CommonName" }
          AttributePayload = { country = { Ref = "AWS::IoT::Certificate::Country" } }
        }
      }
    })
  })
}
