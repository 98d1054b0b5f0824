# What the second apply changes: tags, documents, attributes, states.
variable "stage" {
  type    = string
  default = "first"
}

# Resources of operations that the gateway answers by 501.
variable "unsupported" {
  type    = bool
  default = false
}

locals {
  changed    = var.stage != "first"
  account    = "123456789012"
  role       = "arn:aws:iam::${local.account}:role/iot"
  prefix     = "arn:aws:iot:us-east-1:${local.account}"
  authorizer = "arn:aws:lambda:us-east-1:${local.account}:function:authorizer"
}
