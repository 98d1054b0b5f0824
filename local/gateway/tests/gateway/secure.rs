//! A gateway with a TLS port, and clients that trust it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use iot_local_gateway::certificate::{Authority, Identity};
use iot_local_gateway::tls::TlsOptions;
use iot_local_gateway::{GatewayOptions, RunningGateway};
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::open_with;

/// A state folder with a certificate authority.
pub(crate) struct StateFolder {
    pub(crate) authority: Arc<Authority>,
    _folder: TempDir,
}

impl StateFolder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("private")).unwrap();
        Self { authority: Arc::new(Authority::open(folder.path()).unwrap()), _folder: folder }
    }
}

pub(crate) struct TlsGateway {
    pub(crate) running: RunningGateway,
    pub(crate) tls_port: u16,
    pub(crate) mqtts_port: u16,
    pub(crate) state: StateFolder,
}

pub(crate) async fn open() -> TlsGateway {
    open_changed(|_| {}).await
}

pub(crate) async fn open_changed(change: impl FnOnce(&mut GatewayOptions)) -> TlsGateway {
    let state = StateFolder::new();
    let running = open_with(2, |options| {
        options.tls = Some(TlsOptions { port: 0, mqtts_port: 0, authority: Arc::clone(&state.authority) });
        change(options);
    })
    .await;
    let tls_port = running.tls_port.unwrap();
    let mqtts_port = running.mqtts_port.unwrap();
    TlsGateway { running, tls_port, mqtts_port, state }
}

impl TlsGateway {
    /// Returns the TLS configuration of a client that trusts the gateway.
    pub(crate) fn config(&self, alpn: &[&str], identity: Option<&Identity>) -> Arc<ClientConfig> {
        config(&self.state.authority, alpn, identity)
    }

    /// Returns the options of a client for MQTT without WebSocket.
    pub(crate) fn direct(&self, client_id: &str, config: Arc<ClientConfig>) -> MqttOptions {
        let mut options = MqttOptions::new(client_id, "localhost", self.tls_port);
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
        options
    }

    /// Returns the options of a client for MQTT over WebSocket over TLS.
    pub(crate) fn wss(&self, client_id: &str, query: &str, config: Arc<ClientConfig>) -> MqttOptions {
        let url = format!("wss://localhost:{}/mqtt{query}", self.tls_port);
        let mut options = MqttOptions::new(client_id, url, self.tls_port);
        options.set_transport(Transport::wss_with_config(TlsConfiguration::Rustls(config)));
        options
    }

    /// Connects a TLS stream.
    pub(crate) async fn tls_stream(
        &self,
        name: &str,
        config: Arc<ClientConfig>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.tls_port)).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(config).connect(name, stream).await
    }
}

pub(crate) fn config(authority: &Authority, alpn: &[&str], identity: Option<&Identity>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(Identity { certificate, key }) => {
            // Not checked, so that a test can use a key that does not match the certificate.
            let key = aws_lc_rs::sign::any_supported_type(&key.clone_key().into()).unwrap();
            let identity = CertifiedKey::new(vec![certificate.clone()], key);
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}
