//! Pictures show the graph as it is, whatever its size and its names.

use scalargrad::{Var, dot, graph, sum};
use std::panic::catch_unwind;
use std::thread;

/// A text picture, on a line of its own for comparison with a literal.
fn text(x: Var) -> String {
    format!("\n{}", x.to_text())
}

#[test]
fn text_shows_names_operations_values_and_gradients() {
    let (x, y) = (Var::new(3.0).named("x"), Var::new(-2.0).named("y"));
    let z = ((x - y).powi(3) * y.exp()).named("z");
    z.backward();
    let expected = "
                    value      grad
z = ×             16.9169         1
├─ powi(3)            125  0.135335
│  └─ −                 5   10.1501
│     ├─ x              3   10.1501
│     └─ y             -2   6.76676
└─ exp           0.135335       125
   └─ y (above)
";
    assert_eq!(text(z), expected);
}

#[test]
fn text_draws_a_shared_node_once_and_refers_to_it() {
    let (x, twin) = (Var::new(2.0).named("w"), Var::new(5.0).named("w"));
    let unnamed = x * twin;
    let o = (unnamed + unnamed) * x;
    o.backward();
    let expected = "
                  value  grad
×                    40     1
├─ +                 20     2
│  ├─ #1 = ×         10     4
│  │  ├─ w #2         2    40
│  │  └─ w            5     8
│  └─ #1 (above)
└─ w #2 (above)
";
    assert_eq!(text(o), expected);
}

#[test]
fn text_puts_constants_in_their_places() {
    let x = Var::new(2.0).named("x");
    let o = (1.0 / (x - 0.5)).clamp(0.0, 9.0).max(x.powf(0.5));
    let expected = "
                      value  grad
max                 1.41421     0
├─ clamp(·, 0, 9)  0.666667     0
│  └─ 1 ÷ ·        0.666667     0
│     └─ · − 0.5        1.5     0
│        └─ x             2     0
└─ powf(·, 0.5)     1.41421     0
   └─ x (above)
";
    assert_eq!(text(o), expected);
    let four = dot(&[x, Var::from(3.0)], &[Var::from(4.0), x]);
    let expected = "
              value  grad
dot              14     0
├─ x              2     0
├─ constant       4
├─ constant       3
└─ x (above)
";
    assert_eq!(text(four), expected);
}

#[test]
fn a_leaf_and_a_constant_are_pictures_too() {
    assert_eq!(text(Var::new(0.1)), "\n      value  grad\nleaf    0.1     0\n");
    assert_eq!(text(Var::from(-1e300)), "\n           value  grad\nconstant  -1e300\n");
    assert!(Var::from(1.5).to_dot().contains("label=\"1.5\""));
    assert!(Var::from(1.5).to_svg().contains(">1.5</tspan>"));
}

#[test]
fn numbers_have_six_digits() {
    for (number, expected) in [
        (24.70408163265306, "24.7041"),
        (-0.0, "-0"),
        (100000.0, "100000"),
        (999999.9, "1e6"),
        (1234567.0, "1.23457e6"),
        (0.00012, "0.00012"),
        (1.0 / 30000.0, "3.33333e-5"),
        (5e-324, "4.94066e-324"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        let last = Var::from(number).to_text();
        assert_eq!(last.split_whitespace().last(), Some(expected));
    }
}

#[test]
fn an_operation_of_ones_own_is_drawn_by_its_label() {
    let x = Var::new(2.0);
    let o = Var::custom("my \"own\"", 4.0, [(x, 4.0)]);
    assert!(o.to_text().contains("my \"own\""));
    assert!(o.to_dot().contains(r#"label="my \"own\"""#));
    assert!(o.to_svg().contains(">my \"own\"</tspan>"));
}

#[test]
fn dot_has_a_box_for_each_number_and_an_ellipse_for_each_operation() {
    let x = Var::new(3.0).named("x");
    let o = x * 2.0 + x;
    o.backward();
    let expected = r#"digraph {
  rankdir=LR
  node [fontname="monospace" fontsize=11 height=0.3]
  n0 [shape=record label="{ value 9 | grad 1 }"]
  o0 [label="+"]
  o0 -> n0
  n1 -> o0
  n2 -> o0
  n1 [shape=record label="{ value 6 | grad 1 }"]
  o1 [label="· × 2"]
  o1 -> n1
  n2 -> o1
  n2 [shape=record label="{ x | value 3 | grad 3 }"]
}
"#;
    assert_eq!(o.to_dot(), expected);
}

#[test]
fn names_cannot_break_a_picture() {
    let wild = "a|b{c}<d>\"e\"\\f & g\nh\0";
    let x = Var::new(1.0).named(wild);
    assert!(x.to_text().contains("a|b{c}<d>\"e\"\\f & g h"));
    assert_eq!(x.to_text().lines().count(), 2);
    assert!(x.to_dot().contains(r#"a\|b\{c\}\<d\>\"e\"\\f & g h"#));
    let svg = x.to_svg();
    assert!(svg.contains(">a|b{c}&lt;d&gt;\"e\"\\f &amp; g h"));
    assert_well_formed(&svg);
    let long = "long".repeat(20);
    let line = Var::new(1.0).named(&long).to_text();
    assert!(line.contains(&format!("{}… ", &long[..31])), "{line}");
    assert_eq!(text(Var::new(1.0).named("")), "\n      value  grad\nleaf      1     0\n");
}

/// Panics unless every element is closed, and no text has a bare sign.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{piece}");
        let known = ["amp;", "lt;", "gt;"];
        let mut entities = text.split('&').skip(1);
        assert!(entities.all(|e| known.iter().any(|k| e.starts_with(k))), "{piece}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// The number after `name="`.
fn attribute(tag: &str, name: &str) -> Option<f64> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"')?.0.parse().ok()
}

/// The boxes as left, top, right, bottom.
fn boxes(svg: &str) -> Vec<[f64; 4]> {
    let tags = svg.split("<rect").skip(1);
    tags.filter_map(|tag| {
        let [x, y, w, h] = ["x", "y", "width", "height"].map(|name| attribute(tag, name));
        Some([x?, y?, x? + w?, y? + h?])
    })
    .collect()
}

#[test]
fn svg_boxes_stand_apart_inside_the_image_with_operands_to_the_left() {
    let (a, b) = (Var::new(-4.0).named("a"), Var::new(2.0).named("b"));
    let mut layer = vec![a, b, a * b, a + b, a - 1.0];
    for _ in 0..4 {
        layer = (0..layer.len()).map(|k| (layer[k] * layer[(k * 3 + 1) % layer.len()]).tanh() + a).collect();
    }
    let o = sum(&layer);
    o.backward();
    let svg = o.picture().unfolded().to_svg();
    assert_well_formed(&svg);
    let (width, height) = (attribute(&svg, "width").unwrap(), attribute(&svg, "height").unwrap());
    let boxes = boxes(&svg);
    assert!(boxes.len() > 60, "{}", boxes.len());
    for (i, p) in boxes.iter().enumerate() {
        assert!(p[0] >= 0.0 && p[1] >= 0.0 && p[2] <= width && p[3] <= height);
        for q in &boxes[..i] {
            let apart = p[0] >= q[2] || q[0] >= p[2] || p[1] >= q[3] || q[1] >= p[3];
            assert!(apart, "{p:?} {q:?}");
        }
    }
    for path in svg.split("<path class=\"line").skip(1) {
        let path = path.split(" d=\"M").nth(1).unwrap();
        let numbers: Vec<f64> = path[..path.find('"').unwrap()]
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .filter_map(|number| number.parse().ok())
            .collect();
        assert!(numbers[0] < numbers[numbers.len() - 2], "{path}");
    }
}

#[test]
fn a_deep_graph_is_cut_without_recursion_and_what_is_left_out_is_counted() {
    let small_stack = thread::Builder::new().stack_size(128 << 10);
    let drawing = small_stack.spawn(|| {
        let mut x = Var::new(1.0);
        for _ in 0..100_000 {
            x = x.sin() + 1.0;
        }
        [x.to_text(), x.to_dot(), x.to_svg()]
    });
    for picture in drawing.unwrap().join().unwrap() {
        // 200 001 nodes, of which 7 next to the output and 6 at the other end are drawn; constants are none.
        assert!(picture.contains("… and 199988 more"), "{picture}");
        assert!(picture.len() < 20_000);
    }
}

#[test]
fn a_wide_graph_is_cut_and_what_is_left_out_is_counted() {
    let name = |k: usize| "abcdefghij".chars().cycle().skip(k % 10).take(1 + k / 10).collect::<String>();
    let leaves: Vec<Var> = (0..100).map(|k| Var::new(k as f64).named(name(k))).collect();
    let o = sum(&leaves);
    for picture in [o.to_text(), o.to_dot(), o.to_svg()] {
        assert!(picture.contains("… and 81 more"), "{picture}");
    }
    assert_eq!(o.to_text().lines().count(), 1 + 1 + 19 + 1);
    assert_eq!(boxes(&o.to_svg()).len(), 1 + 19 + 1);
    for whole in [sum(&leaves[..40]).picture(), o.picture().unfolded()] {
        assert!(!whole.to_text().contains('…'), "{}", whole.to_text());
    }
    let many: Vec<Var> = (0..2000).map(|k| Var::new(k as f64)).collect();
    assert!(sum(&many).picture().unfolded().to_text().contains("… and 1401 more"));
}

#[test]
fn drawing_changes_nothing() {
    let x = Var::new(3.0);
    let o = x * x;
    o.backward();
    let before = graph::len();
    let _ = (o.to_text(), o.to_dot(), o.to_svg());
    assert_eq!((graph::len(), x.grad()), (before, 6.0));
    graph::scope(|| assert!((o * x).to_text().contains("#1")));
    graph::no_grad(|| assert!(o.to_text().contains("grad")));
}

#[test]
fn a_stale_handle_cannot_be_drawn() {
    let x = graph::scope(|| Var::new(1.0));
    for draw in [Var::to_text, Var::to_dot, Var::to_svg, |x: Var| x.picture().to_text()] {
        let panic = catch_unwind(move || draw(x)).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains("stale Var"), "{message}");
    }
}
