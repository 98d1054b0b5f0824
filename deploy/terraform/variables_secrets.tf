# Keys from AWS Secrets Manager
variable "create_keys_secret" {
  description = "A secret for the issuers' public keys."
  type        = bool
  default     = false
  nullable    = false
}

variable "keys_secret_replica_region" {
  description = "A Region for a replica of the secret."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z]+(-[a-z]+)+-[0-9])?$", var.keys_secret_replica_region))
    error_message = "invalid keys_secret_replica_region; expected a Region, as eu-central-1"
  }

  validation {
    condition     = var.create_keys_secret || var.keys_secret_replica_region == ""
    error_message = "keys_secret_replica_region needs create_keys_secret."
  }
}

variable "second_keys_secret_replica_region" {
  description = "A Region for a second replica of the secret."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z]+(-[a-z]+)+-[0-9])?$", var.second_keys_secret_replica_region))
    error_message = "invalid second_keys_secret_replica_region; expected a Region, as eu-central-1"
  }

  validation {
    condition     = var.create_keys_secret || var.second_keys_secret_replica_region == ""
    error_message = "second_keys_secret_replica_region needs create_keys_secret."
  }

  validation {
    condition     = var.second_keys_secret_replica_region == "" || var.keys_secret_replica_region != ""
    error_message = "Give keys_secret_replica_region before the second one."
  }

  validation {
    condition     = var.second_keys_secret_replica_region == "" || var.second_keys_secret_replica_region != var.keys_secret_replica_region
    error_message = "Both replicas are in one Region."
  }
}

variable "keys_secret_arn" {
  description = "The full ARN of an existing secret, for example a replica."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\\w/+=.@-]+-[A-Za-z0-9]{6})?$", var.keys_secret_arn))
    error_message = "invalid keys_secret_arn; expected the full ARN of a secret, with the six characters at its end"
  }

  validation {
    condition     = !var.create_keys_secret || var.keys_secret_arn == ""
    error_message = "Either create_keys_secret or keys_secret_arn, not both."
  }
}

variable "keys_secret_kms_key_arn" {
  description = "The secret's own KMS key, if it has one."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)?$", var.keys_secret_kms_key_arn))
    error_message = "invalid keys_secret_kms_key_arn; expected the ARN of a KMS key"
  }

  validation {
    condition     = var.keys_secret_kms_key_arn == "" || var.create_keys_secret || var.keys_secret_arn != ""
    error_message = "keys_secret_kms_key_arn needs create_keys_secret or keys_secret_arn."
  }
}

# Revocation list from AWS Secrets Manager
variable "revocation_secret_arn" {
  description = "The full ARN of the secret with the revocation list."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\\w/+=.@-]+-[A-Za-z0-9]{6})?$", var.revocation_secret_arn))
    error_message = "invalid revocation_secret_arn; expected the full ARN of a secret, with the six characters at its end"
  }
}
