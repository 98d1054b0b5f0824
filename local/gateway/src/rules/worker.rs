//! Takes messages from the queue, in order, and carries out the actions of their rules.

use std::sync::Arc;

use futures_util::future::join_all;
use iot_local_cloud::rules::{Action, ActionFailure, RuleMessage, TopicTemplate};
use iot_local_policy::limits;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::invoke::Invoker;
use super::run::{Body, Job, Run, failure};
use crate::broker::Broker;
use crate::event_log::{EntryKind, EventLog};
use crate::functions::Functions;
use crate::message::{Message, Publisher};
use crate::time_scale::TimeScale;

/// How many rules in a row may republish a message. AWS documents no limit; here one ends a loop.
const MAX_REPUBLISH_DEPTH: u8 = 2;

/// What actions need.
pub(crate) struct RuleServices {
    pub(crate) broker: Arc<Broker>,
    pub(crate) functions: Arc<Functions>,
    pub(crate) time: TimeScale,
    pub(crate) event_log: EventLog,
}

/// Runs rules.
pub(crate) struct RuleWorker {
    jobs: mpsc::UnboundedReceiver<Job>,
}

impl RuleWorker {
    pub(super) fn new(jobs: mpsc::UnboundedReceiver<Job>) -> Self {
        Self { jobs }
    }

    /// Runs rules until the future is dropped. Messages are evaluated and republished one after the other; functions
    /// run beside.
    pub(crate) async fn run(mut self, services: RuleServices) {
        let RuleServices { broker, functions, time, event_log } = services;
        let actions = Arc::new(Actions { broker, invoker: Invoker { functions, time }, event_log });
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                Some(job) = self.jobs.recv() => actions.start(job, &mut running).await,
                Some(_) = running.join_next() => {}
                else => return,
            }
        }
    }
}

struct Actions {
    broker: Arc<Broker>,
    invoker: Invoker,
    event_log: EventLog,
}

impl Actions {
    async fn start(self: &Arc<Self>, job: Job, running: &mut JoinSet<()>) {
        let (rules, source) = job.split();
        let read = source.as_rule_message();
        for rule in rules {
            let run = Run { rule, source: Arc::clone(&source) };
            let Some(topic) = run.rule.topic(read.topic) else { continue };
            let message = RuleMessage { topic, ..read.clone() };
            let body = match run.select(&message) {
                Ok(None) => continue,
                Ok(Some(body)) => body,
                Err(error) => {
                    self.record(&run, "sql", Err(error.message.clone()));
                    running.spawn(Arc::clone(self).finish(run.clone(), Vec::new(), None, vec![error]));
                    continue;
                }
            };
            let mut failures = Vec::new();
            let mut functions = Vec::new();
            for action in &run.rule.actions {
                match action {
                    Action::Republish { topic, is_qos1 } => {
                        let result = self.republish(topic, *is_qos1, &run, &message, body.clone()).await;
                        self.record(&run, &label(action), result.clone());
                        failures.extend(result.err().map(|error| failure(action, error)));
                    }
                    Action::Lambda { .. } => functions.push(action.clone()),
                }
            }
            if !(functions.is_empty() && failures.is_empty()) {
                running.spawn(Arc::clone(self).finish(run.clone(), functions, Some(body), failures));
            }
        }
    }

    /// Invokes the functions of a rule, all at once, and then carries out the error action if any action has failed.
    async fn finish(
        self: Arc<Self>,
        run: Run,
        functions: Vec<Action>,
        body: Option<Body>,
        mut failures: Vec<ActionFailure>,
    ) {
        if let Some(body) = body {
            let invocations = functions.iter().map(|action| self.invoke(&run, action, "", &body));
            let results = join_all(invocations).await;
            let failed = functions.iter().zip(results);
            failures.extend(failed.filter_map(|(action, result)| Some(failure(action, result.err()?))));
        }
        if failures.is_empty() {
            return;
        }
        let Some(action) = &run.rule.error_action else { return };
        let body = run.error_body(&failures);
        match action {
            Action::Republish { topic, is_qos1 } => {
                let result = self.republish(topic, *is_qos1, &run, &run.message(), body).await;
                self.record(&run, &format!("error action {}", label(action)), result);
            }
            Action::Lambda { .. } => {
                // Its outcome is in the event log; an error action has none of its own.
                let _ = self.invoke(&run, action, "error action ", &body).await;
            }
        }
    }

    /// Invokes a function, and records the outcome of each attempt.
    async fn invoke(&self, run: &Run, action: &Action, prefix: &str, body: &Body) -> Result<(), String> {
        let label = format!("{prefix}{}", label(action));
        let retried = |error| self.record(run, &label, Err(error));
        let result = self.invoker.invoke(action.resource(), body, retried).await;
        self.record(run, &label, result.clone());
        result
    }

    /// Publishes to another topic.
    ///
    /// # Errors
    /// Why not.
    async fn republish(
        &self,
        topic: &TopicTemplate,
        is_qos1: bool,
        run: &Run,
        message: &RuleMessage<'_>,
        body: Body,
    ) -> Result<(), String> {
        let republished = run.source.message.republished.saturating_add(1);
        if republished > MAX_REPUBLISH_DEPTH {
            return Err(format!(
                "{MAX_REPUBLISH_DEPTH} rules in a row have republished the message; expected no loop"
            ));
        }
        let topic = topic.fill(&message.as_sql())?;
        if body.bytes.len() > limits::MAX_PAYLOAD_BYTES {
            return Err("the payload is larger than 128 KiB".to_owned());
        }
        let publisher = Publisher::default();
        let message = Message { topic, payload: body.bytes, is_qos1, retain: false, publisher, republished };
        self.broker.publish(message).await.map_err(|error| error.to_string())
    }

    fn record(&self, run: &Run, action: &str, outcome: Result<(), String>) {
        let kind = EntryKind::Rule { rule: run.rule.name.clone(), action: action.to_owned(), outcome };
        self.event_log.record(None, run.source.client_id(), kind);
    }
}

/// Returns an action for the event log.
fn label(action: &Action) -> String {
    format!("{} {}", action.name(), action.resource())
}
