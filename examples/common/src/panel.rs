//! What is drawn between a pair of axes.

use crate::palette::{self, Colour};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;

pub use plotters::chart::SeriesLabelPosition as Corner;

pub(crate) type Done = Result<(), Box<dyn Error>>;

enum Element {
    Cells { columns: usize, colours: Vec<Colour> },
    Band(Vec<[f64; 3]>),
    Line { width: u32, points: Vec<(f64, f64)> },
    Bars { width: f64, points: Vec<(f64, f64)> },
    Dots { radius: f64, points: Vec<(f64, f64)> },
}

struct Series {
    label: String,
    colour: Colour,
    element: Element,
}

/// A pair of axes with what is drawn between them.
pub struct Panel {
    title: String,
    axes: [(String, Option<Range<f64>>); 2],
    /// What stands at 0, 1, 2, … of the first axis, in place of these numbers.
    categories: Vec<String>,
    series: Vec<Series>,
    legend: Corner,
}

impl Panel {
    pub fn new(title: &str, x: &str, y: &str) -> Panel {
        Panel {
            title: title.into(),
            axes: [(x.into(), None), (y.into(), None)],
            categories: Vec::new(),
            series: Vec::new(),
            legend: Corner::UpperRight,
        }
    }

    /// Puts the legend where nothing is drawn.
    pub fn legend(mut self, legend: Corner) -> Panel {
        self.legend = legend;
        self
    }

    /// Sets the ends of the axes, which are those of the data otherwise.
    pub fn range(mut self, x: Range<f64>, y: Range<f64>) -> Panel {
        self.axes[0].1 = Some(x);
        self.axes[1].1 = Some(y);
        self
    }

    /// Names what stands at 0, 1, 2, … of the first axis.
    pub fn categories(mut self, names: impl IntoIterator<Item = String>) -> Panel {
        self.categories.extend(names);
        self
    }

    fn with(mut self, label: &str, colour: Colour, element: Element) -> Panel {
        let label = label.into();
        self.series.push(Series { label, colour, element });
        self
    }

    pub fn line(self, label: &str, colour: Colour, points: impl IntoIterator<Item = (f64, f64)>) -> Panel {
        let points = points.into_iter().collect();
        self.with(label, colour, Element::Line { width: 2, points })
    }

    pub fn thin_line(self, label: &str, colour: Colour, points: impl IntoIterator<Item = (f64, f64)>) -> Panel {
        let points = points.into_iter().collect();
        self.with(label, colour, Element::Line { width: 1, points })
    }

    pub fn dots(self, label: &str, colour: Colour, radius: f64, points: impl IntoIterator<Item = (f64, f64)>) -> Panel {
        let points = points.into_iter().collect();
        self.with(label, colour, Element::Dots { radius, points })
    }

    /// Bars from zero on, which are as wide as this on the axis.
    pub fn bars(self, label: &str, colour: Colour, width: f64, points: impl IntoIterator<Item = (f64, f64)>) -> Panel {
        let points = points.into_iter().collect();
        self.with(label, colour, Element::Bars { width, points })
    }

    /// What lies between two curves: `x`, the lower one and the upper one.
    pub fn band(self, label: &str, colour: Colour, edges: impl IntoIterator<Item = [f64; 3]>) -> Panel {
        self.with(label, colour, Element::Band(edges.into_iter().collect()))
    }

    /// Fills the panel with cells, whose colour is a function of their middle. The panel needs its range before.
    pub fn cells(self, columns: usize, rows: usize, colour: impl Fn(f64, f64) -> Colour) -> Panel {
        let [x, y] = [0, 1].map(|k| self.axes[k].1.clone().expect("a panel of cells has a range"));
        let at = |r: &Range<f64>, k: usize, n: usize| r.start + (r.end - r.start) * (k as f64 + 0.5) / n as f64;
        let colours =
            (0..rows * columns).map(|k| colour(at(&x, k % columns, columns), at(&y, k / columns, rows))).collect();
        self.with("", palette::GREY, Element::Cells { columns, colours })
    }

    /// The ends of an axis: those given, or those of the data with a margin.
    fn ends(&self, axis: usize) -> Range<f64> {
        if let Some(range) = &self.axes[axis].1 {
            return range.clone();
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut see = |x: f64| {
            if x.is_finite() {
                low = low.min(x);
                high = high.max(x);
            }
        };
        for series in &self.series {
            match &series.element {
                Element::Cells { .. } => {}
                Element::Band(edges) => {
                    for [x, a, b] in edges {
                        if axis == 0 {
                            see(*x)
                        } else {
                            [a, b].into_iter().for_each(|y| see(*y));
                        }
                    }
                }
                Element::Line { points, .. } | Element::Bars { points, .. } | Element::Dots { points, .. } => {
                    points.iter().for_each(|p| see(if axis == 0 { p.0 } else { p.1 }));
                }
            }
        }
        let margin = if high > low { 0.04 * (high - low) } else { 0.5 };
        if low > high { 0.0..1.0 } else { low - margin..high + margin }
    }

    /// Draws with everything `scale` times as large.
    pub(crate) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: u32) -> Done
    where
        B::ErrorType: 'static,
    {
        let font = |size: u32| ("sans-serif", size * scale).into_font();
        let (x, y) = (self.ends(0), self.ends(1));
        let x_label = |&x: &f64| match self.categories.get(x.round() as usize) {
            _ if self.categories.is_empty() => short(&x),
            Some(name) if (x - x.round()).abs() < 1e-9 => name.clone(),
            _ => String::new(),
        };
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, font(17))
            .margin(10 * scale)
            // Half of a label at the end of the axis stands there.
            .margin_right(22 * scale)
            .x_label_area_size(36 * scale)
            .y_label_area_size(58 * scale)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .x_desc(&self.axes[0].0)
            .y_desc(&self.axes[1].0)
            .x_labels(match self.categories.len() {
                0 => 7,
                count => count,
            })
            .y_labels(7)
            .max_light_lines(0)
            .bold_line_style(BLACK.mix(0.1).stroke_width(scale))
            .axis_style(BLACK.mix(0.6).stroke_width(scale))
            .set_all_tick_mark_size(4 * scale)
            .label_style(font(13))
            .axis_desc_style(font(14))
            .x_label_formatter(&x_label)
            .y_label_formatter(&short)
            .draw()?;
        let mut labels = 0;
        for Series { label, colour, element } in &self.series {
            let colour = *colour;
            let (name, legend) = (!label.is_empty(), colour.to_rgba());
            labels += u32::from(name);
            let shown = match element {
                Element::Cells { columns, colours } => {
                    let rows = colours.len() / columns;
                    let width = (x.end - x.start) / *columns as f64;
                    let height = (y.end - y.start) / rows as f64;
                    let mut runs = Vec::new();
                    for (row, colours) in colours.chunks(*columns).enumerate() {
                        let low = y.start + row as f64 * height;
                        let mut first = 0;
                        for run in colours.chunk_by(|a, b| a == b) {
                            let left = x.start + first as f64 * width;
                            first += run.len();
                            let right = x.start + first as f64 * width;
                            // Half a cell more, under the cells that come later, or there would be seams.
                            let right = x.end.min(right + 0.5 * width);
                            let top = y.end.min(low + 1.5 * height);
                            let corners = [(left, low), (right, top)];
                            runs.push(Rectangle::new(corners, run[0].filled()));
                        }
                    }
                    chart.draw_series(runs)?
                }
                Element::Band(edges) => {
                    let (there, back) = (edges.iter(), edges.iter().rev());
                    let outline = there.map(|e| (e[0], e[1])).chain(back.map(|e| (e[0], e[2])));
                    let outline: Vec<_> = outline.collect();
                    chart.draw_series([Polygon::new(outline, colour.mix(0.2))])?
                }
                Element::Line { width, points } => {
                    let style = colour.stroke_width(width * scale);
                    // In pieces: where one line crosses itself often, its stroke would have holes.
                    let mut pieces = points.chunks(20).enumerate();
                    let piece = |(k, piece): (usize, &[(f64, f64)])| {
                        let before = (k > 0).then(|| points[20 * k - 1]);
                        let piece: Vec<_> = before.into_iter().chain(piece.iter().copied()).collect();
                        PathElement::new(piece, style)
                    };
                    chart.draw_series(pieces.by_ref().map(piece))?
                }
                Element::Bars { width, points } => {
                    let bar = |&(x, y): &(f64, f64)| {
                        Rectangle::new([(x - width / 2.0, 0.0), (x + width / 2.0, y)], colour.filled())
                    };
                    chart.draw_series(points.iter().map(bar))?
                }
                Element::Dots { radius, points } => {
                    let radius = (radius * f64::from(scale)).round() as i32;
                    let dot = |p: &(f64, f64)| {
                        EmptyElement::at(*p)
                            + Circle::new((0, 0), radius, colour.filled())
                            + Circle::new((0, 0), radius, WHITE.stroke_width(scale.div_ceil(2)))
                    };
                    chart.draw_series(points.iter().map(dot))?
                }
            };
            if name {
                let (long, wide) = (18 * scale as i32, 3 * scale as i32);
                let legend = if matches!(element, Element::Band(_)) { legend.mix(0.2) } else { legend };
                let is_dots = matches!(element, Element::Dots { .. });
                // With room to the right: who looks at an SVG may have a wider font.
                shown.label(format!("{label}\u{a0}\u{a0}")).legend(move |(x, y)| {
                    let half = if is_dots { wide + 1 } else { long / 2 };
                    let middle = x + long / 2;
                    Rectangle::new([(middle - half, y - wide), (middle + half, y + wide)], legend.filled())
                });
            }
        }
        if labels > 0 {
            chart
                .configure_series_labels()
                .label_font(font(13))
                .legend_area_size(24 * scale)
                .margin(8 * scale)
                .background_style(WHITE.mix(0.85))
                .border_style(BLACK.mix(0.3).stroke_width(scale))
                .position(self.legend.clone())
                .draw()?;
        }
        Ok(())
    }
}

/// A number in few characters.
fn short(x: &f64) -> String {
    let size = x.abs();
    if size < 1e-12 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&size) {
        return format!("{x:.1e}");
    }
    let text = format!("{x:.4}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}
