//! Commands that need neither a token nor an example user: AWS's command line as the operator, and a device.

use std::path::Path;

use crate::shell::{quoted, quoted_path};

/// The name of the device and its certificate.
const DEVICE: &str = "device-1";

/// What these snippets are filled with.
pub(super) struct DeviceSettings<'a> {
    pub(super) port: u16,
    pub(super) mqtts_port: u16,
    pub(super) region: &'a str,
    /// The state folder.
    pub(super) state: &'a Path,
}

impl DeviceSettings<'_> {
    /// The variables with which AWS's command line and SDKs call this gateway as its operator. Each start of the
    /// gateway makes a new key pair unless another one runs on the folder, so the snippet names the file.
    pub(super) fn aws(&self) -> String {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let credentials = quoted_path(&self.state.join("private").join("operator"));
        format!(
            "export AWS_SHARED_CREDENTIALS_FILE={credentials}\n\
             export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n\
             export AWS_ENDPOINT_URL_IOT={endpoint} AWS_ENDPOINT_URL_IOT_DATA_PLANE={endpoint}\n\
             export AWS_ENDPOINT_URL_STS={endpoint}\n\
             aws iot list-certificates\n",
            region = quoted(self.region)
        )
    }

    /// Makes a device's certificate, and connects with it.
    pub(super) fn mosquitto(&self) -> String {
        let clients = self.state.join("clients");
        format!(
            "cargo local certificate {DEVICE} --endpoint http://127.0.0.1:{} --mqtts-port {}\n\
             # It connects once the commands that this prints have attached a policy and a thing.\n\
             mosquitto_pub -h localhost -p {} --cafile {} --cert {} --key {} \\\n  \
             -i {DEVICE} -t devices/{DEVICE}/hello -m hello -q 1\n",
            self.port,
            self.mqtts_port,
            self.mqtts_port,
            quoted_path(&self.state.join("ca.pem")),
            quoted_path(&clients.join(format!("{DEVICE}.pem"))),
            quoted_path(&clients.join(format!("{DEVICE}.key.pem")))
        )
    }
}
