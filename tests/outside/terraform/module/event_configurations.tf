# The provider keeps what is there at its destroy: AWS has no operation that deletes it.
resource "aws_iot_event_configurations" "this" {
  event_configurations = merge(
    { for name in ["CA_CERTIFICATE", "CERTIFICATE", "JOB", "JOB_EXECUTION", "POLICY", "THING_GROUP_HIERARCHY", "THING_GROUP_MEMBERSHIP"] : name => false },
    { for name in ["THING", "THING_GROUP", "THING_TYPE", "THING_TYPE_ASSOCIATION"] : name => local.changed },
  )
}
