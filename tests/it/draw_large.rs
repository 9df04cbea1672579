//! Pictures of large graphs and of recorded functions fit a screen: what repeats is folded, and what is long is cut in its middle.

use scalargrad::{Function, Op, Var, dot, sum};

/// A network of `tanh` neurons, each adding its products up one by one.
fn network(sizes: &[usize]) -> Var {
    let mut layer: Vec<Var> = (0..sizes[0]).map(|k| Var::new(0.3 * k as f64 - 0.2).named(format!("x{k}"))).collect();
    let mut count = 0;
    let mut next = || {
        count += 1;
        f64::from(count).sin()
    };
    for &width in &sizes[1..] {
        layer = (0..width)
            .map(|n| {
                let mut z = Var::new(next()).named(format!("b{n}"));
                for (k, x) in layer.iter().enumerate() {
                    z += Var::new(next()).named(format!("w[{n}][{k}]")) * x;
                }
                z.tanh().named(format!("neuron {n}"))
            })
            .collect();
    }
    layer[0].backward();
    layer[0]
}

#[test]
fn a_network_is_drawn_by_its_layers_with_the_numbers_of_each_kind() {
    let text = network(&[2, 16, 16, 1]).to_text();
    let labels: Vec<&str> = (text.lines().skip(1))
        .map(|line| line.trim_start_matches(|c| "│├└─ ".contains(c)).split("  ").next().unwrap())
        .collect();
    let expected = [
        "neuron 0 = tanh",
        "+",
        "b0",
        "16 × (×)",
        "16 × w[0]",
        "16 × neuron = tanh",
        "16 × (+)",
        "16 × b",
        "256 × (×)",
        "256 × w",
        "16 × neuron = tanh",
        "16 × (+)",
        "16 × b",
        "32 × (×)",
        "32 × w",
        "2 × x",
    ];
    assert_eq!(labels, expected, "{text}");
    assert!(text.contains("-0.2 … 0.1"), "{text}");
    let svg = network(&[2, 16, 16, 1]).to_svg();
    let width = svg.split(" width=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(width.parse::<f64>().unwrap() < 1920.0, "{width}");
}

#[test]
fn a_group_is_named_by_what_its_names_have_in_common() {
    let shown = |name: &dyn Fn(usize) -> String| {
        let leaves: Vec<Var> = (0..60).map(|k| Var::new(1.0).named(name(k))).collect();
        let text = scalargrad::sum(&leaves).to_text().to_string();
        text.split("60 × ").nth(1).unwrap().split("  ").next().unwrap().to_string()
    };
    assert_eq!(shown(&|k| format!("x[{k}]")), "x");
    assert_eq!(shown(&|k| format!("layers[1].w[{k}]")), "layers[1].w");
    assert_eq!(shown(&|k| format!("layers[{k}].b")), "layers[].b");
    assert_eq!(shown(&|k| format!("w_1_{k}")), "w_1");
    assert_eq!(shown(&|k| k.to_string()), "leaf");
    for name in ["f(x)", "∂E", "w(1)", "y'", "-x", "p (%)", "x_1.w[1]"] {
        assert_eq!(shown(&|_| name.to_string()), name);
    }
    assert_eq!(shown(&|k| if k == 0 { "x".into() } else { format!("x{k}") }), "x");
    assert_eq!(shown(&|k| format!("x({k})(1)")), "x()(1)");
    assert_eq!(shown(&|k| format!("a[{k}][1]")), "a[][1]");
    assert_eq!(shown(&|k| format!("{k}: b")), "b");
}

#[test]
fn unfolded_every_node_is_drawn_but_those_between_the_terms_of_a_sum() {
    let o = network(&[2, 4, 4, 1]);
    let mut between = 0;
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![o];
    while let Some(x) = open.pop() {
        let is_between = x.op() == Op::Add && x.operands()[0].op() == Op::Add;
        if is_between {
            between += 1;
        }
        if seen.insert(x.id()) {
            open.extend(x.operands());
        }
    }
    let svg = o.picture().unfolded().to_svg();
    assert_eq!(
        svg.matches("<rect class=\"made").count() + svg.matches("<rect class=\"leaf").count(),
        seen.len() - between
    );
    assert!(!svg.contains('…'));
}

#[test]
fn an_unfolded_network_has_a_line_of_text_in_each_box_and_weights_beside_their_products() {
    let svg = network(&[2, 16, 16, 1]).picture().unfolded().to_svg();
    let boxes = svg.matches("<rect class=\"made").count() + svg.matches("<rect class=\"leaf").count();
    assert_eq!(svg.matches("<text").count(), boxes);
    // How far the lines of what is used once go up or down: they begin with `M x y C x y x y x y`.
    let lines: Vec<f64> = (svg.split("class=\"line c\" d=\"M").skip(1))
        .map(|line| {
            let line = line.split('"').next().unwrap();
            let numbers: Vec<f64> = (line.split([' ', 'C', 'H'])).filter_map(|number| number.parse().ok()).collect();
            (numbers[numbers.len() - 1] - numbers[1]).abs()
        })
        .collect();
    let mean = lines.iter().sum::<f64>() / lines.len() as f64;
    assert!(lines.len() > 500 && mean < 250.0, "{mean} for {}", lines.len());
}

#[test]
fn nodes_are_folded_only_if_they_are_made_and_used_alike() {
    let x = Var::leaves(&[0.5; 30]);
    let sines: Vec<Var> = x.iter().map(|x| x.sin()).collect();
    let text = (sum(&sines[..20]) * dot(&sines[20..], &x[20..])).to_text();
    for line in ["20 × sin", "10 × sin", "20 × leaf", "10 × leaf"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(text.lines().count(), 1 + 8, "{text}");
}

#[test]
fn a_sum_in_a_loop_does_not_nest_a_level_for_each_term() {
    let (w, x) = (Var::array([1.0, 2.0, 3.0, 4.0]), Var::array([5.0, 6.0, 7.0, 8.0]));
    let mut total = Var::constant(0.0);
    for k in 0..4 {
        total += w[k] * x[k];
    }
    let text = total.to_text();
    assert_eq!(text.matches("\n├─ ×").count() + text.matches("\n└─ ×").count(), 4, "{text}");
    // What is used again, or has a name, is seen.
    let half = (w[0] + w[1] + w[2]).named("half");
    let text = (half + x[0] + x[1] + x[2] + half).to_text();
    assert!(text.contains("half = +") && text.contains("half (above)"), "{text}");
    assert_eq!(text.lines().count(), 1 + 1 + 5 + 2 + 2, "{text}");
}

#[test]
fn a_long_chain_is_cut_in_its_middle() {
    let mut x = Var::new(1.5).named("start");
    for k in 0..40 {
        x *= Var::new(0.9).named(format!("w{k}"));
    }
    let text = x.to_text();
    for seen in ["w39", "w0", "start", "… and "] {
        assert!(text.contains(seen), "{text}");
    }
    assert!(!text.contains("w20") && !x.to_svg().contains("w20<"), "{text}");
    assert!(x.picture().unfolded().to_text().contains("w20"));
}

#[test]
fn a_function_draws_itself() {
    let f = Function::record(&[1.0, 2.0], |x| {
        let r = (x[0] * x[0].named("left")).sqrt();
        (r * x[1], r.max(2.0), Var::constant(7.0))
    });
    let expected = "
×
├─ #1 = sqrt
│  └─ ×
│     ├─ left
│     └─ left (above)
└─ x[1]
max(·, 2)
└─ #1 (above)
constant 7
";
    assert_eq!(format!("\n{}", f.picture().to_text()), expected);
    let svg = f.picture().to_svg();
    assert_eq!(svg.matches(" output\"").count(), 3);
    assert!(!svg.contains("class=\"value\"") && !svg.contains("class=\"grad\""));
    assert!(f.picture().to_dot().contains("label=\"sqrt\""));
    let wide = Function::record(&[0.5; 100], |x| sum(&x.iter().map(|x| x.tanh()).collect::<Vec<_>>()));
    assert_eq!(wide.picture().to_text(), "sum\n└─ 100 × tanh\n   └─ 100 × x\n");
}

#[test]
fn one_line_leads_from_what_is_folded_to_its_sum_and_its_constants_are_shown() {
    let w: Vec<Var> = (0..60).map(|k| Var::new(f64::from(k))).collect();
    let part = |w: &[Var]| sum(&w.iter().map(|x| x.sin()).collect::<Vec<_>>()).tanh();
    let parts: Vec<Var> = w.chunks(30).map(part).collect();
    let text = sum(&[parts[0], parts[1], Var::constant(3.0)]).to_text();
    let labels: Vec<&str> = text.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(labels[1..3], ["sum(·, ·, 3)", "└─ 2 × tanh"], "{text}");
    assert!(!text.contains("(above)"), "{text}");
}

#[test]
fn one_line_leads_from_what_is_folded_to_its_squares() {
    let w: Vec<Var> = (0..60).map(|k| Var::new(f64::from(k))).collect();
    let text = sum(&w.iter().map(|x| x * x).collect::<Vec<_>>()).to_text();
    assert_eq!(text.lines().count(), 1 + 3, "{text}");
    assert!((w[0] * w[0]).to_text().contains("(above)"));
}

#[test]
fn a_range_shows_that_some_of_its_numbers_are_nan() {
    let x: Vec<Var> = (0..60).map(|k| Var::new(f64::from(k) - 1.0)).collect();
    let text = sum(&x.iter().map(|x| x.sqrt()).collect::<Vec<_>>()).to_text();
    assert!(text.contains("0 … 7.62, NaN"), "{text}");
}

#[test]
fn an_svg_is_light_or_dark_and_marks_the_lines_of_what_is_used_again() {
    let x = Var::new(2.0);
    let svg = (x * x + x.sin().exp()).to_svg();
    assert!(svg.contains("@media (prefers-color-scheme:dark)"));
    // Three lines from `x` in one color, the others in none.
    assert_eq!(svg.matches("class=\"line c0\"").count(), 3);
    assert_eq!(svg.matches("class=\"line c\"").count(), 3);
    assert!(svg.contains("class=\"value\"") && svg.contains("class=\"grad\""));
}
