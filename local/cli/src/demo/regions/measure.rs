//! How long clients need to be back in the other Region, over many kills.

use std::time::Instant;

use super::FAILOVER_TIMEOUT;
use super::clients::Clients;
use super::setup::{Regions, Side};
use super::state;
use crate::demo::DemoError;
use crate::demo::output::Output;

/// What was measured for a client.
struct Row {
    label: &'static str,
    seconds: Vec<f64>,
    /// How often the client was in the Region that was killed.
    kills: usize,
}

/// Kills the gateway of the Region in which the clients are, again and again, and shows how long they are away.
///
/// # Errors
/// A gateway cannot be killed or started.
pub(super) async fn run(mut regions: Regions, kills: u16, output: &mut Output) -> Result<(), DemoError> {
    output.section(&format!("{kills} kills, each of the Region in which the clients are"));
    let mut clients = Clients::start_to_measure(&regions);
    for client in &mut clients.moving {
        let first = tokio::time::timeout(FAILOVER_TIMEOUT, client.sender.first_after(0)).await;
        if first.ok().flatten().is_none() {
            output.observation("connect", client.label, Err(&client.sender.progress().last_failure));
            return Ok(());
        }
    }
    let new_row = |label| Row { label, seconds: Vec::new(), kills: 0 };
    let mut rows: Vec<_> = clients.moving.iter().map(|client| new_row(client.label)).collect();
    let mut check = new_row("the health check has failed");
    let (mut side, mut retained) = (Side::First, 0);
    for _ in 0..kills {
        let is_stored = state::retain(&regions).await;
        let before = clients.connections();
        let killed = regions.kill(side).await?;
        regions.wait_for(side, false).await;
        check.add(Some(Instant::now()), killed);
        for ((client, row), connections) in clients.moving.iter_mut().zip(&mut rows).zip(before) {
            // Each of these messages has a connection of its own, which goes to the first Region while that is healthy.
            if client.resource.is_some() && side == Side::Second {
                continue;
            }
            let first = tokio::time::timeout(FAILOVER_TIMEOUT, client.sender.first_after(connections)).await;
            row.add(first.ok().flatten(), killed);
        }
        retained += u32::from(is_stored && state::is_retained(&regions).await);
        regions.restart(side).await?;
        side = side.other();
    }
    for row in [check].iter().chain(&rows) {
        output.observation("away", row.label, row.text().as_deref().map_err(String::as_str));
    }
    let progress: Vec<_> = clients.moving.iter().map(|client| client.sender.progress()).collect();
    let sum = |count: fn(&super::traffic::Progress) -> u64| progress.iter().map(count).sum::<u64>();
    let reconnects = rows.iter().zip(&clients.moving).filter(|(_, client)| client.resource.is_none());
    let reconnects: usize = reconnects.map(|(row, _)| row.seconds.len()).sum();
    let sessions = sum(|progress| progress.sessions.into());
    let acknowledged = sum(|progress| progress.acknowledged);
    let (lost, repeated) = (sum(|progress| progress.lost), sum(|progress| progress.repeated));
    for (verb, text) in [
        ("sessions", format!("{sessions} of {reconnects} kept")),
        ("retained", format!("{retained} of {kills} messages kept")),
        (
            "messages",
            format!("{acknowledged} acknowledged, {lost} of them lost; {repeated} sent again without one"),
        ),
    ] {
        output.observation(verb, "", Ok(&text));
    }
    Ok(())
}

impl Row {
    fn add(&mut self, first: Option<Instant>, killed: Instant) {
        self.kills = self.kills.saturating_add(1);
        self.seconds.extend(first.map(|first| first.saturating_duration_since(killed).as_secs_f64()));
    }

    /// The numbers, or an error if the client was not always back in time.
    fn text(&self) -> Result<String, String> {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let (count, kills) = (sorted.len(), self.kills);
        let least = sorted.first().copied().unwrap_or_default();
        let median = sorted.get(count / 2).copied().unwrap_or_default();
        let most = sorted.last().copied().unwrap_or_default();
        let text = format!(
            "{count} of {kills} times: {least:.1} s at least, median {median:.1} s, {most:.1} s at most"
        );
        if count == kills && count > 0 { Ok(text) } else { Err(text) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_row_has_the_median_and_counts_who_is_not_back() {
        let killed = Instant::now();
        let mut row = Row { label: "a", seconds: Vec::new(), kills: 0 };
        assert!(row.text().is_err());
        for seconds in [3, 1, 2] {
            row.add(killed.checked_add(Duration::from_secs(seconds)), killed);
        }
        assert_eq!(row.text(), Ok("3 of 3 times: 1.0 s at least, median 2.0 s, 3.0 s at most".to_owned()));
        row.add(None, killed);
        assert!(row.text().unwrap_err().starts_with("3 of 4 times"));
    }
}
