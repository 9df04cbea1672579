//! A layered layout: an item stands one layer to the left of its leftmost user.
//!
//! Each edge has a line of its own, with a [`Spot`] in each layer that it passes, so that it finds a way
//! between the boxes. The spots of a layer are ordered by the mean place of their neighbours in the next layer. Each
//! then gets the height that is nearest to the mean height of its neighbours, where the order and the boxes leave room.
//! In a mean the lines of one operand have weight 1 together: a weight stays next to its product, far from the next one.

use super::item::Item;

/// Height of the room that a passing line has.
const PASSAGE: f64 = 2.0;
/// Room between a passing line and what is above and below it.
const LINE_GAP: f64 = 5.0;
/// Times that the order and the heights are improved. The last time an item is ordered by its users, so that what is used
/// together stands together, and has the height of its operands.
const PASSES: usize = 11;

/// A place in a layer: an item's box, or a line on its way.
pub(super) struct Spot {
    pub(super) layer: usize,
    pub(super) item: Option<usize>,
    pub(super) height: f64,
    /// The height of its middle.
    pub(super) y: f64,
}

/// A part of a line, from a spot to one in the next layer, and where it enters that: a fraction of its height.
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) entry: f64,
}

pub(super) struct Layout {
    /// The spots of the items come first, in the items' order.
    pub(super) spots: Vec<Spot>,
    /// The links of each line, from an operand to its user.
    pub(super) lines: Vec<Vec<Link>>,
    /// The spots of each layer, from the top; the outputs' layer first.
    pub(super) layers: Vec<Vec<usize>>,
    /// Room between the boxes of one layer.
    gap: f64,
}

/// The layer of each item.
fn layers(items: &[Item]) -> Vec<usize> {
    let mut uses = vec![0; items.len()];
    let operands = items.iter().flat_map(|item| &item.operands);
    operands.for_each(|&k| uses[k] += 1);
    let mut layer = vec![0; items.len()];
    let mut open: Vec<usize> = (0..items.len()).filter(|&k| uses[k] == 0).collect();
    while let Some(k) = open.pop() {
        for &operand in &items[k].operands {
            layer[operand] = layer[operand].max(layer[k] + 1);
            uses[operand] -= 1;
            if uses[operand] == 0 {
                open.push(operand);
            }
        }
    }
    layer
}

impl Layout {
    /// `height` is the height of an item, `gap` the room between two.
    pub(super) fn of(items: &[Item], height: impl Fn(usize) -> f64, gap: f64) -> Layout {
        let layer = layers(items);
        let depth = layer.iter().max().map_or(0, |&deepest| deepest + 1);
        let mut layout = Layout { spots: Vec::new(), lines: Vec::new(), layers: vec![Vec::new(); depth], gap };
        for (k, &layer) in layer.iter().enumerate() {
            layout.add(layer, Some(k), height(k));
        }
        for (k, item) in items.iter().enumerate() {
            let count = item.operands.len() as f64;
            for (n, &operand) in item.operands.iter().enumerate() {
                let mut line = Vec::new();
                let mut from = operand;
                for between in (layer[k] + 1..layer[operand]).rev() {
                    let to = layout.add(between, None, PASSAGE);
                    let entry = 0.5;
                    line.push(Link { from, to, entry });
                    from = to;
                }
                let entry = (n as f64 + 1.0) / (count + 1.0);
                line.push(Link { from, to: k, entry });
                layout.lines.push(line);
            }
        }
        layout.order();
        layout.place();
        layout
    }

    /// The gap between two spots of one layer.
    fn gap(&self, above: usize, below: usize) -> f64 {
        let is_box = |k: usize| self.spots[k].item.is_some();
        if is_box(above) && is_box(below) { self.gap } else { LINE_GAP + PASSAGE }
    }

    fn add(&mut self, layer: usize, item: Option<usize>, height: f64) -> usize {
        self.spots.push(Spot { layer, item, height, y: 0.0 });
        self.layers[layer].push(self.spots.len() - 1);
        self.spots.len() - 1
    }

    /// For each spot the mean of `at` over its links to the left, or to the right.
    fn means(&self, to_left: bool, at: impl Fn(&Spot, f64) -> f64) -> Vec<Option<f64>> {
        let mut uses = vec![0.0; self.spots.len()];
        self.lines.iter().for_each(|line| uses[line[0].from] += 1.0);
        let mut sums = vec![(0.0, 0.0); self.spots.len()];
        for (line, link) in (self.lines.iter()).flat_map(|line| line.iter().map(move |k| (line, k))) {
            let (here, there, entry) = match to_left {
                true => (link.to, link.from, 0.5),
                false => (link.from, link.to, link.entry),
            };
            let weight = 1.0 / uses[line[0].from];
            sums[here].0 += weight * at(&self.spots[there], entry);
            sums[here].1 += weight;
        }
        sums.into_iter().map(|(sum, count)| (count > 0.0).then(|| sum / count)).collect()
    }

    /// The layers in the order in which a pass goes through them: to the left, or to the right.
    fn pass(&self, to_left: bool) -> impl Iterator<Item = usize> + use<> {
        let count = self.layers.len();
        (0..count).map(move |k| if to_left { count - 1 - k } else { k })
    }

    /// Orders each layer so that few edges cross.
    fn order(&mut self) {
        let lengths: Vec<f64> = self.layers.iter().map(|layer| layer.len() as f64).collect();
        let part = |spot: &Spot, of: f64| spot.y + of / lengths[spot.layer];
        for pass in 0..PASSES {
            let to_left = pass % 2 == 1;
            for layer in self.pass(to_left) {
                self.number();
                let means = self.means(to_left, part);
                let key = |k: usize| means[k].unwrap_or(part(&self.spots[k], 0.5));
                self.layers[layer].sort_by(|&a, &b| key(a).total_cmp(&key(b)));
            }
        }
    }

    /// Makes the height of each spot its place in its layer, from 0 to 1: the middle of a layer is next to that of the next.
    fn number(&mut self) {
        for layer in &self.layers {
            for (place, &spot) in layer.iter().enumerate() {
                self.spots[spot].y = place as f64 / layer.len() as f64;
            }
        }
    }

    /// Gives each spot its height in the image; that of the highest begins at 0.
    fn place(&mut self) {
        for spot in &mut self.spots {
            spot.y = 0.0;
        }
        for pass in 0..=PASSES {
            let to_left = pass % 2 == 1;
            for layer in self.pass(to_left) {
                let means = self.means(to_left, |spot, entry| spot.y + (entry - 0.5) * spot.height);
                self.settle(layer, &means);
            }
        }
        let top = |spot: &Spot| spot.y - spot.height / 2.0;
        let highest = self.spots.iter().map(top).fold(f64::INFINITY, f64::min);
        self.spots.iter_mut().for_each(|spot| spot.y -= highest);
    }

    /// Moves the spots of a layer to the heights nearest to those wanted that keep them apart.
    fn settle(&mut self, layer: usize, wanted: &[Option<f64>]) {
        // Heights less the room that the spots above take must not decrease. Runs that would are
        // pooled at their mean: (sum, count).
        let mut room = 0.0;
        let mut rooms = Vec::new();
        let mut pools: Vec<(f64, f64)> = Vec::new();
        let mut above = None;
        for &k in &self.layers[layer] {
            room += above.replace(k).map_or(0.0, |above| self.gap(above, k));
            let spot = &self.spots[k];
            rooms.push(room + spot.height / 2.0);
            let own = wanted[k].unwrap_or(spot.y) - rooms[rooms.len() - 1];
            room += spot.height;
            let mut pool = (own, 1.0);
            while let Some(above) = pools.pop_if(|above| above.0 / above.1 > pool.0 / pool.1) {
                pool = (pool.0 + above.0, pool.1 + above.1);
            }
            pools.push(pool);
        }
        let heights = pools.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count, count as usize));
        for ((&k, height), room) in self.layers[layer].iter().zip(heights).zip(rooms) {
            self.spots[k].y = height + room;
        }
    }
}
