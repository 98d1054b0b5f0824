//! Metrics for CloudWatch, as members of a line that CloudWatch Logs takes out of it: no call, no agent, nothing to wait for.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>. Each
//! name and set of dimensions is a metric that AWS charges for, so there are few; `kid` and principal are never among the
//! dimensions, since their values are without number.

/// Of all metrics.
const NAMESPACE: &str = "iot-jwt-authorizer";

/// A metric of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Allowed,
    /// Counted by code too.
    Refused,
    Duration,
    KeyFetches,
    KeyAge,
    ColdStarts,
    KeyRefreshes,
    KeyRefreshFailures,
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
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Duration => "Microseconds",
            Self::KeyAge => "Seconds",
            _ => "Count",
        }
    }

    /// Whether it counts this one line; the others are members of the line already.
    const fn is_one(self) -> bool {
        !matches!(self, Self::Duration | Self::KeyFetches | Self::KeyAge)
    }
}

/// Adds the members of metrics to an object whose last brace is missing. `function` is Lambda's name of the function, which is
/// letters, digits, hyphens and underscores.
pub(super) fn write(line: &mut Vec<u8>, milliseconds: i64, function: &str, metrics: &[Metric]) {
    let mut write = |text: &str| line.extend_from_slice(text.as_bytes());
    write(",\"function\":\"");
    write(function);
    write("\"");
    for metric in metrics.iter().filter(|metric| metric.is_one()) {
        write(",\"");
        write(metric.name());
        write("\":1");
    }
    write(",\"_aws\":{\"Timestamp\":");
    write(&milliseconds.to_string());
    write(",\"CloudWatchMetrics\":[{\"Namespace\":\"");
    write(NAMESPACE);
    write("\",\"Dimensions\":[[\"function\"]],\"Metrics\":[");
    for (at, metric) in metrics.iter().enumerate() {
        write(if at == 0 { "{\"Name\":\"" } else { ",{\"Name\":\"" });
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
