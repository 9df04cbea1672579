//! Pictures of a graph: text, DOT and SVG.
//!
//! All three show the same items: what was recorded, copied flat, with repeated structure folded, and what is
//! too long or too wide cut. A recorded function goes the same way. Nothing here recurses over the graph.

mod compose;
mod dot;
mod fold;
mod graph;
mod item;

mod layout;
mod source;
mod svg;
mod text;

use crate::function::Function;
use crate::graph::trace;
use crate::graph::verify;
use crate::handle::Var;
use compose::Limits;
use graph::Source;
use item::Item;

/// What fits a screen.
const FOLDED: Limits = Limits { is_folded: true, depth: 16, ends: [7, 6], width: 20 };
/// What an image viewer can show.
const UNFOLDED: Limits = Limits { is_folded: false, depth: 250, ends: [150, 100], width: 600 };

/// A picture that is about to be drawn, of a [`Var`]'s graph or of a [`Function`].
///
/// It shows each node once. What is large is made to fit a screen:
///
/// - in a graph of more than 48 nodes those that were made in the same way, and are used in the same way, are
///   drawn as one, with how many they are and the range of their numbers (`16 × tanh`). Names count without
///   their digits, so leaves `w1`, `w2`, … are one group, which has what their names have in common: `w`;
/// - additions in a row, as of `sum += w * x` in a loop, are one sum of many operands;
/// - of a graph deeper than 16 operations the middle is left out, and of more than 20 nodes at one distance
///   from the output the rest. How many nodes that are is said in their place.
///
/// [`unfolded`](Picture::unfolded) draws what is repeated one by one, and leaves less out.
///
/// ```
/// use scalargrad::{Var, sum};
///
/// let weights: Vec<Var> = (0..64).map(|k| Var::new(k as f64 / 100.0).named(format!("w{k}"))).collect();
/// let loss = sum(&weights.iter().map(|w| w.powi(2)).collect::<Vec<Var>>());
/// loss.backward();
/// let picture = "
///                      value      grad
/// sum                 8.5344         1
/// └─ 64 × powi(2)  0 … 0.397         1
///    └─ 64 × w      0 … 0.63  0 … 1.26
/// ";
/// assert_eq!(format!("\n{}", loss.to_text()), picture);
/// assert_eq!(loss.picture().unfolded().to_text().lines().count(), 1 + 129);
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Picture<'a> {
    subject: Subject<'a>,
    is_unfolded: bool,
}

#[derive(Clone, Copy)]
enum Subject<'a> {
    Graph(Var),
    Function(&'a Function),
}

impl Picture<'_> {
    /// Draws what is repeated one by one, up to 250 operations deep and 600 nodes side by side.
    ///
    /// ```
    /// use scalargrad::{Var, norm};
    ///
    /// let x = Var::leaves(&[1.0; 50]);
    /// assert_eq!(norm(&x).to_text().lines().count(), 1 + 2);
    /// assert_eq!(norm(&x).picture().unfolded().to_text().lines().count(), 1 + 51);
    /// ```
    pub fn unfolded(self) -> Self {
        Picture { is_unfolded: true, ..self }
    }

    /// Draws text, as [`Var::to_text`] does.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::Function;
    ///
    /// let f = Function::record(&[1.0, 2.0], |x| (x[0] * x[1].named("y")).sin() + 1.0);
    /// let picture = "
    /// · + 1
    /// └─ sin
    ///    └─ ×
    ///       ├─ x[0]
    ///       └─ y
    /// ";
    /// assert_eq!(format!("\n{}", f.picture().to_text()), picture);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_text(self) -> String {
        text::draw(&self.items())
    }

    /// Draws in the DOT language, as [`Var::to_dot`] does.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| x[0].sin());
    /// assert!(f.picture().to_dot().contains(r#"[label="sin"]"#));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_dot(self) -> String {
        dot::draw(&self.items())
    }

    /// Draws an SVG image, as [`Var::to_svg`] does.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| x[0].sin());
    /// assert!(f.picture().to_svg().contains(">sin</tspan>"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_svg(self) -> String {
        svg::draw(&self.items())
    }

    /// Shows the picture in a Jupyter notebook: the kernel `evcxr` calls this for the last expression of a
    /// cell.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// # let x = scalargrad::Var::new(3.0);
    /// (x * x).picture().unfolded().evcxr_display();
    /// ```
    #[track_caller]
    pub fn evcxr_display(&self) {
        // One call, so that what other threads print does not come between.
        print!("EVCXR_BEGIN_CONTENT image/svg+xml\n{}EVCXR_END_CONTENT\n", self.to_svg());
    }

    #[track_caller]
    fn items(self) -> Vec<Item> {
        let _at = trace::attribute();
        let source: &dyn Source = match &self.subject {
            Subject::Graph(x) => {
                verify(*x);
                x
            }
            Subject::Function(f) => &f.program,
        };
        compose::items(source, if self.is_unfolded { &UNFOLDED } else { &FOLDED })
    }
}

/// # Pictures
///
/// Each shows the variables that this one was made from, a shared one once, with their values and the
/// gradients of the last sweep. Numbers are rounded to six digits. [`Picture`] says what is done about large
/// graphs.
impl Var {
    /// The picture of the graph of this output, for options.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let one_by_one = (x * x).picture().unfolded().to_svg();
    /// assert!(one_by_one.starts_with("<svg"));
    /// ```
    pub fn picture(self) -> Picture<'static> {
        Picture { subject: Subject::Graph(self), is_unfolded: false }
    }

    /// Draws the graph of this output as text, for a terminal.
    ///
    /// A variable that is used again is drawn where it is met first, and called by its name, or by a
    /// number, where it is met again. In an operation with a constant, `·` stands for the variable.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let (x, y) = (Var::new(3.0).named("x"), Var::new(2.0).named("y"));
    /// let z = x * (x + y / 2.0);
    /// z.backward();
    /// let picture = "
    ///                  value  grad
    /// ×                   12     1
    /// ├─ x                 3     7
    /// └─ +                 4     3
    ///    ├─ x (above)
    ///    └─ · ÷ 2          1     3
    ///       └─ y           2   1.5
    /// ";
    /// assert_eq!(format!("\n{}", z.to_text()), picture);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_text(self) -> String {
        self.picture().to_text()
    }

    /// Draws the graph of this output in the DOT language, for Graphviz.
    ///
    /// As micrograd does: a box for a number, an ellipse for the operation that made it.
    /// `dot -Tsvg graph.dot -o graph.svg` makes an image of it; [`to_svg`](Var::to_svg) needs no tool.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let x = Var::new(3.0).named("x");
    /// assert!((x * x).to_dot().contains(r#"label="{ x | value 3 | grad 0 }""#));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_dot(self) -> String {
        self.picture().to_dot()
    }

    /// Draws the graph of this output as an SVG image, complete in itself.
    ///
    /// Operands stand to the left of what is made from them, and enter it in order from the top. Values are
    /// green and gradients red; the lines from a variable that is used several times have one color. The
    /// picture is light or dark as the reader's system is.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```no_run
    /// let x = scalargrad::Var::new(3.0).named("x");
    /// std::fs::write("graph.svg", (x * x).to_svg())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_svg(self) -> String {
        self.picture().to_svg()
    }

    /// Shows the graph of this output in a Jupyter notebook: the kernel `evcxr` calls this for the last
    /// expression of a cell.
    ///
    /// That kernel links every cell with a copy of the crate, each with a graph of its own: use a variable in the
    /// cell that made it.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * x).evcxr_display(); // prints the SVG between the marks that the kernel looks for
    /// ```
    #[track_caller]
    pub fn evcxr_display(&self) {
        self.picture().evcxr_display();
    }
}

/// # Pictures
impl Function {
    /// The picture of the recorded operations: without values, which a function has only at an input.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// assert_eq!(f.picture().to_text(), "×\n├─ x[0]\n└─ x[1]\n");
    /// ```
    pub fn picture(&self) -> Picture<'_> {
        Picture { subject: Subject::Function(self), is_unfolded: false }
    }

    /// Shows the recorded operations in a Jupyter notebook: the kernel `evcxr` calls this for the last
    /// expression of a cell.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// Function::record(&[1.0], |x| x[0].sin()).evcxr_display();
    /// ```
    pub fn evcxr_display(&self) {
        self.picture().evcxr_display();
    }
}
