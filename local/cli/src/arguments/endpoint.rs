//! The arguments for the endpoint: how clients are authenticated, and the Region and account of the registry.

use clap::Args;
use iot_local_gateway::auth::endpoint::{
    ApplicationProtocol, AuthenticationType, EndpointSettings, InvalidEndpoint,
};

/// The settings of the endpoint.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Endpoint")]
pub struct EndpointArgs {
    /// How clients are authenticated, as a domain configuration sets it
    ///
    /// CUSTOM_AUTH_X509, CUSTOM_AUTH, AWS_X509, AWS_SIGV4 or DEFAULT. With DEFAULT, port, ALPN name and request decide.
    #[arg(long, value_name = "TYPE", hide_short_help = true)]
    pub authentication_type: Option<AuthenticationType>,
    /// The only protocol of clients, as a domain configuration sets it
    ///
    /// SECURE_MQTT, MQTT_WSS, HTTPS or DEFAULT, which is all of them.
    #[arg(long, value_name = "PROTOCOL", hide_short_help = true)]
    pub application_protocol: Option<ApplicationProtocol>,
    /// Region of the registry and of the function [default: that of local.toml, else of --function-arn, else us-east-1]
    #[arg(long, value_name = "REGION", hide_short_help = true)]
    pub region: Option<String>,
    /// Account of the registry and of the function [default: as --region, else 123456789012]
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub account: Option<String>,
    /// Time between a first connect and the template that provisions the device [default: 0, before the close]
    ///
    /// AWS IoT provisions in the background, typically within 1 to 3 seconds; until then, the device's retries are
    /// closed, too.
    #[arg(long, value_name = "SECONDS", hide_short_help = true, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub jitp_delay: Option<u64>,
    /// Start with an empty registry; the present one becomes registry.old
    #[arg(long)]
    pub fresh: bool,
    /// Throttle one call of AWS IoT's control plane in N, to test what calls it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), hide_short_help = true)]
    pub throttle: Option<u32>,
    /// Accept N connects in a second, as AWS IoT limits them for an account, and close further ones [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), hide_short_help = true)]
    pub connects_per_second: Option<u32>,
    /// Removed.
    #[arg(long, value_name = "FILE", hide = true, value_parser = removed_client_ca)]
    client_ca: Option<String>,
    /// Removed.
    #[arg(long, value_name = "FILE", hide = true, value_parser = removed_client_certificate)]
    client_certificate: Option<String>,
}

impl EndpointArgs {
    /// Returns the settings.
    ///
    /// # Errors
    /// AWS IoT has no such combination.
    pub fn settings(&self) -> Result<EndpointSettings, InvalidEndpoint> {
        EndpointSettings::new(
            self.authentication_type.unwrap_or_default(),
            self.application_protocol.unwrap_or_default(),
        )
    }
}

fn removed_client_ca(_: &str) -> Result<String, &'static str> {
    Err("this option is removed; the registry decides about client certificates\n  \
         help: register the CA at the running gateway: aws iot register-ca-certificate --ca-certificate file://CA.pem …, \
         or each certificate: aws iot register-certificate-without-ca --certificate-pem file://CERTIFICATE.pem \
         --status ACTIVE")
}

fn removed_client_certificate(_: &str) -> Result<String, &'static str> {
    Err("this option is removed; the registry decides about client certificates\n  \
         help: register it at the running gateway: aws iot register-certificate-without-ca \
         --certificate-pem file://CERTIFICATE.pem --status ACTIVE; for all certificates of a CA: \
         aws iot register-ca-certificate")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: EndpointArgs,
    }

    #[test]
    fn settings_have_aws_iot_s_names_and_combinations() {
        let parse = |line: &[&str]| Line::try_parse_from(["serve"].iter().chain(line)).map(|line| line.args);
        assert_eq!(parse(&[]).unwrap().settings(), Ok(EndpointSettings::default()));
        let by_default = ["--authentication-type", "DEFAULT", "--application-protocol", "DEFAULT"];
        assert_eq!(parse(&by_default).unwrap().settings(), Ok(EndpointSettings::default()));
        assert!(parse(&["--authentication-type", "AWS_X509"]).unwrap().settings().is_ok());
        assert_eq!(parse(&["--jitp-delay", "3"]).unwrap().jitp_delay, Some(3));
        let websocket = ["--authentication-type", "AWS_X509", "--application-protocol", "MQTT_WSS"];
        assert!(parse(&websocket).unwrap().settings().is_err());
        for (line, expected) in [
            (
                ["--authentication-type", "x509"],
                "CUSTOM_AUTH_X509, CUSTOM_AUTH, AWS_X509, AWS_SIGV4, DEFAULT",
            ),
            (["--application-protocol", "MQTT"], "SECURE_MQTT, MQTT_WSS, HTTPS, DEFAULT"),
            (["--jitp-delay", "3601"], "0..=3600"),
            (["--jitp-delay", "0.5"], "invalid digit"),
            (["--client-ca", "ca.pem"], "aws iot register-ca-certificate"),
            (["--client-ca", "ca.pem"], "register-certificate-without-ca"),
            (["--client-certificate", "device.pem"], "aws iot register-certificate-without-ca"),
            (["--client-certificate", "device.pem"], "register-ca-certificate"),
        ] {
            let error = parse(&line).unwrap_err();
            assert!(error.to_string().contains(expected), "{line:?}: {error}");
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }
}
