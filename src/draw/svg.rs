//! A picture as an SVG image.
//!
//! Lines from an item that is used several times have a color of their own, and stand out while the pointer is
//! on one of them or on the item. Colors are in a style sheet, because they depend on whether the reader's
//! system is light or dark. In a picture of many items each has one line of text.

use super::item::{Item, Kind};
use super::layout::{Layout, Link};
use std::fmt::Write;

/// Width of a character and height of a line of text.
const CHARACTER: f64 = 6.7;
const LINE: f64 = 14.0;
/// Room around the text in a box, between layers, and at the border.
const PADDING: f64 = 6.0;
const CHANNEL: f64 = 40.0;
const MARGIN: f64 = 14.0;
const GAP: f64 = 12.0;
/// Items beyond which each has one line of text; the room between them, and between layers, then.
const MANY: usize = 150;
const GAP_OF_MANY: f64 = 4.0;
const CHANNEL_OF_MANY: f64 = 120.0;
/// The part of its size to which a picture shrinks where there is less room.
const LEAST: f64 = 0.7;
/// Half the height of an arrow's head, and its length.
const HEAD: (f64, f64) = (3.0, 6.0);
/// Room for the head of each arrow, and how high a box may be for that.
const ARROW: f64 = 7.0;
const MOST_FOR_ARROWS: f64 = 400.0;
/// Colors of lines, in the style sheet.
const COLORS: usize = 8;

/// The style sheet. Its names begin with that of the crate: in a page, all pictures share one.
const STYLE: &str = "\
.scalargrad{max-width:100%;height:auto;font:11px ui-monospace,'DejaVu Sans Mono',monospace}
.scalargrad text{fill:#1f2328;text-anchor:middle}
.scalargrad .paper{fill:#fff}
.scalargrad .made,.scalargrad .hidden{fill:#fff;stroke:#57606a}
.scalargrad .leaf{fill:#ddebfb;stroke:#57606a}
.scalargrad .constant{fill:#eceef1;stroke:#57606a}
.scalargrad .hidden{stroke-dasharray:4 3}
.scalargrad .output{stroke-width:2}
.scalargrad .label{font-weight:bold}
.scalargrad .value{fill:#116329}
.scalargrad .grad{fill:#b3261e}
.scalargrad .line{fill:none;stroke-width:1.3}
.scalargrad g:hover>.line{stroke-width:3.5}
.scalargrad .c{stroke:#8c959f}.scalargrad .h{fill:#8c959f}
.scalargrad .c0{stroke:#2f7ed8}.scalargrad .h0{fill:#2f7ed8}
.scalargrad .c1{stroke:#d9822b}.scalargrad .h1{fill:#d9822b}
.scalargrad .c2{stroke:#8250df}.scalargrad .h2{fill:#8250df}
.scalargrad .c3{stroke:#12978f}.scalargrad .h3{fill:#12978f}
.scalargrad .c4{stroke:#d6409f}.scalargrad .h4{fill:#d6409f}
.scalargrad .c5{stroke:#9a6700}.scalargrad .h5{fill:#9a6700}
.scalargrad .c6{stroke:#5b6ee1}.scalargrad .h6{fill:#5b6ee1}
.scalargrad .c7{stroke:#7a8b00}.scalargrad .h7{fill:#7a8b00}
@media (prefers-color-scheme:dark){
.scalargrad text{fill:#e6edf3}
.scalargrad .paper{fill:#0d1117}
.scalargrad .made,.scalargrad .hidden{fill:#161b22;stroke:#8b949e}
.scalargrad .leaf{fill:#12304f;stroke:#8b949e}
.scalargrad .constant{fill:#2b3138;stroke:#8b949e}
.scalargrad .value{fill:#56d364}
.scalargrad .grad{fill:#ff7b72}
}
";

/// A line of text in a box: its parts with their classes.
type Line = Vec<(&'static str, String)>;

/// The lines of an item's box.
fn texts(item: &Item, is_one_line: bool) -> Vec<Line> {
    let label = match (item.kind, item.value) {
        (Kind::Constant, Some(value)) if item.count == 1 => value.text(),
        _ => item.label(item.name.as_deref()),
    };
    let value = item
        .value
        .filter(|_| item.kind != Kind::Constant || item.count > 1);
    let mut texts = vec![("label", label)];
    texts.extend(value.map(|value| ("value", value.text())));
    texts.extend(
        item.grad
            .map(|grad| ("grad", format!("grad {}", grad.text()))),
    );
    match is_one_line {
        true => vec![texts],
        false => texts.into_iter().map(|text| vec![text]).collect(),
    }
}

/// Where a layer is: its left edge and its width.
type Column = (f64, f64);

pub(super) fn draw(items: &[Item]) -> String {
    let are_many = items.len() > MANY;
    let texts: Vec<_> = items.iter().map(|item| texts(item, are_many)).collect();
    let (gap, channel) = match are_many {
        true => (GAP_OF_MANY, CHANNEL_OF_MANY),
        false => (GAP, CHANNEL),
    };
    let layout = Layout::of(items, |k| height(&items[k], &texts[k]), gap);
    let mut columns: Vec<Column> = vec![(0.0, 0.0); layout.layers.len()];
    let mut x = MARGIN;
    for (layer, column) in columns.iter_mut().enumerate().rev() {
        let here = layout.layers[layer]
            .iter()
            .filter_map(|&spot| layout.spots[spot].item);
        let lengths = here.flat_map(|k| &texts[k]).map(|line| {
            line.iter()
                .map(|(_, text)| text.chars().count() + 2)
                .sum::<usize>()
                - 2
        });
        let width = lengths.max().unwrap_or(0) as f64 * CHARACTER + 2.0 * PADDING;
        *column = (x, width);
        x += width + channel;
    }
    let mut uses: Vec<Vec<&Vec<Link>>> = items.iter().map(|_| Vec::new()).collect();
    for line in &layout.lines {
        uses[line[0].from].push(line);
    }
    let last = columns.first().map_or(MARGIN, |column| column.0 + column.1);
    let bottom = (layout.spots.iter())
        .map(|spot| spot.y + spot.height / 2.0)
        .fold(0.0, f64::max);
    let (width, height) = (last + MARGIN, bottom + 2.0 * MARGIN);
    let mut body = String::new();
    let mut colored = 0;
    for (k, lines) in uses.iter().enumerate() {
        let mut color = String::new();
        if lines.len() > 1 {
            color = (colored % COLORS).to_string();
            colored += 1;
        }
        body.push_str("<g>");
        for line in lines {
            edge(&mut body, &layout, line, &columns, &color);
        }
        shape(&mut body, &items[k], &texts[k], &layout, k, &columns);
        body.push_str("</g>\n");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"scalargrad\" width=\"{width:.0}\" height=\"{height:.0}\" \
         style=\"min-width:{:.0}px\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>graph</title>\n<style>\n{}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        LEAST * width,
        escape(STYLE)
    )
}

/// The height of an item's box, in which there is room for its text and for the lines that enter it.
fn height(item: &Item, texts: &[Line]) -> f64 {
    let arrows = (item.operands.len() + 1) as f64 * ARROW;
    (texts.len() as f64 * LINE + 2.0 * PADDING).max(arrows.min(MOST_FOR_ARROWS))
}

/// A line from an operand to its user, with an arrow's head.
fn edge(body: &mut String, layout: &Layout, line: &[Link], columns: &[Column], color: &str) {
    let mut path = String::new();
    let mut tip = (0.0, 0.0);
    for link in line {
        let (from, to) = (&layout.spots[link.from], &layout.spots[link.to]);
        let (left, width) = columns[from.layer];
        let (start, end) = (left + width, columns[to.layer].0);
        let y = from.y + MARGIN;
        let entry = to.y + MARGIN + (link.entry - 0.5) * to.height;
        let end = if to.item.is_some() { end - HEAD.1 } else { end };
        let _ = match from.item {
            Some(_) => write!(path, "M{start:.1} {y:.1}"),
            None => write!(path, " H{start:.1}"),
        };
        let middle = (start + end) / 2.0;
        let _ = write!(
            path,
            " C{middle:.1} {y:.1} {middle:.1} {entry:.1} {end:.1} {entry:.1}"
        );
        tip = (end, entry);
    }
    let (x, y) = tip;
    let (half, length) = HEAD;
    let _ = write!(
        body,
        "<path class=\"line c{color}\" d=\"{path}\"/>\
         <path class=\"h{color}\" d=\"M{x:.1} {:.1} l{length} {half} l-{length} {half} z\"/>",
        y - half
    );
}

fn shape(
    body: &mut String,
    item: &Item,
    texts: &[Line],
    layout: &Layout,
    k: usize,
    columns: &[Column],
) {
    let spot = &layout.spots[k];
    let (left, width) = columns[spot.layer];
    let height = spot.height;
    let top = spot.y + MARGIN - height / 2.0;
    let kind = match item.kind {
        Kind::Constant => "constant",
        Kind::Leaf => "leaf",
        Kind::Made => "made",
        Kind::Hidden => "hidden",
    };
    let output = if item.is_output { " output" } else { "" };
    let exact = match (item.value, item.grad) {
        (Some(value), Some(grad)) => format!("value {}, grad {}", value.exact(), grad.exact()),
        (Some(value), None) => value.exact(),
        _ => item.label(item.name.as_deref()),
    };
    let _ = write!(body, "<g><title>{}</title>", escape(&exact));
    let _ = write!(
        body,
        "<rect class=\"{kind}{output}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"4\"/>"
    );
    let x = left + width / 2.0;
    for (n, line) in texts.iter().enumerate() {
        let y = spot.y + MARGIN + LINE * (n as f64 + 0.75 - texts.len() as f64 / 2.0);
        let part = |(class, text): &(&str, String)| {
            format!("<tspan class=\"{class}\">{}</tspan>", escape(text))
        };
        let parts: Vec<String> = line.iter().map(part).collect();
        let _ = write!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            parts.join("\u{a0}\u{a0}")
        );
    }
    body.push_str("</g>");
}

/// `text` as XML has it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
