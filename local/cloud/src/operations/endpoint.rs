//! The endpoint that devices connect to.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_DescribeEndpoint.html>

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::operations::Input;

/// Answers the host name of the gateway, without a port, as AWS does. `iot:Data` is AWS's endpoint of old with a
/// certificate of another CA; scripts that ask for it connect here, too.
///
/// # Errors
/// 400 for the endpoints of other services.
pub(crate) fn describe_endpoint(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    match input.query("endpointType") {
        None | Some("iot:Data-ATS" | "iot:Data") => {
            Ok(json!({ "endpointAddress": cloud.options().endpoint }))
        }
        Some(kind @ ("iot:CredentialProvider" | "iot:Jobs")) => Err(ApiError::invalid(format!(
            "endpointType {kind}: this gateway does not have that service; expected iot:Data-ATS"
        ))),
        Some(kind) => Err(ApiError::invalid(format!(
            "endpointType {kind:?} is unknown; expected iot:Data-ATS or iot:Data"
        ))),
    }
}
