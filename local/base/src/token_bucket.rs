//! A limit of operations in a second, as AWS's services apply it: a token bucket.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html>

/// A bucket that fills at a rate and holds the operations of one second. Times are in seconds from any start.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBucket {
    per_second: f64,
    capacity: f64,
    tokens: f64,
    last: f64,
}

impl TokenBucket {
    /// A full bucket for a rate per second. It holds at least one operation, unless the rate is zero.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        let capacity = if per_second > 0.0 { per_second.max(1.0) } else { 0.0 };
        Self::with_capacity(per_second, capacity)
    }

    /// A full bucket that holds `capacity` operations.
    #[must_use]
    pub fn with_capacity(per_second: f64, capacity: f64) -> Self {
        Self { per_second, capacity, tokens: capacity, last: 0.0 }
    }

    /// Takes one operation at a time, and returns whether there was one. A time before the last one counts as that.
    pub fn take(&mut self, now: f64) -> bool {
        let elapsed = (now - self.last).max(0.0);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.capacity);
        self.last = self.last.max(now);
        let has_token = self.tokens >= 1.0;
        if has_token {
            self.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_its_second_and_then_its_rate() {
        for (per_second, times, expected) in [
            (2.0, vec![0.0, 0.0, 0.0, 0.4, 0.5, 0.5], vec![true, true, false, false, true, false]),
            (0.5, vec![0.0, 1.0, 2.0, 3.0, 4.0], vec![true, false, true, false, true]),
            (1.0, vec![5.0, 4.0, 5.5, 6.0], vec![true, false, false, true]),
            (1.0, vec![0.0, 100.0, 100.0], vec![true, true, false]),
            (0.0, vec![0.0, 1e9], vec![false, false]),
        ] {
            let mut bucket = TokenBucket::new(per_second);
            let found: Vec<bool> = times.iter().map(|time| bucket.take(*time)).collect();
            assert_eq!(found, expected, "{per_second} at {times:?}");
        }
        let mut ramp = TokenBucket::with_capacity(1.0, 3.0);
        assert_eq!([0.0; 4].map(|time| ramp.take(time)), [true, true, true, false]);
    }
}
