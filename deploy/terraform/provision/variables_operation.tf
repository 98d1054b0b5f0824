# What a destroy keeps
variable "keep_table" {
  description = "Whether DynamoDB protects the created table from deletion. A destroy then fails at the table."
  type        = bool
  default     = true
  nullable    = false
}

# Alarms
variable "alarm_topic_arn" {
  description = "An SNS topic that receives alarms. Without one they are only displayed."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[\\w-]+)?$", var.alarm_topic_arn))
    error_message = "invalid alarm_topic_arn; expected the ARN of an SNS topic"
  }
}

variable "docs_url" {
  description = "The address of your copy of the folder docs/. The alarms' descriptions link to its pages."
  type        = string
  default     = "docs"
  nullable    = false

  validation {
    condition     = can(regex("^[^\\s#?]*[^\\s#?/]$", var.docs_url)) && length(var.docs_url) <= 256
    error_message = "invalid docs_url; expected an address or a path without a final /, at most 256 characters"
  }
}

variable "denial_alarm_count" {
  description = "Denials of a function in five minutes from which on its alarm fires."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.denial_alarm_count >= 1
    error_message = "invalid denial_alarm_count; expected 1 or more"
  }
}
