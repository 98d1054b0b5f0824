# The module
variable "name" {
  description = "The start of the names of functions, roles, rules and alarms. Two deployments in one account need two."
  type        = string
  default     = "iot-provision"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,47}$", var.name))
    error_message = "invalid name; expected at most 48 letters, digits and -"
  }
}

variable "package" {
  description = "The path of the zip that `cargo local package --provision` writes."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package)
    error_message = "package is not a file; expected the zip of `cargo local package --provision`"
  }
}

variable "keep_logs" {
  description = "Whether the log remains after a destroy. The record of decisions is to survive; its events expire after log_retention_days."
  type        = bool
  default     = true
  nullable    = false
}

# The functions
variable "architecture" {
  description = "Must match the package."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "invalid architecture; expected arm64 or x86_64"
  }
}

variable "memory_size" {
  description = "In MB, of each function. More memory gives more processor."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 3008
    error_message = "invalid memory_size; expected 128 to 3008"
  }
}

variable "reserved_concurrency" {
  description = "Maximum number of concurrent calls of jitr, and of claim. Further events wait in Lambda's queue. -1 sets no limit; 0 stops both."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "invalid reserved_concurrency; expected -1 or more"
  }
}

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
  description = "Above INFO, lines of provisioned devices and their metrics are lost."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "invalid log_level; expected TRACE, DEBUG, INFO, WARN or ERROR"
  }
}
