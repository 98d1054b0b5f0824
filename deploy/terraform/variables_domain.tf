# Custom domain
variable "domain_name" {
  description = "A custom domain for which the authorizer is the default."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)?$", var.domain_name)) && length(var.domain_name) <= 253
    error_message = "invalid domain_name; expected a host name with a dot, as iot.example.com"
  }
}

variable "certificate_arn" {
  description = "The domain's certificate in ACM, in this Region."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+)?$", var.certificate_arn))
    error_message = "invalid certificate_arn; expected the ARN of a certificate in ACM"
  }

  validation {
    condition     = var.domain_name == "" || var.certificate_arn != ""
    error_message = "domain_name needs certificate_arn, a certificate in ACM in this Region."
  }

  validation {
    condition     = var.domain_name != "" || var.certificate_arn == ""
    error_message = "certificate_arn does nothing without domain_name."
  }
}

variable "authentication_type" {
  description = "How clients of the domain authenticate."
  type        = string
  default     = "CUSTOM_AUTH"
  nullable    = false

  validation {
    condition     = contains(["CUSTOM_AUTH", "CUSTOM_AUTH_X509", "DEFAULT"], var.authentication_type)
    error_message = "invalid authentication_type; expected CUSTOM_AUTH, CUSTOM_AUTH_X509 or DEFAULT"
  }

  validation {
    condition     = var.domain_name != "" || var.authentication_type == "CUSTOM_AUTH"
    error_message = "authentication_type does nothing without domain_name."
  }
}

variable "application_protocol" {
  description = "The protocol of the domain. DEFAULT lets port and ALPN decide."
  type        = string
  default     = "DEFAULT"
  nullable    = false

  validation {
    condition     = contains(["DEFAULT", "SECURE_MQTT", "MQTT_WSS", "HTTPS"], var.application_protocol)
    error_message = "invalid application_protocol; expected DEFAULT, SECURE_MQTT, MQTT_WSS or HTTPS"
  }

  validation {
    condition     = var.domain_name != "" || var.application_protocol == "DEFAULT"
    error_message = "application_protocol does nothing without domain_name."
  }

  validation {
    condition     = var.authentication_type != "CUSTOM_AUTH_X509" || contains(["SECURE_MQTT", "HTTPS"], var.application_protocol)
    error_message = "CUSTOM_AUTH_X509 works with the protocols SECURE_MQTT and HTTPS alone."
  }
}

variable "allow_authorizer_override" {
  description = "Whether a client may name another authorizer on this domain."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = var.domain_name != "" || !var.allow_authorizer_override
    error_message = "allow_authorizer_override does nothing without domain_name."
  }
}
