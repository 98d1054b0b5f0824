locals {
  # A template makes a certificate, a thing with an attribute, and attaches a policy.
  template = {
    Parameters = { for name in ["SerialNumber", "AWS::IoT::Certificate::Id"] : name => { Type = "String" } }
    Resources = {
      certificate = {
        Type       = "AWS::IoT::Certificate"
        Properties = { CertificateId = { Ref = "AWS::IoT::Certificate::Id" }, Status = "Active" }
      }
      policy = {
        Type       = "AWS::IoT::Policy"
        Properties = { PolicyName = "device" }
      }
      thing = {
        Type = "AWS::IoT::Thing"
        Properties = {
          ThingName        = { "Fn::Join" = ["", ["sensor-", { Ref = "SerialNumber" }]] }
          AttributePayload = { stage = var.stage }
        }
      }
    }
  }
}

resource "aws_iot_provisioning_template" "fleet" {
  name                  = "fleet"
  description           = "the ${var.stage} template"
  enabled               = local.changed
  provisioning_role_arn = local.role
  template_body         = jsonencode(local.template)
  tags                  = { stage = var.stage }

  pre_provisioning_hook {
    target_arn = "arn:aws:lambda:us-east-1:${local.account}:function:hook"
  }
}

resource "aws_iot_provisioning_template" "jitp" {
  name                  = "jitp"
  type                  = "JITP"
  enabled               = true
  provisioning_role_arn = local.role

  template_body = jsonencode({
    Parameters = {
      "AWS::IoT::Certificate::CommonName" = { Type = "String" }
      "AWS::IoT::Certificate::Id"         = { Type = "String" }
    }
    Resources = {
      certificate = local.template.Resources.certificate
      thing = {
        Type = "AWS::IoT::Thing"
        Properties = {
          ThingName        = { Ref = "AWS::IoT::Certificate::CommonName" }
          AttributePayload = { stage = var.stage }
        }
      }
    }
  })
}
