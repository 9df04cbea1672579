//! A picture in layers, as an SVG image.
//!
//! An item stands one layer to the left of its leftmost user. An edge over several layers has a
//! [`Spot`] in each, shared by all edges of its operand, so that it finds a way between the boxes. The
//! order in a layer follows the mean place of the neighbours, and so do the heights, as near to it as
//! the order and the boxes' sizes allow.

use super::{Item, Picture, number};
use std::cmp::Reverse;
use std::fmt::Write;

/// Width of a character and height of a line.
const CHARACTER: f64 = 6.7;
const LINE: f64 = 14.0;
/// Room around the text in a box, between boxes of one layer, between layers and at the border.
const PADDING: f64 = 6.0;
const GAP: f64 = 10.0;
const CHANNEL: f64 = 36.0;
const MARGIN: f64 = 12.0;
/// Times that the order and the heights are improved.
const PASSES: usize = 12;

/// A place in a layer: an item's box, or an edge on its way.
struct Spot {
    layer: usize,
    item: Option<usize>,
    height: f64,
    /// The height of its middle.
    y: f64,
}

/// An edge from a spot to one in the next layer, and where it enters that: a fraction of its height.
struct Link {
    from: usize,
    to: usize,
    entry: f64,
}

struct Layout {
    spots: Vec<Spot>,
    links: Vec<Link>,
    /// The spots of each layer, from the top; the output's layer first.
    layers: Vec<Vec<usize>>,
}

/// The lines of an item's box.
fn lines(item: &Item) -> Vec<String> {
    let value = number(item.value);
    match item.grad {
        None => vec![value],
        Some(grad) => vec![
            item.label(item.name.as_deref(), None),
            value,
            format!("grad {}", number(grad)),
        ],
    }
}

pub(super) fn draw(picture: &Picture) -> String {
    let mut layout = Layout::of(&picture.items);
    layout.order();
    layout.place();
    let texts: Vec<Vec<String>> = picture.items.iter().map(lines).collect();
    let note = picture.note();
    // The left edge and the width of each layer.
    let mut columns = vec![(0.0, 0.0); layout.layers.len()];
    let mut x = MARGIN + if note.is_some() { CHANNEL } else { 0.0 };
    for (layer, column) in columns.iter_mut().enumerate().rev() {
        let items = layout.layers[layer]
            .iter()
            .filter_map(|&spot| layout.spots[spot].item);
        let longest = items
            .flat_map(|k| &texts[k])
            .map(|line| line.chars().count())
            .max();
        *column = (x, longest.unwrap_or(0) as f64 * CHARACTER + 2.0 * PADDING);
        x += column.1 + CHANNEL;
    }
    let bottom = layout
        .spots
        .iter()
        .map(|spot| spot.y + spot.height / 2.0)
        .fold(0.0, f64::max);
    let (width, mut height) = (x - CHANNEL + MARGIN, bottom + MARGIN);
    let mut body = String::new();
    for link in &layout.links {
        edge(&mut body, &layout, link, &columns);
    }
    for spot in &layout.spots {
        if let Some(k) = spot.item {
            shape(
                &mut body,
                &picture.items[k],
                &texts[k],
                spot,
                columns[spot.layer],
            );
        }
    }
    if let Some(note) = note {
        height += LINE + GAP;
        let y = height - MARGIN;
        let _ = writeln!(body, "<text x=\"{MARGIN}\" y=\"{y:.1}\">{note}</text>");
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', monospace\" font-size=\"11\" fill=\"#1f2328\">\n\
         <title>graph</title>\n\
         <defs><marker id=\"tip\" markerWidth=\"6\" markerHeight=\"6\" refX=\"5.5\" refY=\"3\" orient=\"auto\">\
         <path d=\"M0 0.5 L6 3 L0 5.5 z\" fill=\"#8c959f\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn edge(body: &mut String, layout: &Layout, link: &Link, columns: &[(f64, f64)]) {
    let (from, to) = (&layout.spots[link.from], &layout.spots[link.to]);
    let (left, width) = columns[from.layer];
    let (start, end) = (left + width, columns[to.layer].0);
    let (middle, y) = ((start + end) / 2.0, from.y);
    let entry = to.y + (link.entry - 0.5) * to.height;
    let along = match from.item {
        Some(_) => format!("M{start:.1} {y:.1}"),
        None => format!("M{left:.1} {y:.1} H{start:.1}"),
    };
    let tip = if to.item.is_some() {
        " marker-end=\"url(#tip)\""
    } else {
        ""
    };
    let _ = writeln!(
        body,
        "<path d=\"{along} C{middle:.1} {y:.1} {middle:.1} {entry:.1} {end:.1} {entry:.1}\" \
         fill=\"none\" stroke=\"#8c959f\"{tip}/>"
    );
}

fn shape(body: &mut String, item: &Item, texts: &[String], spot: &Spot, column: (f64, f64)) {
    let (left, width) = column;
    let (height, top) = (spot.height, spot.y - spot.height / 2.0);
    let fill = match (item.grad, item.is_made) {
        (None, _) => "#f0f1f3",
        (_, false) => "#ddebfb",
        (_, true) => "#ffffff",
    };
    let exact = match item.grad {
        None => format!("{}", item.value),
        Some(grad) => format!("value {}, grad {grad}", item.value),
    };
    let _ = writeln!(
        body,
        "<g><title>{exact}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"4\" fill=\"{fill}\" stroke=\"#57606a\"/>"
    );
    let x = left + width / 2.0;
    for (n, text) in texts.iter().enumerate() {
        let y = top + PADDING + LINE * (n as f64 + 0.75);
        let style = match n {
            0 if texts.len() > 1 => " font-weight=\"bold\"",
            2 => " fill=\"#b3261e\"",
            _ => "",
        };
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let _ = writeln!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\"{style}>{text}</text>"
        );
    }
    if item.is_cut {
        let (x, y) = (left - 6.0, spot.y + LINE / 4.0);
        let _ = writeln!(
            body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">…</text>"
        );
    }
    body.push_str("</g>\n");
}

impl Layout {
    fn of(items: &[Item]) -> Layout {
        // Users before their operands.
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|&k| Reverse(items[k].index));
        let mut layer = vec![0; items.len()];
        for &k in &order {
            for &operand in &items[k].operands {
                layer[operand] = layer[operand].max(layer[k] + 1);
            }
        }
        let depth = layer.iter().max().map_or(0, |&deepest| deepest + 1);
        let mut layout = Layout {
            spots: Vec::new(),
            links: Vec::new(),
            layers: vec![Vec::new(); depth],
        };
        for (k, item) in items.iter().enumerate() {
            let lines = if item.grad.is_some() { 3.0 } else { 1.0 };
            layout.add(layer[k], Some(k), lines * LINE + 2.0 * PADDING);
        }
        // The way of each item's edges: the item's spot, then one spot a layer.
        let mut ways: Vec<Vec<usize>> = (0..items.len()).map(|k| vec![k]).collect();
        for &k in &order {
            let count = items[k].operands.len() as f64;
            for (n, &operand) in items[k].operands.iter().enumerate() {
                while ways[operand].len() < layer[operand] - layer[k] {
                    let from = ways[operand][ways[operand].len() - 1];
                    let to = layout.add(layout.spots[from].layer - 1, None, LINE / 2.0);
                    layout.links.push(Link {
                        from,
                        to,
                        entry: 0.5,
                    });
                    ways[operand].push(to);
                }
                let from = ways[operand][layer[operand] - layer[k] - 1];
                let entry = (n as f64 + 1.0) / (count + 1.0);
                layout.links.push(Link { from, to: k, entry });
            }
        }
        layout
    }

    fn add(&mut self, layer: usize, item: Option<usize>, height: f64) -> usize {
        self.spots.push(Spot {
            layer,
            item,
            height,
            y: 0.0,
        });
        self.layers[layer].push(self.spots.len() - 1);
        self.spots.len() - 1
    }

    /// For each spot the mean of `at` over its links to the left, or to the right.
    fn means(&self, to_left: bool, at: impl Fn(&Spot, f64) -> f64) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0.0); self.spots.len()];
        for link in &self.links {
            let (here, there, entry) = if to_left {
                (link.to, link.from, 0.5)
            } else {
                (link.from, link.to, link.entry)
            };
            sums[here].0 += at(&self.spots[there], entry);
            sums[here].1 += 1.0;
        }
        sums.into_iter()
            .map(|(sum, count)| (count > 0.0).then(|| sum / count))
            .collect()
    }

    /// Orders each layer so that few edges cross.
    fn order(&mut self) {
        let mut best = (usize::MAX, self.layers.clone());
        for pass in 0..PASSES {
            let to_left = pass % 2 == 1;
            for step in 0..self.layers.len() {
                self.number();
                let layer = if to_left {
                    self.layers.len() - 1 - step
                } else {
                    step
                };
                let means = self.means(to_left, |spot, entry| spot.y + entry);
                let spots = &self.spots;
                self.layers[layer].sort_by(|&a, &b| {
                    let key = |k: usize| means[k].unwrap_or(spots[k].y + 0.5);
                    key(a).total_cmp(&key(b))
                });
            }
            self.number();
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    /// Makes the height of each spot its place in its layer.
    fn number(&mut self) {
        for layer in &self.layers {
            for (place, &spot) in layer.iter().enumerate() {
                self.spots[spot].y = place as f64;
            }
        }
    }

    fn crossings(&self) -> usize {
        let mut between = vec![Vec::new(); self.layers.len()];
        for link in &self.links {
            let (from, to) = (&self.spots[link.from], &self.spots[link.to]);
            between[to.layer].push((from.y, to.y + link.entry));
        }
        let cross = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0) * (a.1 - b.1) < 0.0;
        let of = |edges: &Vec<(f64, f64)>| -> usize {
            let pairs = edges.iter().enumerate();
            pairs
                .map(|(i, a)| edges[..i].iter().filter(|b| cross(a, b)).count())
                .sum()
        };
        between.iter().map(of).sum()
    }

    /// Gives each spot its height in the image.
    fn place(&mut self) {
        for spot in &mut self.spots {
            spot.y = 0.0;
        }
        for pass in 0..=PASSES {
            let to_left = pass % 2 == 0;
            for step in 0..self.layers.len() {
                let layer = if to_left {
                    self.layers.len() - 1 - step
                } else {
                    step
                };
                let means = self.means(to_left, |spot, entry| spot.y + (entry - 0.5) * spot.height);
                self.settle(layer, &means);
            }
        }
        let top = |spot: &Spot| spot.y - spot.height / 2.0;
        let highest = self.spots.iter().map(top).fold(f64::INFINITY, f64::min);
        for spot in &mut self.spots {
            spot.y += MARGIN - highest;
        }
    }

    /// Moves the spots of a layer to the heights nearest to those wanted that keep them apart.
    fn settle(&mut self, layer: usize, wanted: &[Option<f64>]) {
        // Heights less the room that the spots above take must not decrease. Runs that would are
        // pooled at their mean: (sum, count).
        let mut room = 0.0;
        let mut rooms = Vec::new();
        let mut pools: Vec<(f64, f64)> = Vec::new();
        for &k in &self.layers[layer] {
            let spot = &self.spots[k];
            rooms.push(room + spot.height / 2.0);
            let own = wanted[k].unwrap_or(spot.y) - rooms[rooms.len() - 1];
            room += spot.height + GAP;
            let mut pool = (own, 1.0);
            while let Some(above) = pools.pop_if(|above| above.0 / above.1 > pool.0 / pool.1) {
                pool = (pool.0 + above.0, pool.1 + above.1);
            }
            pools.push(pool);
        }
        let heights = pools
            .iter()
            .flat_map(|&(sum, count)| std::iter::repeat_n(sum / count, count as usize));
        for ((&k, height), room) in self.layers[layer].iter().zip(heights).zip(rooms) {
            self.spots[k].y = height + room;
        }
    }
}
