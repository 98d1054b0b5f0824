//! Whether a client may connect as it asks to: `iot:Connect`, its will, and the limits of a CONNECT.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html>

use rmqtt::types::{ConnectInfo, LastWill, QoS};

use crate::limits;
use crate::policy::{Action, Context, Place, Policy, Question, Verdict};

/// What of a CONNECT the policy has to allow, at the connect and at every refresh.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// As the broker knows the client: never empty.
    pub(super) client_id: String,
    pub(super) context: Context,
    pub(super) will: Option<Will>,
}

/// The will, which is published in the client's name when it is gone and which no hook of the broker sees.
#[derive(Debug, Clone)]
pub(super) struct Will {
    topic: String,
    retain: bool,
    qos: QoS,
}

/// Why a client is not let in, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denied {
    /// For the operator.
    pub(super) reason: String,
    /// The statement that denies it, if one does.
    pub(super) decided_by: Option<Place>,
}

impl Wish {
    pub(super) fn new(connect: &ConnectInfo, peer: std::net::IpAddr, certificate: bool) -> Self {
        let client_id = connect.client_id().to_string();
        let will = connect.last_will().map(Will::from);
        let context = Context {
            client_id: Some(client_id.clone()),
            source_ip: Some(peer),
            persistent: is_persistent(connect),
            last_will: will.as_ref().map(|will| will.topic.clone()),
            certificate,
        };
        Self { client_id, context, will }
    }

    /// What AWS IoT refuses whatever the policy says.
    pub(super) fn within_limits(&self) -> Result<(), Denied> {
        limits::client_id(&self.client_id)?;
        let Some(will) = &self.will else { return Ok(()) };
        limits::topic(&will.topic, will.retain).map_err(|fault| format!("will: {fault}"))?;
        if will.qos == QoS::ExactlyOnce {
            return Err("will: AWS IoT has no QoS 2".into());
        }
        Ok(())
    }

    /// The verdict that allows the connect.
    pub(super) fn allowed_by(&self, policy: &Policy) -> Result<Verdict, Denied> {
        let ask = |action, resource: String| {
            policy.decide(&Question { action, resource: &resource, context: &self.context })
        };
        let client = format!("client/{}", self.client_id);
        let connect = granted(ask(Action::Connect, client.clone()))
            .map_err(|denied| denied.about(&format!("{} on {client}", Action::Connect)))?;
        let Some(will) = &self.will else { return Ok(connect) };
        let topic = format!("topic/{}", will.topic);
        let retained = will.retain.then_some(Action::RetainPublish);
        for action in [Some(Action::Publish), retained].into_iter().flatten() {
            granted(ask(action, topic.clone()))
                .map_err(|denied| denied.about(&format!("will: {action} on {topic}")))?;
        }
        Ok(connect)
    }
}

fn granted(verdict: Verdict) -> Result<Verdict, Denied> {
    match verdict.allowed {
        true => Ok(verdict),
        false => Err(Denied { reason: verdict.reason, decided_by: verdict.decided_by }),
    }
}

impl Denied {
    fn about(self, what: &str) -> Self {
        Self { reason: format!("{what}: {}", self.reason), ..self }
    }
}

impl<T: ToString> From<T> for Denied {
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

/// Whether the client asks for a session that outlives the connection.
fn is_persistent(connect: &ConnectInfo) -> bool {
    match connect {
        ConnectInfo::V3(_, connect) => !connect.clean_session,
        ConnectInfo::V5(_, connect) => connect.session_expiry_interval_secs > 0,
    }
}
