# The module
variable "name" {
  description = "The name of the function, and the start or the path of the other names. Two deployments in one account need two."
  type        = string
  default     = "iot-jwt-authorizer"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,47}$", var.name))
    error_message = "invalid name; expected at most 48 letters, digits and -"
  }
}

variable "package" {
  description = "The path of the zip that `cargo local package` writes."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.package)
    error_message = "package is not a file; expected the zip of `cargo local package`"
  }
}

# The function
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
  description = "In MB. More memory gives more processor; the function itself needs less than 10."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 3008
    error_message = "invalid memory_size; expected 128 to 3008"
  }
}

variable "provisioned_concurrency" {
  description = "Number of sandboxes kept warm, charged by the hour. 0 disables it."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.provisioned_concurrency >= 0
    error_message = "invalid provisioned_concurrency; expected 0 or more"
  }

  validation {
    condition     = var.reserved_concurrency != 0 || var.provisioned_concurrency == 0
    error_message = "reserved_concurrency 0 leaves none for provisioned_concurrency."
  }
}

variable "reserved_concurrency" {
  description = "Maximum number of concurrent calls, reserved from the account's. -1 sets no limit; 0 denies every client."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "invalid reserved_concurrency; expected -1 or more"
  }
}

# The authorizer
variable "authorizer_name" {
  description = "The authorizer name that clients send. If empty, it is `name`."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[\\w=,@-]*$", var.authorizer_name)) && length(var.authorizer_name) <= 128
    error_message = "invalid authorizer_name; expected at most 128 letters, digits and =,@_-"
  }
}

variable "authorizer_status" {
  description = "Whether AWS IoT uses the authorizer."
  type        = string
  default     = "ACTIVE"
  nullable    = false

  validation {
    condition     = contains(["ACTIVE", "INACTIVE"], var.authorizer_status)
    error_message = "invalid authorizer_status; expected ACTIVE or INACTIVE"
  }
}

variable "token_key_name" {
  description = "The header, query parameter or user-name parameter that holds the token. Empty sets none."
  type        = string
  default     = "token"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]*$", var.token_key_name)) && length(var.token_key_name) <= 128
    error_message = "invalid token_key_name; expected at most 128 letters, digits, _ and -"
  }

  validation {
    condition     = !var.token_signing || var.token_key_name != ""
    error_message = "token_signing is on. Give token_key_name."
  }
}

variable "token_signing" {
  description = "Whether AWS IoT checks an RS256 signature before it calls the function. A change replaces the authorizer."
  type        = bool
  default     = false
  nullable    = false
}

variable "signing_public_key" {
  description = "RSA public key in PEM, at least 2048 bits. Line ends may be written as \\n."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\\\\\\s]+-----END PUBLIC KEY-----[\\\\n\\s]*)?$", var.signing_public_key)) && length(var.signing_public_key) <= 4096
    error_message = "invalid signing_public_key; expected an RSA public key in PEM (BEGIN PUBLIC KEY)"
  }

  validation {
    condition     = !var.token_signing || var.signing_public_key != ""
    error_message = "token_signing is on. Give signing_public_key."
  }

  validation {
    condition     = var.token_signing || var.signing_public_key == ""
    error_message = "signing_public_key is unused while token_signing is off."
  }
}

variable "second_signing_public_key" {
  description = "A second key, for a rotation."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\\\\\\s]+-----END PUBLIC KEY-----[\\\\n\\s]*)?$", var.second_signing_public_key)) && length(var.second_signing_public_key) <= 4096
    error_message = "invalid second_signing_public_key; expected an RSA public key in PEM (BEGIN PUBLIC KEY)"
  }

  validation {
    condition     = var.token_signing || var.second_signing_public_key == ""
    error_message = "second_signing_public_key is unused while token_signing is off."
  }
}

variable "cache_for_http" {
  description = "Whether AWS IoT caches responses for HTTPS publishes. A response can then outlive its token."
  type        = bool
  default     = false
  nullable    = false
}
