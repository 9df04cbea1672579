//! Networks: micrograd's numbers, one text for all number types, and training that arrives.

use scalargrad::nn::{Activation, Adam, Layer, Mlp, Module, Sgd, cross_entropy, hinge, squared, uniform};
use scalargrad::{Function, Var, check, gradient, graph, value_and_gradient};
use std::panic::AssertUnwindSafe;

const ACTIVATIONS: [Activation; 4] = [Activation::Linear, Activation::Relu, Activation::Tanh, Activation::Sigmoid];

fn moons_like() -> Vec<([f64; 2], f64)> {
    let mut draw = uniform(3);
    let point = |i| {
        let side = if i % 2 == 0 { 1.0 } else { -1.0 };
        ([side + 0.3 * draw(), 0.5 * draw() - side * 0.5], side)
    };
    (0..40).map(point).collect()
}

/// micrograd's loss: max-margin, and the squares of all parameters.
fn loss(net: &Mlp<Var>, data: &[([f64; 2], f64)]) -> Var {
    let margins = data.iter().map(|(x, y)| hinge(net.forward(x)[0], *y));
    margins.sum::<Var>() / data.len() as f64 + 1e-4 * net.parameters().iter().map(|p| p * p).sum::<Var>()
}

#[test]
fn a_network_computes_what_micrograds_does() {
    // nn.py, with the same weights: `MLP(2, [2, 1])` and relu in between.
    let model = Mlp::new(2, &[2, 1], Activation::Relu, &mut uniform(1));
    let p = [0.5, -1.0, 0.25, 2.0, 0.75, -0.5, 1.5, -0.125, 0.0625];
    let net = model.with(&p);
    let (x, y) = (1.5f64, -2.0f64);
    let first = (0.25 + 0.5 * x - y).max(0.0);
    let second = (-0.5 + 2.0 * x + 0.75 * y).max(0.0);
    assert_eq!(net.forward(&[x, y]), [0.0625 + 1.5 * first + -0.125 * second]);
    assert_eq!(net.layers[1].neurons[0].activation, Activation::Linear);
}

#[test]
fn numbers_and_variables_go_through_the_same_network() {
    for activation in ACTIVATIONS {
        let model = Mlp::new(2, &[5, 4, 3], activation, &mut uniform(11));
        let x = [0.3, -1.2];
        let by_numbers = model.forward(&x);
        graph::scope(|| {
            let net = model.map(Var::new);
            let inputs = Var::leaves(&x);
            let (of_data, of_variables) = (net.forward(&x), net.forward(&inputs));
            for ((a, b), c) in by_numbers.iter().zip(of_data).zip(of_variables) {
                assert_eq!((*a, *a), (b.value(), c.value()), "{activation:?}");
            }
        });
    }
}

#[test]
fn the_gradient_of_a_loss_is_right_for_every_activation() {
    for activation in ACTIVATIONS {
        let model = Mlp::new(2, &[3, 3], activation, &mut uniform(5));
        let f = |p: &[Var]| {
            let outputs = model.with(p).forward(&[0.4, -0.7]);
            cross_entropy(&outputs, 1) + squared(outputs[0], 2.0) + hinge(outputs[2], -1.0)
        };
        check::assert_gradient(f, &model.parameters());
    }
}

#[test]
fn a_step_by_hand_is_a_step_of_gradient_descent() {
    let data = moons_like();
    let model = Mlp::new(2, &[6, 1], Activation::Relu, &mut uniform(2));
    let by_hand = graph::scope(|| {
        let net = model.map(Var::new);
        loss(&net, &data).backward();
        net.map(|p| p.value() - 0.25 * p.grad())
    });
    assert_ne!(by_hand, model);
    let mut p = model.parameters().to_vec();
    let slopes = gradient(|p| loss(&model.with(p), &data), &p);
    Sgd::new(&p, 0.25, 0.0).step(&mut p, &slopes);
    assert_eq!(model.with(&p), by_hand);
}

#[test]
fn closure_and_recording_agree_through_a_training() {
    let data = moons_like();
    let model = Mlp::new(2, &[6, 6, 1], Activation::Tanh, &mut uniform(2));
    let f = |p: &[Var]| loss(&model.with(p), &data);
    let recorded = Function::record(&model.parameters(), f);
    assert!(recorded.frozen_reads().is_empty() && recorded.guards() == 0);
    let mut p = model.parameters().to_vec();
    let mut adam = Adam::new(&p, 0.05);
    for _ in 0..50 {
        let ((value, slopes), (again, more)) = (value_and_gradient(f, &p), recorded.gradient(&p).unwrap());
        assert_eq!(value, again);
        assert!(slopes.iter().zip(&more).all(|(a, b)| (a - b).abs() < 1e-13));
        adam.step(&mut p, &slopes);
    }
    let trained = model.with(&p);
    assert!(data.iter().all(|(x, y)| trained.forward(x)[0] * y > 0.0));
}

/// Trains any module on any loss.
fn train<M: Module<f64>>(
    model: M,
    mut step: impl FnMut(&mut [f64], &[f64]),
    loss: impl Fn(&M::Of<Var>) -> Var,
) -> M::Of<f64> {
    let mut p = model.parameters().to_vec();
    for _ in 0..300 {
        let slopes = gradient(|p| loss(&model.with(p)), &p);
        step(&mut p, &slopes);
    }
    model.with(&p)
}

#[test]
fn training_keeps_no_node_and_arrives_by_every_optimiser() {
    let data = moons_like();
    let start = Mlp::new(2, &[6, 1], Activation::Tanh, &mut uniform(2));
    let p = start.parameters();
    let (mut sgd, mut rolling) = (Sgd::new(&p, 0.2, 0.0), Sgd::new(&p, 0.1, 0.9));
    let mut adam = Adam::new(&p, 0.02);
    let nodes = graph::len();
    for model in [
        train(start.clone(), |p, g| sgd.step(p, g), |n| loss(n, &data)),
        train(start.clone(), |p, g| rolling.step(p, g), |n| loss(n, &data)),
        train(start.clone(), |p, g| adam.step(p, g), |n| loss(n, &data)),
    ] {
        assert!(data.iter().all(|(x, y)| model.forward(x)[0] * y > 0.0));
    }
    assert_eq!(graph::len(), nodes);
    // A layer alone learns three classes.
    let classes = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let layer = Layer::new(2, 3, Activation::Linear, &mut uniform(4));
    let mut adam = Adam::new(&layer.parameters(), 0.1);
    let learn = |net: &Layer<Var>| {
        let scores = classes.iter().map(|x| net.forward(&x.map(Var::constant)));
        let losses = scores.enumerate();
        losses.map(|(class, scores)| cross_entropy(&scores, class)).sum()
    };
    let layer = train(layer, |p, g| adam.step(p, g), learn);
    for (class, x) in classes.iter().enumerate() {
        let scores = layer.forward(x);
        assert!(scores.iter().all(|&score| score <= scores[class]));
    }
}

#[test]
fn every_parameter_has_a_name_of_its_own_in_the_same_order() {
    let model = Mlp::new(2, &[2, 1], Activation::Relu, &mut uniform(1));
    let names: Vec<String> = model.named_parameters().iter().map(|p| p.0.clone()).collect();
    assert_eq!(names[0], "layers[0].neurons[0].weights[0]");
    assert_eq!(names[5], "layers[0].neurons[1].bias");
    assert_eq!(names[8], "layers[1].neurons[0].bias");
    assert_eq!(names.len(), model.parameters().len());
    let numbered: Vec<f64> = (0..9).map(f64::from).collect();
    let numbered = model.with(&numbered);
    assert_eq!(numbered.layers[0].neurons[1].bias, 5.0);
    assert_eq!(numbered.layers[1].neurons[0].bias, 8.0);
}

#[test]
fn weights_are_seeded_and_spread_evenly() {
    let (mut draw, mut again) = (uniform(1337), uniform(1337));
    let drawn: Vec<f64> = (0..10_000).map(|_| draw()).collect();
    assert!(drawn.iter().all(|&x| x == again() && (-1.0..1.0).contains(&x)));
    let mean = |x: &mut dyn Iterator<Item = f64>| x.sum::<f64>() / drawn.len() as f64;
    let (mean, square) = (mean(&mut drawn.iter().copied()), mean(&mut drawn.iter().map(|x| x * x)));
    assert!(mean.abs() < 0.03 && (square - 1.0 / 3.0).abs() < 0.02);
    assert_ne!(uniform(1)(), uniform(2)());
}

fn message(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    match payload.downcast_ref::<&str>() {
        Some(text) => text.to_string(),
        None => payload.downcast_ref::<String>().expect("a text").clone(),
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let model = Mlp::new(2, &[3, 1], Activation::Relu, &mut uniform(1));
    let new = |inputs, sizes: &'static [usize]| {
        message(move || drop(Mlp::new(inputs, sizes, Activation::Relu, &mut uniform(1))))
    };
    let cases = [
        (message(|| drop(model.with(&[1.0; 3]))), "`parameters` has 3 numbers, and the module has 13"),
        (message(|| drop(model.with(&[1.0; 14]))), "`parameters` has 14 numbers, and the module has 13"),
        (message(|| drop(model.forward(&[1.0]))), "`x` has 1 number, and the neuron takes 2"),
        (message(|| drop(model.layers[0].forward(&[1.0; 3]))), "`x` has 3 numbers, and the neuron takes 2"),
        (new(2, &[]), "a network of no layers"),
        (new(0, &[1]), "a layer of 0 inputs and 1 outputs"),
        (new(2, &[0, 1]), "a layer of 2 inputs and 0 outputs"),
        (new(usize::MAX, &[1]), "fit in memory"),
        (new(1, &[usize::MAX]), "fit in memory"),
        (message(|| _ = cross_entropy(&[1.0, 2.0], 2)), "there is no class 2 where the number of scores is 2"),
        (message(|| _ = hinge(1.0, 0.0)), "the side is 0, and must be 1 or −1"),
    ];
    for (case, told) in cases {
        assert!(case.contains(told), "{case}");
    }
}

#[test]
fn an_optimiser_refuses_what_would_spoil_the_parameters_and_leaves_them() {
    let inf = f64::INFINITY;
    for rate in [f64::NAN, inf, -0.1] {
        assert!(message(move || drop(Sgd::new(&[1.0], rate, 0.0))).contains("learning rate"));
        assert!(message(move || drop(Adam::new(&[1.0], rate))).contains("learning rate"));
    }
    for momentum in [f64::NAN, 1.0, 1.5, -0.1] {
        assert!(message(move || drop(Sgd::new(&[1.0], 0.1, momentum))).contains("momentum"));
    }
    let (mut sgd, mut adam) = (Sgd::new(&[0.0; 2], 0.1, 0.9), Adam::new(&[0.0; 2], 0.1));
    let mut p = [1.0, 2.0];
    for (slopes, told) in
        [([0.5, f64::NAN], "the slope of parameter 1 is NaN"), ([inf, 0.5], "the slope of parameter 0 is inf")]
    {
        let panic = message(|| sgd.step(&mut p, &slopes));
        assert!(panic.contains(told) && panic.contains("anomaly::detect"), "{panic}");
        let panic = message(|| adam.step(&mut p, &slopes));
        assert!(panic.contains(told), "{panic}");
    }
    // Its square, of which Adam keeps a mean, would be infinite, and no later step would change the parameter.
    let panic = message(|| adam.step(&mut p, &[0.5, -1e200]));
    assert!(panic.contains("the slope of parameter 1 is -1e200"), "{panic}");
    let wrong = message(|| adam.step(&mut p, &[0.5]));
    assert!(wrong.contains("`gradient` has 1 number, and the optimiser was made for 2"), "{wrong}");
    assert_eq!(p, [1.0, 2.0]);
    // What was refused left nothing behind.
    let mut fresh = ([1.0, 2.0], [1.0, 2.0]);
    Sgd::new(&p, 0.1, 0.9).step(&mut fresh.0, &[0.5, 1e200]);
    sgd.step(&mut p, &[0.5, 1e200]);
    assert_eq!(p, fresh.0);
    p = [1.0, 2.0];
    Adam::new(&p, 0.1).step(&mut fresh.1, &[0.5, 1e150]);
    adam.step(&mut p, &[0.5, 1e150]);
    assert_eq!(p, fresh.1);
    // The rate may change between steps, and is looked at again.
    sgd.rate = -0.1;
    assert!(message(|| sgd.step(&mut p, &[0.5, 0.5])).contains("learning rate"));
}
