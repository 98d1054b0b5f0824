//! Metrics for CloudWatch in the embedded metric format: members of a log line that CloudWatch Logs extracts. They need
//! no call and no agent.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! AWS charges for each name and set of dimensions, so there are few. `kid` and principal are never dimensions, since
//! the number of their values is not limited.

/// The namespace of all metrics.
const NAMESPACE: &str = "iot-jwt-authorizer";

/// A metric of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Allowed,
    /// Also counted by code.
    Refused,
    Duration,
    KeyFetches,
    KeyAge,
    ColdStarts,
    KeyRefreshes,
    KeyRefreshFailures,
    RevocationAge,
    /// Decisions without a revocation list in use, though there should be one.
    RevocationStale,
    RevocationRefreshes,
    RevocationRefreshFailures,
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Duration => "duration_us",
            Self::KeyFetches => "key_fetches",
            Self::KeyAge => "key_age_seconds",
            Self::ColdStarts => "cold_starts",
            Self::KeyRefreshes => "key_refreshes",
            Self::KeyRefreshFailures => "key_refresh_failures",
            Self::RevocationAge => "revocation_age_seconds",
            Self::RevocationStale => "revocation_stale",
            Self::RevocationRefreshes => "revocation_refreshes",
            Self::RevocationRefreshFailures => "revocation_refresh_failures",
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Duration => "Microseconds",
            Self::KeyAge | Self::RevocationAge => "Seconds",
            _ => "Count",
        }
    }

    /// Whether the metric counts lines, with the value 1. The others are members of the line already.
    const fn is_count(self) -> bool {
        !matches!(self, Self::Duration | Self::KeyFetches | Self::KeyAge | Self::RevocationAge)
    }
}

/// Appends the metrics to an object without its closing brace. The object has the member `function`, their dimension.
pub(super) fn write(line: &mut Vec<u8>, milliseconds: i64, metrics: &[Metric]) {
    let mut write = |text: &str| line.extend_from_slice(text.as_bytes());
    for metric in metrics.iter().filter(|metric| metric.is_count()) {
        write(",\"");
        write(metric.name());
        write("\":1");
    }
    write(",\"_aws\":{\"Timestamp\":");
    write(&milliseconds.to_string());
    write(",\"CloudWatchMetrics\":[{\"Namespace\":\"");
    write(NAMESPACE);
    write("\",\"Dimensions\":[[\"function\"]],\"Metrics\":[");
    for (index, metric) in metrics.iter().enumerate() {
        write(if index == 0 { "{\"Name\":\"" } else { ",{\"Name\":\"" });
        write(metric.name());
        write("\",\"Unit\":\"");
        write(metric.unit());
        write("\"}");
    }
    write("]}");
    if metrics.contains(&Metric::Refused) {
        write(",{\"Namespace\":\"");
        write(NAMESPACE);
        write(
            "\",\"Dimensions\":[[\"function\",\"code\"]],\"Metrics\":[{\"Name\":\"refused\",\"Unit\":\"Count\"}]}",
        );
    }
    write("]}");
}
