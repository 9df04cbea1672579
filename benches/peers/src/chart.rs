//! The results as a bar chart.

use crate::report::{Row, contestants, three_digits};

const COLOURS: [&str; 9] =
    ["#9e9e9e", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22"];
const BAR: f64 = 10.0;
const GAP: f64 = 16.0;
const LEFT: f64 = 44.0;
const TOP: f64 = 76.0;
const HEIGHT: f64 = 320.0;
const BOTTOM: f64 = TOP + HEIGHT;
const TITLE: &str = "Time of a gradient, in multiples of one written by hand in C (logarithmic; lower is better)";
const STYLE: &str = "text { font: 12px sans-serif } text.title { font-size: 14px } \
    text.tick { text-anchor: end } text.letter { text-anchor: middle; font-weight: bold } \
    text.value { font-size: 8px }";

/// Draws a group of bars for each workload, on a logarithmic scale of multiples of the hand-written
/// gradient.
pub fn draw(rows: &[Row]) -> String {
    let names = contestants(rows);
    let ratios = || rows.iter().flat_map(|row| names.iter().filter_map(|name| row.ratio(name)));
    let lowest = ratios().fold(1.0, f64::min) * 0.8;
    let highest = ratios().fold(1.0, f64::max) * 1.2;
    let y = |ratio: f64| TOP + HEIGHT * (highest / ratio).ln() / (highest / lowest).ln();

    let mut bars = String::new();
    let mut x = LEFT + GAP;
    for row in rows {
        let (letter, start) = (row.letter, x);
        for (name, colour) in names.iter().zip(COLOURS) {
            let Some(ratio) = row.ratio(name) else {
                continue;
            };
            let (top, digits) = (y(ratio), three_digits(ratio));
            bars += &rectangle(x, top, BAR - 1.0, BOTTOM - top, colour);
            let place = format!("translate({:.1} {:.1}) rotate(-90)", x + 0.75 * BAR, top - 3.0);
            bars += &format!("<text class='value' transform='{place}'>{digits}</text>\n");
            x += BAR;
        }
        bars += &text("letter", (start + x) / 2.0, BOTTOM + 18.0, letter);
        x += GAP;
    }
    let width = x;

    let mut scale = String::new();
    for tick in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0] {
        if (lowest..=highest).contains(&tick) {
            let colour = if tick == 1.0 { "#666" } else { "#ddd" };
            scale += &rectangle(LEFT, y(tick), width - LEFT, 1.0, colour);
            scale += &text("tick", LEFT - 6.0, y(tick) + 4.0, &tick.to_string());
        }
    }

    let mut legend = text("title", LEFT, 24.0, TITLE);
    let mut x = LEFT;
    for (name, colour) in names.iter().zip(COLOURS) {
        legend += &rectangle(x, 38.0, 10.0, 10.0, colour);
        legend += &text("name", x + 14.0, 47.0, name);
        x += 34.0 + 7.0 * name.len() as f64;
    }

    let height = BOTTOM + 30.0;
    let background = rectangle(0.0, 0.0, width, height, "white");
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'>\n\
         <style>{STYLE}</style>\n{background}{legend}{scale}{bars}</svg>\n"
    )
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> String {
    format!("<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}' fill='{colour}'/>\n")
}

fn text(class: &str, x: f64, y: f64, content: &str) -> String {
    format!("<text class='{class}' x='{x:.1}' y='{y:.1}'>{content}</text>\n")
}
