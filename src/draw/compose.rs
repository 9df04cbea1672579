//! Which items a picture has: from the flat copy of the graph by folding what repeats and cutting what is too
//! long or too wide.

use super::fold::{Groups, common, shown};
use super::graph::{Graph, Source};
use super::item::{Item, Kind, Span, operation, pattern};
use crate::rows::Op;
use std::collections::{BTreeMap, HashSet};

/// How much of a graph is drawn.
pub(super) struct Limits {
    /// Whether repeated structure is drawn as one.
    pub(super) is_folded: bool,
    /// The operations from the output to the farthest leaf beyond which the middle is left out.
    pub(super) depth: usize,
    /// The levels that are drawn then, next to the output and at the other end.
    pub(super) ends: [usize; 2],
    /// The items at one distance from the output.
    pub(super) width: usize,
}

/// Graphs up to this size are never folded.
const SMALL: usize = 48;
/// Additions in a row that are drawn as one.
const SUM_IN_SMALL: usize = 3;
const SUM_IN_LARGE: usize = 2;
/// Operands up to which constants are in the label of an operation.
const SHORT: usize = 3;
/// Constant operands of a longer operation that are drawn one by one.
const CONSTANTS: usize = 8;

/// The items to draw, the outputs first.
pub(super) fn items(source: &dyn Source, limits: &Limits) -> Vec<Item> {
    let mut graph = Graph::of(source);
    let is_small = graph.nodes.len() <= SMALL;
    let additions = if is_small { SUM_IN_SMALL } else { SUM_IN_LARGE };
    graph.join_sums(source, additions);
    let groups = if limits.is_folded && !is_small { Groups::folded(&graph, source) } else { Groups::single(&graph) };
    Composer::new(source, &graph, groups, limits).items()
}

struct Composer<'a> {
    source: &'a dyn Source,
    graph: &'a Graph,
    groups: Groups,
    /// The item of each group; that of a level's hidden nodes for a hidden one.
    item_of: Vec<usize>,
    items: Vec<Item>,
}

impl<'a> Composer<'a> {
    fn new(source: &'a dyn Source, graph: &'a Graph, groups: Groups, limits: &Limits) -> Self {
        let is_small = graph.nodes.len() <= SMALL;
        let order = order(graph, &groups);
        let levels = levels(graph, &groups);
        let deepest = levels.iter().max().map_or(0, |&level| level as usize);
        let is_long = deepest > limits.depth;
        let middle = limits.ends[0]..deepest + 1 - limits.ends[1].min(deepest);
        let mut shown = vec![0; deepest + 1];
        let mut in_level = vec![0; deepest + 1];
        levels.iter().for_each(|&level| in_level[level as usize] += 1);
        // The items of hidden nodes by level.
        let mut hidden: BTreeMap<usize, usize> = BTreeMap::new();
        let mut items = Vec::new();
        let mut item_of = vec![0; levels.len()];
        for &group in &order {
            let level = levels[group as usize] as usize;
            let is_middle = is_long && middle.contains(&level);
            // Not one alone: it takes no less room to say so.
            let is_full = shown[level] + 1 >= limits.width && in_level[level] > limits.width && !is_small;
            let item = if is_middle || is_full {
                let key = if is_middle { usize::MAX } else { level };
                *hidden.entry(key).or_insert_with(|| {
                    items.push(Item { kind: Kind::Hidden, ..Item::default() });
                    items.len() - 1
                })
            } else {
                shown[level] += 1;
                items.push(Item::default());
                items.len() - 1
            };
            item_of[group as usize] = item;
        }
        Composer { source, graph, groups, item_of, items }
    }

    fn item_of(&self, k: usize) -> usize {
        self.item_of[self.groups.of[k] as usize]
    }

    /// Whether a node is drawn by itself.
    fn is_alone(&self, k: usize) -> bool {
        let is_hidden = self.items[self.item_of(k)].kind == Kind::Hidden;
        !is_hidden && self.groups.sizes[self.groups.of[k] as usize] == 1
    }

    fn items(mut self) -> Vec<Item> {
        let mut operands: Vec<Operands> = Vec::new();
        operands.resize_with(self.items.len(), Operands::default);
        for k in 0..self.graph.nodes.len() {
            let item = self.item_of(k);
            if self.items[item].kind == Kind::Hidden {
                self.items[item].count += self.graph.nodes[k].covers as usize;
                for operand in self.graph.node_operands(k).map(|k| self.item_of(k)) {
                    if operand != item {
                        operands[item].add(operand, false);
                    }
                }
                continue;
            }
            self.describe(k, item);
            operands[item].count = self.graph.operands(k).len();
            for (place, operand) in self.graph.operands(k).enumerate() {
                match operand {
                    Err(x) => operands[item].add_constant(place, x),
                    Ok(operand) => {
                        let has_all_lines = self.is_alone(k) && self.is_alone(operand);
                        operands[item].add(self.item_of(operand), has_all_lines);
                    }
                }
            }
        }
        for (item, operands) in operands.into_iter().enumerate() {
            self.attach(item, operands);
        }
        for item in self.items.iter_mut().filter(|item| item.count > 1) {
            item.name = item.name.take().map(|name| shown(&name)).filter(|name| !name.is_empty());
        }
        for output in &self.graph.outputs {
            match *output {
                Ok(k) => {
                    let item = self.item_of(k);
                    self.items[item].is_output = true;
                }
                Err(x) => {
                    let mut constant = Item::constant(Span::of(x), 1);
                    constant.is_output = true;
                    self.items.push(constant);
                }
            }
        }
        self.items
    }

    /// Adds node `k` to what its item says.
    fn describe(&mut self, k: usize, item: usize) {
        let node = &self.graph.nodes[k];
        let index = node.index as usize;
        let item = &mut self.items[item];
        let name = self.source.name(index);
        if item.count == 0 {
            item.kind = match node.op {
                Op::Leaf => Kind::Leaf,
                _ => Kind::Made,
            };
            item.operation = match node.op {
                Op::Custom => self.source.custom_label(index, node.n),
                op => operation(op, node.n),
            };
            item.name = name;
        } else if item.name != name {
            item.name = item.name.take().zip(name).map(|(a, b)| common(&a, &b));
        }
        item.count += 1;
        if let Some((value, grad)) = self.source.numbers(index) {
            Span::of(value).join_to(&mut item.value);
            Span::of(grad).join_to(&mut item.grad);
        }
    }

    /// Gives an item its operands, and constants a place in its label or items of their own.
    fn attach(&mut self, item: usize, operands: Operands) {
        let Operands { list, constants, count, .. } = operands;
        let (few, is_short) = (constants.len() <= CONSTANTS, count <= SHORT);
        let mut found: Vec<usize> = Vec::new();
        if is_short && !constants.is_empty() {
            let places: Vec<Option<Span>> = (0..count).map(|i| constants.get(&i).copied()).collect();
            self.items[item].operation = pattern(&self.items[item].operation, &places);
        }
        for operand in list {
            match operand {
                Slot::Item(operand) => found.push(operand),
                Slot::Constant(i) if few && !is_short => {
                    found.push(self.items.len());
                    self.items.push(Item::constant(constants[&i], 1));
                }
                Slot::Constant(_) => {}
            }
        }
        if !few && !is_short {
            let all = constants.values().copied().reduce(Span::join);
            found.push(self.items.len());
            self.items.extend(all.map(|all| Item::constant(all, constants.len())));
        }
        self.items[item].operands = found;
    }
}

/// The operands of an item while its nodes are gone through.
#[derive(Default)]
struct Operands {
    /// The operands of its first node, then what others have in addition.
    list: Vec<Slot>,
    /// The number of those of each of its nodes.
    count: usize,
    /// The constants by their place among the operands.
    constants: BTreeMap<usize, Span>,
    seen: HashSet<usize>,
}

enum Slot {
    Item(usize),
    Constant(usize),
}

impl Operands {
    /// Adds an operand, again if it has a line for each time that it is used, as in `x * x`.
    fn add(&mut self, item: usize, has_all_lines: bool) {
        if self.seen.insert(item) || has_all_lines {
            self.list.push(Slot::Item(item));
        }
    }

    fn add_constant(&mut self, place: usize, x: f64) {
        let (x, before) = (Span::of(x), self.constants.get(&place));
        let all = before.map_or(x, |all| all.join(x));
        if self.constants.insert(place, all).is_none() {
            self.list.push(Slot::Constant(place));
        }
    }
}

impl Item {
    fn constant(value: Span, count: usize) -> Item {
        Item { operation: Op::Constant.to_string(), count, value: Some(value), kind: Kind::Constant, ..Item::default() }
    }
}

/// The groups as a search in breadth from the outputs meets them.
fn order(graph: &Graph, groups: &Groups) -> Vec<u32> {
    let mut is_met = vec![false; groups.sizes.len()];
    let mut is_open = vec![false; graph.nodes.len()];
    let mut order = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for &k in graph.outputs.iter().flatten() {
        if !std::mem::replace(&mut is_open[k], true) {
            open.push(k);
        }
    }
    let mut next = 0;
    while let Some(&k) = open.get(next) {
        next += 1;
        let group = groups.of[k];
        if !std::mem::replace(&mut is_met[group as usize], true) {
            order.push(group);
        }
        for operand in graph.node_operands(k) {
            if !std::mem::replace(&mut is_open[operand], true) {
                open.push(operand);
            }
        }
    }
    order
}

/// The longest way from an output to each group.
fn levels(graph: &Graph, groups: &Groups) -> Vec<u32> {
    let mut of_nodes = vec![0u32; graph.nodes.len()];
    let mut levels = vec![0; groups.sizes.len()];
    for k in 0..graph.nodes.len() {
        let level = of_nodes[k];
        let group = &mut levels[groups.of[k] as usize];
        *group = level.max(*group);
        for operand in graph.node_operands(k) {
            of_nodes[operand] = of_nodes[operand].max(level + 1);
        }
    }
    levels
}
