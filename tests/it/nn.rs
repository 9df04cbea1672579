//! Networks: micrograd's numbers, one text for all number types, and training that arrives.

use scalargrad::nn::{
    Activation, Adam, Layer, Mlp, Module, Neuron, Optimiser, Sgd, cross_entropy, hinge, mean,
    squared, uniform,
};
use scalargrad::{Function, Var, check, gradient, graph, value_and_gradient};

const ACTIVATIONS: [Activation; 5] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Gelu,
];

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
    let margin = mean(data.iter().map(|(x, y)| hinge(net.forward(x)[0], *y)));
    margin + 1e-4 * net.parameters().iter().map(|p| p * p).sum::<Var>()
}

#[test]
fn a_network_computes_what_micrograds_does() {
    // nn.py, with the same weights: `MLP(2, [2, 1])` and relu in between.
    let model = Mlp::new(2, &[2, 1], Activation::Relu, uniform(1));
    let p = [0.5, -1.0, 0.25, 2.0, 0.75, -0.5, 1.5, -0.125, 0.0625];
    let net = model.with(&p);
    let (x, y) = (1.5f64, -2.0f64);
    let first = (0.25 + 0.5 * x - y).max(0.0);
    let second = (-0.5 + 2.0 * x + 0.75 * y).max(0.0);
    assert_eq!(
        net.forward(&[x, y]),
        [0.0625 + 1.5 * first + -0.125 * second]
    );
    assert_eq!(net.layers[1].neurons[0].activation, Activation::Linear);
}

#[test]
fn numbers_and_variables_go_through_the_same_network() {
    for activation in ACTIVATIONS {
        let model = Mlp::new(2, &[5, 4, 3], activation, uniform(11));
        let x = [0.3, -1.2];
        let by_numbers = model.forward(&x);
        graph::scope(|| {
            let net = model.leaves();
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
        let model = Mlp::new(2, &[3, 3], activation, uniform(5));
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
    let model = Mlp::new(2, &[6, 1], Activation::Relu, uniform(2));
    let mut sgd = Sgd::new(0.25);
    let (by_hand, by_optimiser) = graph::scope(|| {
        let net = model.leaves();
        loss(&net, &data).backward();
        (net.map(|p| p.value() - 0.25 * p.grad()), sgd.step(&net))
    });
    assert_eq!(by_hand, by_optimiser);
    assert_ne!(by_hand, model);
    let slopes = gradient(|p| loss(&model.with(p), &data), &model.parameters());
    let mut p = model.parameters();
    Sgd::new(0.25).update(&mut p, &slopes);
    assert_eq!(model.with(&p), by_hand);
}

#[test]
fn closure_and_recording_agree_through_a_training() {
    let data = moons_like();
    let model = Mlp::new(2, &[6, 6, 1], Activation::Tanh, uniform(2));
    let f = |p: &[Var]| loss(&model.with(p), &data);
    let recorded = Function::record(&model.parameters(), f);
    assert!(recorded.frozen_reads().is_empty() && recorded.guards() == 0);
    let mut adam = Adam::new(0.05);
    let mut p = model.parameters();
    for _ in 0..50 {
        let ((value, slopes), (again, more)) =
            (value_and_gradient(f, &p), recorded.gradient(&p).unwrap());
        assert_eq!(value, again);
        assert!(slopes.iter().zip(&more).all(|(a, b)| (a - b).abs() < 1e-13));
        adam.update(&mut p, &slopes);
    }
    let trained = model.with(&p);
    assert!(data.iter().all(|(x, y)| trained.forward(x)[0] * y > 0.0));
}

/// Trains any module on any loss.
fn train<M: Module<Number = f64>>(
    mut model: M,
    optimiser: &mut impl Optimiser,
    loss: impl Fn(&M::Of<Var>) -> Var,
) -> M {
    for _ in 0..300 {
        model = graph::scope(|| {
            let net = model.leaves();
            loss(&net).backward();
            optimiser.step(&net)
        });
    }
    model
}

#[test]
fn training_keeps_no_node_and_arrives_by_every_optimiser() {
    let data = moons_like();
    let start = || Mlp::new(2, &[6, 1], Activation::Tanh, uniform(2));
    let arrives = |model: Mlp| data.iter().all(|(x, y)| model.forward(x)[0] * y > 0.0);
    let nodes = graph::len();
    assert!(arrives(train(start(), &mut Sgd::new(0.2), |n| loss(
        n, &data
    ))));
    assert!(arrives(train(
        start(),
        &mut Sgd::new(0.1).momentum(0.9),
        |n| loss(n, &data)
    )));
    assert!(arrives(train(start(), &mut Adam::new(0.02), |n| loss(
        n, &data
    ))));
    assert_eq!(graph::len(), nodes);
    // A layer alone learns three classes.
    let classes = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    let layer = Layer::new(2, 3, Activation::Linear, &mut uniform(4));
    let layer = train(layer, &mut Adam::new(0.1), |net| {
        let scores = classes.iter().map(|x| net.forward(&x.map(Var::constant)));
        let losses = scores
            .enumerate()
            .map(|(class, scores)| cross_entropy(&scores, class));
        mean(losses)
    });
    for (class, x) in classes.iter().enumerate() {
        let scores = layer.forward(x);
        assert!(scores.iter().all(|&score| score <= scores[class]));
    }
}

#[test]
fn every_parameter_has_a_name_of_its_own_in_the_same_order() {
    let model = Mlp::new(2, &[2, 1], Activation::Relu, uniform(1));
    let names: Vec<String> = model.named_parameters().into_iter().map(|p| p.0).collect();
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
    assert!(
        drawn
            .iter()
            .all(|&x| x == again() && (-1.0..1.0).contains(&x))
    );
    let (mean, square) = (mean(drawn.clone()), mean(drawn.iter().map(|x| x * x)));
    assert!(mean.abs() < 0.03 && (square - 1.0 / 3.0).abs() < 0.02);
    assert_ne!(uniform(1)(), uniform(2)());
}

fn message(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = std::panic::catch_unwind(f).expect_err("it panics");
    match payload.downcast_ref::<&str>() {
        Some(text) => text.to_string(),
        None => payload.downcast_ref::<String>().expect("a text").clone(),
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let model = Mlp::new(2, &[3, 1], Activation::Relu, uniform(1));
    let neuron = Neuron::new(2, Activation::Relu, &mut uniform(1));
    let cases = [
        message(|| drop(model.with(&[1.0; 3]))),
        message(|| drop(model.with(&[1.0; 14]))),
        message(|| drop(model.forward(&[1.0]))),
        message(|| _ = neuron.forward(&[1.0, 2.0, 3.0])),
        message(|| _ = cross_entropy(&[1.0, 2.0], 2)),
        message(|| _ = mean::<f64>([])),
        message(|| {
            let mut adam = Adam::new(0.1);
            adam.update(&mut [1.0], &[1.0]);
            adam.update(&mut [1.0, 2.0], &[1.0, 2.0]);
        }),
    ];
    let told = [
        "the module has 13 parameters, and 3 were given",
        "the module has 13 parameters, and 14 were given",
        "a neuron with 2 weights was given 1 inputs",
        "a neuron with 2 weights was given 3 inputs",
        "there are 2 scores, from class 0 on, and none for class 2",
        "the mean of no losses",
        "a step of 2 parameters with a gradient of 2 numbers; the optimiser was used for 1 before",
    ];
    for (case, told) in cases.iter().zip(told) {
        assert!(case.contains(told), "{case}");
    }
}
