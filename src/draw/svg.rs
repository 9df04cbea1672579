//! A picture as an SVG image.
//!
//! Lines from an item that is used several times have a color of their own, and stand out while the pointer is
//! on one of them or on the item. Colors are in a style sheet, because they depend on whether the reader's
//! system is light or dark. In a picture of many items each has one line of text.

use super::item::{Item, Kind};
use super::layout::Layout;
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

/// The text of a box: the lines in XML, and the characters of the longest.
struct Text {
    lines: Vec<String>,
    characters: usize,
}

impl Text {
    fn of(item: &Item, is_one_line: bool) -> Text {
        let label = match (item.kind, item.value) {
            (Kind::Constant, Some(value)) if item.count == 1 => value.text(),
            _ => item.label(item.name.as_deref()),
        };
        let has_value = item.kind != Kind::Constant || item.count > 1;
        let value = item.value.filter(|_| has_value).map(|value| value.text());
        let grad = item.grad.map(|grad| format!("grad {}", grad.text()));
        let (mut lines, mut lengths) = (Vec::new(), Vec::new());
        for (class, text) in [("label", Some(label)), ("value", value), ("grad", grad)] {
            let Some(text) = text else { continue };
            lengths.push(text.chars().count());
            lines.push(format!("<tspan class=\"{class}\">{}</tspan>", escape(&text)));
        }
        let characters = match is_one_line {
            true => lengths.iter().sum::<usize>() + 2 * (lengths.len() - 1),
            false => lengths.into_iter().max().unwrap_or(0),
        };
        if is_one_line {
            lines = vec![lines.join("\u{a0}\u{a0}")];
        }
        Text { lines, characters }
    }

    /// The height of the box, in which there is room for the lines that enter it, too.
    fn height(&self, item: &Item) -> f64 {
        let arrows = (item.operands.len() + 1) as f64 * ARROW;
        (self.lines.len() as f64 * LINE + 2.0 * PADDING).max(arrows.min(MOST_FOR_ARROWS))
    }
}

struct Drawing<'a> {
    items: &'a [Item],
    texts: Vec<Text>,
    layout: Layout,
    /// The left edge and the width of each layer.
    columns: Vec<(f64, f64)>,
    body: String,
}

pub(super) fn draw(items: &[Item]) -> String {
    let are_many = items.len() > MANY;
    let (gap, channel) = if are_many { (GAP_OF_MANY, CHANNEL_OF_MANY) } else { (GAP, CHANNEL) };
    let texts: Vec<Text> = items.iter().map(|item| Text::of(item, are_many)).collect();
    let layout = Layout::of(items, |k| texts[k].height(&items[k]), gap);
    let mut columns = vec![(0.0, 0.0); layout.layers.len()];
    let mut x = MARGIN;
    for (layer, column) in columns.iter_mut().enumerate().rev() {
        let spots = layout.layers[layer].iter().map(|&spot| &layout.spots[spot]);
        let lengths = spots.filter_map(|spot| Some(texts[spot.item?].characters));
        let width = lengths.max().unwrap_or(0) as f64 * CHARACTER + 2.0 * PADDING;
        *column = (x, width);
        x += width + channel;
    }
    let width = x - channel.min(x) + MARGIN;
    let bottom = layout.spots.iter().map(|spot| spot.y + spot.height / 2.0);
    let height = bottom.fold(0.0, f64::max) + 2.0 * MARGIN;
    let mut uses: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (k, line) in layout.lines.iter().enumerate() {
        uses[line[0].from].push(k);
    }
    let body = String::new();
    let mut drawing = Drawing { items, texts, layout, columns, body };
    let mut colored = 0;
    for (k, lines) in uses.iter().enumerate() {
        let mut color = String::new();
        if lines.len() > 1 {
            color = (colored % COLORS).to_string();
            colored += 1;
        }
        drawing.body.push_str("<g>");
        lines.iter().for_each(|&line| drawing.line(line, &color));
        drawing.shape(k);
        drawing.body.push_str("</g>\n");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"scalargrad\" width=\"{width:.0}\" height=\"{height:.0}\" \
         style=\"min-width:{:.0}px\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>graph</title>\n<style>\n{}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{}</svg>\n",
        LEAST * width,
        escape(STYLE),
        drawing.body
    )
}

impl Drawing<'_> {
    /// A line from an operand to its user, with an arrow's head.
    fn line(&mut self, line: usize, color: &str) {
        let mut path = String::new();
        let mut tip = (0.0, 0.0);
        for link in &self.layout.lines[line] {
            let (from, to) = (&self.layout.spots[link.from], &self.layout.spots[link.to]);
            let (left, width) = self.columns[from.layer];
            let (start, end) = (left + width, self.columns[to.layer].0);
            let y = from.y + MARGIN;
            let entry = to.y + MARGIN + (link.entry - 0.5) * to.height;
            let end = if to.item.is_some() { end - HEAD.1 } else { end };
            let _ = match from.item {
                Some(_) => write!(path, "M{start:.1} {y:.1}"),
                None => write!(path, " H{start:.1}"),
            };
            let middle = (start + end) / 2.0;
            let _ = write!(path, " C{middle:.1} {y:.1} {middle:.1} {entry:.1} {end:.1} {entry:.1}");
            tip = (end, entry);
        }
        let ((x, y), (half, length)) = (tip, HEAD);
        let _ = write!(
            self.body,
            "<path class=\"line c{color}\" d=\"{path}\"/>\
             <path class=\"h{color}\" d=\"M{x:.1} {:.1} l{length} {half} l-{length} {half} z\"/>",
            y - half
        );
    }

    /// The box of an item.
    fn shape(&mut self, k: usize) {
        let (item, spot, text) = (&self.items[k], &self.layout.spots[k], &self.texts[k]);
        let (left, width) = self.columns[spot.layer];
        let (height, middle) = (spot.height, spot.y + MARGIN);
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
        let _ = write!(
            self.body,
            "<g><title>{}</title><rect class=\"{kind}{output}\" x=\"{left:.1}\" y=\"{:.1}\" \
             width=\"{width:.1}\" height=\"{height:.1}\" rx=\"4\"/>",
            escape(&exact),
            middle - height / 2.0
        );
        let (x, first) = (left + width / 2.0, 0.75 - text.lines.len() as f64 / 2.0);
        for (n, line) in text.lines.iter().enumerate() {
            let y = middle + LINE * (n as f64 + first);
            let _ = write!(self.body, "<text x=\"{x:.1}\" y=\"{y:.1}\">{line}</text>");
        }
        self.body.push_str("</g>");
    }
}

/// `text` as XML has it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
