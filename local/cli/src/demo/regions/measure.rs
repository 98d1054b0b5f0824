//! How long clients need to be back in the other Region, over many kills.

use tokio::time::Instant;

use super::FAILOVER_TIMEOUT;
use super::clients::Clients;
use super::setup::{Regions, Side};
use super::state;
use super::traffic::Progress;
use crate::demo::DemoError;
use crate::demo::output::Output;

/// What was measured for a client.
struct Row {
    label: &'static str,
    seconds: Vec<f64>,
    /// How often the Region in which the client was has been killed.
    kills: usize,
}

/// Kills the first Region again and again while the clients are in it, and then the second, which they have reached, so
/// that they return. Shows how long they are away.
///
/// # Errors
/// A gateway cannot be killed or started.
pub(super) async fn run(regions: Regions, kills: u16, output: &mut Output) -> Result<(), DemoError> {
    let mut clients = Clients::start_to_measure(&regions);
    for client in &mut clients.moving {
        let first = tokio::time::timeout(FAILOVER_TIMEOUT, client.sender.first_after(0)).await;
        if first.ok().flatten().is_none() {
            output.observation("connect", client.label, Err(&client.sender.progress().last_failure));
            return Ok(());
        }
    }
    let labels: Vec<_> = clients.moving.iter().map(|client| client.label).collect();
    let new_rows = || {
        let labels = ["the health check fails"].into_iter().chain(labels.iter().copied());
        labels.map(|label| Row { label, seconds: Vec::new(), kills: 0 }).collect::<Vec<_>>()
    };
    let (mut away, mut back) = (new_rows(), new_rows());
    let mut measured = Measured { regions, clients, retained: 0 };
    for _ in 0..kills {
        measured.kill(Side::First, &mut away).await?;
        measured.kill(Side::Second, &mut back).await?;
    }
    for (title, rows) in [
        (format!("seconds from {kills} kills of the first Region to the first message in the second"), &away),
        (format!("seconds from {kills} kills of the second, while the name leads to the first again"), &back),
    ] {
        output.section(&title);
        for row in rows.iter().filter(|row| row.kills > 0) {
            output.observation("away", row.label, row.text().as_deref().map_err(String::as_str));
        }
    }
    measured.show_state(kills, output);
    measured.hang(output).await;
    Ok(())
}

struct Measured {
    regions: Regions,
    clients: Clients,
    /// The number of retained messages that the other Region had.
    retained: u32,
}

impl Measured {
    /// Kills a Region, waits until the clients are in the other, and starts it again. The first row is that of the
    /// health check.
    async fn kill(&mut self, side: Side, rows: &mut [Row]) -> Result<(), DemoError> {
        let is_stored = state::retain(&self.regions, side).await;
        let before = self.clients.connections();
        let killed = self.regions.kill(side).await?;
        let mut rows = rows.iter_mut();
        self.regions.wait_for(side, false).await;
        if let Some(row) = rows.next() {
            row.add(Some(Instant::now()), killed);
        }
        for ((client, row), connections) in self.clients.moving.iter_mut().zip(rows).zip(before) {
            // Each of these messages has a connection of its own, so it is in the first Region while that is healthy.
            if client.resource.is_some() && side == Side::Second {
                continue;
            }
            let first = tokio::time::timeout(FAILOVER_TIMEOUT, client.sender.first_after(connections)).await;
            row.add(first.ok().flatten(), killed);
        }
        let is_kept = is_stored && state::is_retained(&self.regions, side.other()).await;
        self.retained = self.retained.saturating_add(u32::from(is_kept));
        self.regions.restart(side).await
    }

    /// Shows that new connections leave a Region whose gateway hangs. Its port still accepts connections.
    async fn hang(&self, output: &mut Output) {
        output.section("the gateway of the first Region hangs (SIGSTOP)");
        let since = Instant::now();
        if !self.regions.region(Side::First).hang().await {
            output.note("  This system cannot stop a process, so this is left out.");
            return;
        }
        let wait = self.regions.wait_for(Side::First, false);
        let is_noticed = tokio::time::timeout(FAILOVER_TIMEOUT, wait).await.is_ok();
        let seconds = since.elapsed().as_secs_f64();
        let noticed = format!("after {seconds:.1} s: two round trips in a row have had no end within 2 s");
        let shown = if is_noticed { Ok(noticed.as_str()) } else { Err("the health check still succeeds") };
        output.observation("away", "the health check fails", shown);
        let is_connected = state::connects(&self.regions).await;
        let shown = if is_connected { Ok("reaches the second Region") } else { Err("is not connected") };
        output.observation("connect", "a new client", shown);
    }

    /// Shows what was lost and kept in all kills of both Regions.
    fn show_state(&self, kills: u16, output: &mut Output) {
        output.section("lost and kept, in the kills of both");
        let moving = &self.clients.moving;
        let sum = |count: fn(&Progress) -> u64| {
            moving.iter().map(|client| count(&client.sender.progress())).sum::<u64>()
        };
        let (sessions, connections) = moving
            .iter()
            .filter(|client| client.resource.is_none())
            .map(|client| client.sender.progress())
            .fold((0_u32, 0_u32), |(sessions, reconnects), progress| {
                let again = progress.connections.saturating_sub(1);
                (sessions.saturating_add(progress.sessions), reconnects.saturating_add(again))
            });
        let (acknowledged, lost) = (sum(|progress| progress.acknowledged), sum(|progress| progress.lost));
        let repeated = sum(|progress| progress.repeated);
        for (verb, text) in [
            ("sessions", format!("{sessions} of {connections} kept")),
            ("retained", format!("{} of {} messages kept", self.retained, kills.saturating_mul(2))),
            ("messages", format!("{acknowledged} acknowledged, of which {lost} did not come back")),
            ("messages", format!("{repeated} without acknowledgement, and sent again")),
        ] {
            output.observation(verb, "", Ok(&text));
        }
    }
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
        let text =
            format!("{count} of {kills}: {least:.1} s at least, median {median:.1} s, {most:.1} s at most");
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
        assert_eq!(row.text(), Ok("3 of 3: 1.0 s at least, median 2.0 s, 3.0 s at most".to_owned()));
        row.add(None, killed);
        assert!(row.text().unwrap_err().starts_with("3 of 4: "));
    }
}
