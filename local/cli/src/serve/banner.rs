//! The first screen of `serve`: where to connect, and which command prints what to paste.

use std::path::Path;

use iot_local_gateway::RunningGateway;
use iot_local_identity::workspace::Workspace;
use serde_json::{Value, json};

use crate::serve::ServeOptions;
use crate::snippet::Client;

/// The addresses of a gateway.
pub(super) struct Banner<'a> {
    pub(super) port: u16,
    pub(super) tls_port: Option<u16>,
    pub(super) mqtts_port: Option<u16>,
    authority: String,
    /// As the user named it.
    config: &'a Path,
    has_tokens: bool,
}

impl<'a> Banner<'a> {
    pub(super) fn new(running: &RunningGateway, workspace: &Workspace, options: &'a ServeOptions) -> Self {
        Self {
            port: running.port,
            tls_port: running.tls_port,
            mqtts_port: running.mqtts_port,
            authority: workspace.root.join("ca.pem").display().to_string(),
            config: &options.function.config,
            has_tokens: !workspace.issuers.is_empty(),
        }
    }

    /// The screen as text. Its last line says that the event log follows.
    pub(super) fn text(&self) -> String {
        let port = self.port;
        let mut text = format!(
            "The local gateway listens on this machine only:\n\n  \
             page                  http://127.0.0.1:{port}/\n  \
             MQTT over WebSocket   ws://127.0.0.1:{port}/mqtt\n"
        );
        if let Some(port) = self.tls_port {
            text.push_str(&format!(
                "  MQTT over TLS         mqtts://localhost:{port}, wss://localhost:{port}/mqtt\n  \
                 CA certificate        {}\n",
                self.authority
            ));
        }
        if let Some(port) = self.mqtts_port {
            text.push_str(&format!("  with certificates     mqtts://localhost:{port}\n"));
        }
        text.push_str(&format!("  AWS APIs              AWS_ENDPOINT_URL_IOT=http://127.0.0.1:{port}\n"));
        text.push_str(&format!("  configuration         {}\n\n", self.config.display()));
        text.push_str(&match self.has_tokens {
            true => format!("Connect a client:       {}\n", self.snippet_command()),
            false => "Connect a client with a token of a configured issuer.\n".to_owned(),
        });
        text.push_str("\nEvent log (Ctrl-C stops the gateway):");
        text
    }

    /// The addresses for programs.
    pub(super) fn json(&self) -> Value {
        let port = self.port;
        json!({
            "kind": "listening",
            "page": format!("http://127.0.0.1:{port}/"),
            "webSocket": format!("ws://127.0.0.1:{port}/mqtt"),
            "mqtts": self.tls_port.map(|port| format!("mqtts://localhost:{port}")),
            "mqttsWithCertificates": self.mqtts_port.map(|port| format!("mqtts://localhost:{port}")),
            "awsEndpointUrl": format!("http://127.0.0.1:{port}"),
            "caCertificate": self.tls_port.map(|_| &self.authority),
            "configuration": self.config.display().to_string(),
        })
    }

    /// The command that prints a snippet for this gateway, with all clients that it knows.
    fn snippet_command(&self) -> String {
        let mut command = "cargo local snippet mqttjs".to_owned();
        for (option, port, default) in
            [("--port", Some(self.port), 8080), ("--tls-port", self.tls_port, 8443)]
        {
            if let Some(port) = port.filter(|port| *port != default) {
                command.push_str(&format!(" {option} {port}"));
            }
        }
        if self.config != Path::new("authorizer.toml") {
            command.push_str(&format!(" --config '{}'", self.config.display()));
        }
        let others: Vec<_> =
            Client::ALL.iter().map(|client| client.name()).filter(|name| *name != "mqttjs").collect();
        format!("{command}   (or {})", others.join(", "))
    }
}
