# jitr: registration at the first connect
variable "authority_id" {
  description = "The id of a CA certificate with an [[authority]] in provision.toml. If empty, there is no function jitr."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([0-9a-f]{64})?$", var.authority_id))
    error_message = "invalid authority_id; expected 64 digits of lower-case hexadecimal"
  }
}

variable "second_authority_id" {
  description = "A second one, for a rotation."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([0-9a-f]{64})?$", var.second_authority_id))
    error_message = "invalid second_authority_id; expected 64 digits of lower-case hexadecimal"
  }

  validation {
    condition     = var.second_authority_id == "" || var.authority_id != ""
    error_message = "Give authority_id before the second one."
  }

  validation {
    condition     = var.second_authority_id == "" || var.second_authority_id != var.authority_id
    error_message = "Both ids are those of one CA certificate."
  }
}

# claim: certificates for requests
variable "bootstrap_request" {
  description = "The topic filter `request` of the [[bootstrap]] in provision.toml. If empty, there is no function claim."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(([^+#$*?'\"/\\\\\\s]+/)*\\+(/[^+#$*?'\"/\\\\\\s]+)*)?$", var.bootstrap_request)) && length(var.bootstrap_request) <= 256
    error_message = "invalid bootstrap_request; expected a topic filter with one level + and no other wildcard, at most 256 characters"
  }
}

variable "bootstrap_id_level" {
  description = "The number of the level `+` in bootstrap_request, from 1."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.bootstrap_id_level >= 1 && var.bootstrap_id_level <= 8
    error_message = "invalid bootstrap_id_level; expected 1 to 8"
  }
}

variable "bootstrap_response" {
  description = "The topic `response` of the [[bootstrap]], with * instead of $${id}."
  type        = string
  default     = "bootstrap/*/response"
  nullable    = false

  validation {
    condition     = can(regex("^([^+#$*?'\"/\\\\\\s]+/)*\\*(/[^+#$*?'\"/\\\\\\s]+)*$", var.bootstrap_response)) && length(var.bootstrap_response) <= 256
    error_message = "invalid bootstrap_response; expected a topic with one level *, at most 256 characters"
  }
}

# hook: fleet provisioning, and just-in-time provisioning, which needs no function
variable "fleet_template_name" {
  description = "The name of the [[template]] in provision.toml. If empty, there is neither template nor function hook."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-Za-z_-]{0,36}$", var.fleet_template_name))
    error_message = "invalid fleet_template_name; expected at most 36 letters, digits, _ and -"
  }
}

variable "jitp_template_name" {
  description = "The name of a template for just-in-time provisioning. Empty creates no template."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-Za-z_-]{0,36}$", var.jitp_template_name))
    error_message = "invalid jitp_template_name; expected at most 36 letters, digits, _ and -"
  }

  validation {
    condition     = anytrue([for name in [var.authority_id, var.bootstrap_request, var.fleet_template_name, var.jitp_template_name] : name != ""])
    error_message = "Give at least one of authority_id, bootstrap_request, fleet_template_name and jitp_template_name."
  }

  validation {
    condition     = var.jitp_template_name == "" || var.jitp_template_name != var.fleet_template_name
    error_message = "fleet_template_name and jitp_template_name are equal. Templates of both kinds share their names."
  }
}

variable "device_policy_name" {
  description = "An existing AWS IoT policy, which both templates attach. The functions attach those of provision.toml."
  type        = string
  default     = "device"
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@-]{1,128}$", var.device_policy_name))
    error_message = "invalid device_policy_name; expected the name of an AWS IoT policy"
  }
}

# Expected devices
variable "table_name" {
  description = "The table of `expected = \"dynamodb:TABLE\"` in provision.toml. Empty without one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-zA-Z0-9_.-]{3,255})?$", var.table_name))
    error_message = "invalid table_name; expected the name of a table, 3 to 255 characters"
  }

  validation {
    condition     = !var.create_table || var.table_name != ""
    error_message = "create_table needs table_name, since provision.toml names the table."
  }

  validation {
    condition     = var.table_name == "" || anytrue([for name in [var.authority_id, var.bootstrap_request, var.fleet_template_name] : name != ""])
    error_message = "table_name does nothing without authority_id, bootstrap_request or fleet_template_name."
  }
}

variable "create_table" {
  description = "Whether this module creates the table."
  type        = bool
  default     = false
  nullable    = false
}
