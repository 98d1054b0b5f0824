//! The checks of a CONNECT: `iot:Connect`, the will, and the limits of AWS IoT.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html>

use std::net::IpAddr;

use iot_local_policy::limits;
use iot_local_policy::{Action, ClientCertificate, Context, StatementPlace, Verdict};
use rmqtt::types::{ConnectInfo, LastWill, QoS};

use crate::auth::Admission;

/// The parts of a CONNECT that the policy must allow, at the connect and at every refresh.
#[derive(Debug, Clone)]
pub(crate) struct ConnectRequest {
    /// The client id, or the one that the broker assigned. Never empty.
    pub(crate) client_id: String,
    pub(crate) context: Context,
    pub(crate) will: Option<Will>,
}

/// A will. The broker publishes it without calling a hook, so the policy is checked at the connect.
#[derive(Debug, Clone)]
pub(crate) struct Will {
    topic: String,
    retain: bool,
    qos: QoS,
}

/// Why a connect or a refresh is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectDenial {
    /// The reason, for the operator.
    pub(crate) reason: String,
    /// The statement that denies it. Absent for an implicit denial.
    pub(crate) decided_by: Option<StatementPlace>,
}

impl ConnectRequest {
    /// Reads a CONNECT of a client with this address.
    pub(crate) fn new(connect: &ConnectInfo, peer: IpAddr) -> Self {
        let client_id = connect.client_id().to_string();
        let will = connect.last_will().map(Will::from);
        let context = Context {
            client_id: Some(client_id.clone()),
            source_ip: Some(peer),
            persistent: is_persistent(connect),
            last_will: will.as_ref().map(|will| will.topic.clone()),
            // The registry is asked later.
            certificate: ClientCertificate::Absent,
            cognito: None,
        };
        Self { client_id, context, will }
    }

    /// Checks the limits of AWS IoT, which apply whatever the policy is.
    pub(crate) fn check_limits(&self) -> Result<(), ConnectDenial> {
        limits::client_id(&self.client_id)?;
        let Some(will) = &self.will else { return Ok(()) };
        limits::topic(&will.topic, will.retain).map_err(|error| format!("will: {error}"))?;
        if will.qos == QoS::ExactlyOnce {
            return Err("will: AWS IoT does not support QoS 2".into());
        }
        Ok(())
    }

    /// Checks the connect and the will. Returns the verdict that allows the connect.
    pub(crate) fn check_policy(&self, admission: &Admission) -> Result<Verdict, ConnectDenial> {
        let decide = |action, resource: &str| allowed_or_denial(admission.decide(action, resource));
        let client = format!("client/{}", self.client_id);
        let connect = decide(Action::Connect, &client)
            .map_err(|denial| denial.with_context(&format!("{} on {client}", Action::Connect)))?;
        let Some(will) = &self.will else { return Ok(connect) };
        let topic = format!("topic/{}", will.topic);
        let retain = will.retain.then_some(Action::RetainPublish);
        for action in [Some(Action::Publish), retain].into_iter().flatten() {
            decide(action, &topic)
                .map_err(|denial| denial.with_context(&format!("will: {action} on {topic}")))?;
        }
        Ok(connect)
    }
}

fn allowed_or_denial(verdict: Verdict) -> Result<Verdict, ConnectDenial> {
    match verdict.allowed {
        true => Ok(verdict),
        false => Err(ConnectDenial { reason: verdict.reason, decided_by: verdict.decided_by }),
    }
}

impl ConnectDenial {
    fn with_context(self, context: &str) -> Self {
        Self { reason: format!("{context}: {}", self.reason), ..self }
    }
}

impl<T: ToString> From<T> for ConnectDenial {
    fn from(reason: T) -> Self {
        Self { reason: reason.to_string(), decided_by: None }
    }
}

impl From<LastWill<'_>> for Will {
    fn from(will: LastWill<'_>) -> Self {
        let (topic, retain, qos) = match will {
            LastWill::V3(will) => (&will.topic, will.retain, will.qos),
            LastWill::V5(will) => (&will.topic, will.retain, will.qos),
        };
        Self { topic: topic.to_string(), retain, qos }
    }
}

/// Whether the CONNECT requests a session that outlives the connection.
fn is_persistent(connect: &ConnectInfo) -> bool {
    match connect {
        ConnectInfo::V3(_, connect) => !connect.clean_session,
        ConnectInfo::V5(_, connect) => connect.session_expiry_interval_secs > 0,
    }
}
