# The log
variable "keep_logs" {
  description = "Whether the log remains after a destroy. The record of decisions is to survive; its events expire after log_retention_days."
  type        = bool
  default     = true
  nullable    = false
}

# Log, traces, alarms
variable "log_retention_days" {
  description = "How long the log is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "invalid log_retention_days; expected 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653"
  }
}

variable "log_level" {
  description = "Above INFO, lines of allowed requests and their metrics are lost."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "invalid log_level; expected TRACE, DEBUG, INFO, WARN or ERROR"
  }
}

variable "system_log_level" {
  description = "Lambda's own lines. INFO adds two to each call."
  type        = string
  default     = "WARN"
  nullable    = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN"], var.system_log_level)
    error_message = "invalid system_log_level; expected DEBUG, INFO or WARN"
  }
}

variable "tracing" {
  description = "Active sends traces to X-Ray."
  type        = string
  default     = "PassThrough"
  nullable    = false

  validation {
    condition     = contains(["PassThrough", "Active"], var.tracing)
    error_message = "invalid tracing; expected PassThrough or Active"
  }
}

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

variable "refusal_alarm_percent" {
  description = "The share of denials from which on the Refusals alarm fires."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.refusal_alarm_percent >= 1 && var.refusal_alarm_percent <= 100
    error_message = "invalid refusal_alarm_percent; expected 1 to 100"
  }
}

variable "refusal_alarm_calls" {
  description = "Minutes with fewer calls never fire the Refusals alarm."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.refusal_alarm_calls >= 1
    error_message = "invalid refusal_alarm_calls; expected 1 or more"
  }
}

variable "duration_alarm_milliseconds" {
  description = "The 99th percentile of durations from which on the Duration alarm fires."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.duration_alarm_milliseconds >= 1 && var.duration_alarm_milliseconds <= 5000
    error_message = "invalid duration_alarm_milliseconds; expected 1 to 5000"
  }
}

variable "key_age_alarm_seconds" {
  description = "Above refresh_seconds of each issuer, below its max_stale_seconds."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.key_age_alarm_seconds >= 60
    error_message = "invalid key_age_alarm_seconds; expected 60 or more"
  }
}

variable "dashboard" {
  description = "Whether there is a dashboard."
  type        = bool
  default     = true
  nullable    = false
}
