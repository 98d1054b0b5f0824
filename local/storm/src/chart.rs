//! A chart of a storm as SVG: connected devices above, attempts and new connections in a second below.

use std::fmt::Write;

use iot_local_base::numbers::grouped;

use crate::outcome::{Outcome, Second};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const PANEL_HEIGHT: f64 = 170.0;
const TOP: f64 = 44.0;
const GAP: f64 = 50.0;
const HEIGHT: f64 = TOP + PANEL_HEIGHT + GAP + PANEL_HEIGHT + 46.0;
/// The most points of a line.
const POINTS: usize = 400;
/// The lines of a grid, in both directions.
const STEPS: u32 = 4;
const ATTEMPTS: &str = "#c2410c";
const CONNECTED: &str = "#1d4ed8";

/// Draws a storm. The title is text, not SVG.
#[must_use]
pub fn chart(outcome: &Outcome, title: &str) -> String {
    let size = outcome.seconds.len().div_ceil(POINTS).max(1);
    let points: Vec<Point> = outcome.seconds.chunks(size).map(Point::of).collect();
    let end: f64 = outcome.seconds.iter().map(|_| 1.0).sum();
    let total = points.iter().map(|point| point.connected).sum::<f64>();
    let devices = total + f64::from(outcome.unconnected);
    let peak = points.iter().map(|point| point.attempts.max(point.new_connections)).fold(1.0, f64::max);
    let mut svg = head(title);
    let above = Panel { top: TOP, max: devices.max(1.0), end, label: "connected devices" };
    above.draw(&mut svg);
    let mut sum = 0.0;
    let connected: Vec<f64> = points
        .iter()
        .map(|point| {
            sum += point.connected;
            sum
        })
        .collect();
    above.line(&mut svg, &connected, CONNECTED);
    let below = Panel { top: TOP + PANEL_HEIGHT + GAP, max: peak, end, label: "in a second" };
    below.draw(&mut svg);
    below.line(&mut svg, &points.iter().map(|point| point.attempts).collect::<Vec<_>>(), ATTEMPTS);
    below.line(&mut svg, &points.iter().map(|point| point.new_connections).collect::<Vec<_>>(), CONNECTED);
    let bottom = HEIGHT - 10.0;
    text(&mut svg, LEFT, bottom, "start", "seconds");
    text(&mut svg, WIDTH - RIGHT - 130.0, bottom, "end", "attempts");
    text(&mut svg, WIDTH - RIGHT, bottom, "end", "new connections");
    for (right, colour) in [(203.0, ATTEMPTS), (120.0, CONNECTED)] {
        let (x, y) = (WIDTH - RIGHT - right, bottom - 9.0);
        let _ = write!(svg, r#"<rect x="{x:.0}" y="{y:.0}" width="9" height="9" fill="{colour}"/>"#);
        svg.push('\n');
    }
    svg.push_str("</svg>\n");
    svg
}

/// Some seconds as one point.
struct Point {
    /// Devices that became connected in all of them.
    connected: f64,
    /// The average of a second.
    attempts: f64,
    new_connections: f64,
}

impl Point {
    fn of(seconds: &[Second]) -> Self {
        let count = seconds.iter().map(|_| 1.0).sum::<f64>();
        let connected = seconds.iter().map(|second| f64::from(second.connected)).sum::<f64>();
        let attempts = seconds.iter().map(|second| f64::from(second.attempts)).sum::<f64>();
        Self { connected, attempts: attempts / count, new_connections: connected / count }
    }
}

/// A pair of axes. `max` is at its top, `end` at its right.
struct Panel {
    top: f64,
    max: f64,
    end: f64,
    label: &'static str,
}

impl Panel {
    fn draw(&self, svg: &mut String) {
        text(svg, LEFT, self.top - 8.0, "start", self.label);
        for step in 0..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let (x, y) = (LEFT + share * (WIDTH - LEFT - RIGHT), self.top + (1.0 - share) * PANEL_HEIGHT);
            let right = WIDTH - RIGHT;
            let _ = writeln!(svg, r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#d4d4d8" fill="none"/>"##);
            text(svg, LEFT - 8.0, y + 4.0, "end", &number(self.max * share));
            text(svg, x, self.top + PANEL_HEIGHT + 18.0, "middle", &number(self.end * share));
        }
    }

    fn line(&self, svg: &mut String, values: &[f64], colour: &str) {
        let steps: f64 = values.iter().map(|_| 1.0).sum();
        let mut path = String::new();
        let mut index = 0.0;
        for value in values {
            index += 1.0;
            let x = LEFT + index / steps * (WIDTH - LEFT - RIGHT);
            let y = self.top + (1.0 - value / self.max) * PANEL_HEIGHT;
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        let _ = writeln!(svg, r#"<path d="{path}" stroke="{colour}" stroke-width="1.6" fill="none"/>"#);
    }
}

fn head(title: &str) -> String {
    let title = escaped(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#27272a\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let _ = writeln!(svg, r#"<text x="{LEFT}" y="18" font-size="14" font-weight="600">{title}</text>"#);
    svg
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{content}</text>"#);
}

/// A number at an axis.
fn number(value: f64) -> String {
    let digits = usize::from(value < 10.0 && value.fract() != 0.0);
    let plain = format!("{value:.digits$}");
    plain.parse().map_or(plain, grouped)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_and_a_title_is_text() {
        for (value, expected) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (12.5, "12"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), expected);
        }
        let svg = chart(&Outcome::default(), "<script>&");
        assert!(svg.contains("<title>&lt;script&gt;&amp;</title>") && !svg.contains("<script>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
