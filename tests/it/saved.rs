//! A recorded function survives a file; a damaged file is an error.
#![cfg(feature = "serde")]

use proptest::prelude::*;
use scalargrad::function::Function;
use scalargrad::{CustomOp, Var, dot, log_sum_exp, norm};
use serde_json::{Value, json};

fn example() -> Function {
    let outside = Var::new(f64::INFINITY);
    Function::record(&[1.0, 2.0, 3.0], |x| {
        let x = [x[0].named("first"), x[1], x[2]];
        let y = x[0].powi(3) + x[1].polygamma(2) + x[0].atan2(x[2]) + x[1] + x[2];
        let y = (y * x[0]).named("y");
        let bounded = if y < 1e6 { y.clamp(-1e3, x[2]) } else { y };
        bounded + norm(&x) + log_sum_exp(&x) + dot(&x, &x) + x[0].min(outside) * y.value()
    })
}

#[test]
fn a_saved_function_is_the_same_function() {
    let f = example();
    let text = serde_json::to_string(&f).unwrap();
    let again: Function = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert_eq!(again.to_string(), f.to_string());
    assert_eq!(again.frozen_reads(), f.frozen_reads());
    for x in [[1.0, 2.0, 3.0], [0.5, 0.1, 0.7], [1e3, 1.0, 2.0], [f64::NAN, 1.0, 2.0]] {
        assert_eq!(format!("{:?}", again.gradient(&x)), format!("{:?}", f.gradient(&x)));
    }
    assert_eq!(again.hessian(&[1.0, 2.0, 3.0]), f.hessian(&[1.0, 2.0, 3.0]));
}

#[test]
fn an_order_of_any_size_is_saved() {
    for n in [i32::MAX as u32, 1 << 31, u32::MAX] {
        let f = Function::record(&[0.5], |x| x[0].sinc_derivative(n) + x[0].polygamma(n));
        let text = serde_json::to_string(&f).unwrap();
        assert!(text.contains(&format!("[\"SincDerivative\",{n},")), "{text}");
        let again: Function = serde_json::from_str(&text).unwrap();
        assert_eq!(again.to_string(), f.to_string());
        assert!(f.to_string().contains(&format!("sinc_derivative(x[0], {n})")));
        assert_eq!(again.value(&[0.25]), f.value(&[0.25]));
        let smallest = Function::record(&[0.5], |x| x[0].powi(i32::MIN));
        let text = serde_json::to_string(&smallest).unwrap();
        let again: Function = serde_json::from_str(&text).unwrap();
        assert_eq!(again.value(&[1.0]), Ok(1.0));
    }
}

struct Twice;
impl CustomOp for Twice {
    fn value(&self, x: &[f64]) -> f64 {
        2.0 * x[0]
    }
    fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
        vec![Var::constant(2.0)]
    }
}

#[test]
fn custom_operations_cannot_be_saved() {
    let f = Function::record(&[1.0], |x| Var::apply(Twice, &[x[0]]));
    let error = serde_json::to_string(&f).unwrap_err().to_string();
    assert!(error.contains("`custom` is a user's own and cannot be saved"), "{error}");
}

#[test]
fn damage_is_an_error() {
    let sound = serde_json::to_value(example()).unwrap();
    let first_node = 3 + sound["constants"].as_array().unwrap().len();
    type Damage = (&'static str, fn(usize) -> Value);
    let damages: [Damage; 19] = [
        ("/format", |_| json!(2)),
        ("/nodes/0/0", |_| json!("Leaf")),
        ("/nodes/0/0", |_| json!("Custom")),
        ("/nodes/0/0", |_| json!("Checkpoint")),
        ("/nodes/0/0", |_| json!("no such thing")),
        ("/nodes/0/2", |_| json!([])),
        ("/nodes/0/2/0", |first_node| json!(first_node)), // itself: a loop
        ("/nodes/0/2/0", |_| json!(u32::MAX)),
        ("/nodes/0/1", |_| json!(i64::MAX)),
        ("/nodes/0/1", |_| json!(u32::MAX)), // too large for `powi`
        ("/guards/0/answer", |_| json!(0)),  // not that of the operands
        ("/guards/0/answer", |_| json!(77)),
        ("/outputs/0", |_| json!(u32::MAX)),
        ("/guards/0/operands/0", |_| json!(u32::MAX)),
        ("/guards/0/after", |_| json!(u32::MAX)),
        ("/guards/0/comparison", |_| json!("≈")),
        ("/guards/0/place", |_| json!("two\nlines")),
        ("/frozen/0/0", |_| json!("two\nlines")),
        ("/names/0/0", |_| json!(u32::MAX)),
    ];
    for (place, damage) in damages {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = damage(first_node);
        assert!(serde_json::from_value::<Function>(damaged).is_err(), "{place}");
    }
    let mut negative = sound.clone();
    for node in negative["nodes"].as_array_mut().unwrap() {
        if node[0] == "Polygamma" {
            node[1] = json!(-1);
        }
    }
    assert!(serde_json::from_value::<Function>(negative).is_err());
    for op in ["Sum", "Dot", "Norm", "LogSumExp", "SumExp"] {
        let mut of_nothing = sound.clone();
        of_nothing["nodes"][0] = json!([op, 0, []]);
        let error = serde_json::from_value::<Function>(of_nothing).unwrap_err();
        assert!(error.to_string().contains("does not take 0 operands"), "{op}: {error}");
    }
}

proptest! {
    #[test]
    fn no_damage_panics(place in 0usize..4000, byte in any::<u8>(), length in 0usize..4) {
        let mut text = serde_json::to_vec(&example()).unwrap();
        let place = place % text.len();
        let end = (place + length).min(text.len());
        text.splice(place..end, [byte]);
        if let Ok(f) = serde_json::from_slice::<Function>(&text) {
            let x = vec![1.0; f.inputs()];
            // Crossed bounds of `clamp` panic in a closure too.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f.values(&x)));
            let _ = (f.to_string(), f.jacobian_pattern());
        }
    }
}
