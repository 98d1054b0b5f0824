//! `health`: asks the running gateway whether it answers.

use clap::Args;

use crate::control::{self, Call, Control, ControlError, DEFAULT_REGION};

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address of the running gateway
    #[arg(long, value_name = "URL", default_value = control::DEFAULT_ENDPOINT, value_parser = control::endpoint)]
    endpoint: String,
}

/// Calls the API of the gateway once.
///
/// # Errors
/// Nothing answers in time, or something else than the API of AWS IoT.
pub(crate) async fn run(args: &HealthArgs) -> Result<(), ControlError> {
    let control = Control::new(&args.endpoint, DEFAULT_REGION);
    match control.call(Call::new("DescribeEndpoint", "GET", "/endpoint")).await {
        // A gateway of another Region, or one with `--throttle`, answers with an error.
        Ok(_) | Err(ControlError::Api { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that answers with these bytes.
    async fn health(response: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(response.as_bytes()).await.unwrap();
        });
        let result = run(&HealthArgs { endpoint }).await;
        server.await.unwrap();
        result.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn only_the_api_of_aws_iot_is_healthy() {
        for (response, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Ok(())),
            (
                "HTTP/1.1 403 x\r\nx-amzn-errortype: InvalidSignatureException\r\ncontent-length: 0\r\n\r\n",
                Ok(()),
            ),
            ("HTTP/1.1 429 x\r\nx-amzn-errortype: ThrottlingException\r\ncontent-length: 0\r\n\r\n", Ok(())),
            ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", Err("its body is not JSON")),
            ("HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", Err("status 404 without an error type")),
            ("SSH-2.0-x\r\n\r\n", Err("no gateway at http://127.0.0.1:")),
            ("", Err("no gateway at http://127.0.0.1:")),
        ] {
            match (health(response).await, expected) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{response:?}: {error}"),
                (result, _) => panic!("{response:?}: {result:?}"),
            }
        }
    }
}
