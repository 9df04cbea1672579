//! Operands at equal distances, and what is only nearly so.

use super::*;

/// Where each operand of a row is: from the first one on, by a stride.
fn row(first: usize, stride: isize, count: usize) -> Vec<usize> {
    let place = |k: usize| first.wrapping_add_signed(stride * k as isize);
    (0..count).map(place).collect()
}

#[test]
fn rows_of_operands_at_any_distance_have_the_adjoints_of_the_textbook() {
    let strides = [0_isize, 1, -1, 2, 3, -3, 97, -700, 1500];
    for (k, &s) in strides.iter().enumerate() {
        for count in [0_usize, 1, 2, 3, 4, 17, 100] {
            graph::scope(|| {
                let mut numbers = Numbers(count as u64 + 1000 * k as u64);
                let leaves: Vec<Var> = (0..3000).map(|_| Var::new(numbers.number())).collect();
                let t = strides[numbers.below(strides.len())];
                let [a, b] = [s, t].map(|stride| {
                    let span = |stride: isize| stride.unsigned_abs() * count.max(1) + 1;
                    let stride = if span(stride) < 3000 { stride } else { 1 };
                    let first = numbers.below(3000 - span(stride));
                    let first = if stride < 0 { 2999 - first } else { first };
                    let mut places = row(first, stride, count);
                    if numbers.below(4) == 0 && count > 2 {
                        places[1 + numbers.below(count - 1)] = numbers.below(3000);
                    }
                    places
                });
                let of = |places: &[usize]| -> Vec<Var> { places.iter().map(|&i| leaves[i]).collect() };
                let (x, y) = (of(&a), of(&b));
                let constants: Vec<Var> = y.iter().map(|y| y.detach()).collect();
                let values: Vec<f64> = y.iter().map(|y| y.value()).collect();
                let plain = |x: &[Var], y: &[Var]| -> f64 { x.iter().zip(y).map(|(x, y)| x.value() * y.value()).sum() };
                let assert = |z: Var, to_x: &dyn Fn(usize) -> f64, to_y: &dyn Fn(usize) -> f64| {
                    let w = 1.5;
                    (z * w).backward();
                    let mut exact = vec![0.0; 3000];
                    a.iter().enumerate().for_each(|(k, &i)| exact[i] += w * to_x(k));
                    b.iter().enumerate().for_each(|(k, &i)| exact[i] += w * to_y(k));
                    for (leaf, exact) in leaves.iter().zip(exact) {
                        assert!((leaf.grad() - exact).abs() <= 1e-12 * (1.0 + exact.abs()));
                    }
                };
                let none = |_: usize| 0.0;
                let (to_x, to_y) = (|k: usize| y[k].value(), |k: usize| x[k].value());

                let z = dot(&x, &y);
                assert_eq!(z.value().to_bits(), plain(&x, &y).to_bits());
                assert(z, &to_x, &to_y);
                if count > 0 {
                    let read: Vec<Var> = z.operands().to_vec();
                    let given = x.iter().zip(&y).flat_map(|(&x, &y)| [x, y]);
                    assert!(read.into_iter().zip(given).all(|(read, given)| read == given));
                    assert_eq!(z.operands().len(), 2 * count);
                }
                for z in [dot(&x, &constants), dot(&constants, &x), weighted_sum(&x, &values)] {
                    assert_eq!(z.value().to_bits(), plain(&x, &y).to_bits());
                    assert(z, &to_x, &none);
                }
                assert(sum(&x), &|_| 1.0, &none);
                let z = norm(&x);
                if z.value() > 0.0 {
                    assert(z, &|k| x[k].value() / z.value(), &none);
                }
            });
        }
    }
}

#[test]
fn a_constant_and_nodes_of_two_scopes_are_no_row_whatever_their_numbers() {
    afresh(|| {
        // If a handle is a scope's number and a node's, those of the last are twice those of the one before,
        // and a constant's are zero.
        let outside: Vec<Var> = (0..5).map(|_| Var::new(3.0)).collect();
        graph::scope(|| {
            let inside: Vec<Var> = (0..5).map(|_| Var::new(5.0)).collect();
            for (a, b) in outside.iter().flat_map(|a| inside.iter().map(move |b| (*a, *b))) {
                dot(&[Var::constant(2.0), a, b], &[a, a, a]).backward();
                assert_eq!((a.grad(), b.grad()), (2.0 + 6.0 + 5.0, 3.0));
            }
        });
    });
}

#[test]
fn a_row_that_is_broken_by_another_scope_or_a_constant_is_none() {
    let constants = [Var::constant(0.5); 5];
    for z in [sum(&constants), dot(&constants, &constants), weighted_sum(&constants, &[2.0; 5])] {
        assert!(z.is_constant());
    }
    let outside: Vec<Var> = (0..8).map(|k| Var::new(f64::from(k))).collect();
    graph::scope(|| {
        let inside: Vec<Var> = (0..8).map(|k| Var::new(f64::from(k) + 0.5)).collect();
        for k in 0..8 {
            for stranger in [outside[k], Var::constant(0.25)] {
                let mut x = inside.clone();
                x[k] = stranger;
                for z in [sum(&x), dot(&x, &inside), weighted_sum(&x, &[1.0; 8])] {
                    z.backward();
                    for i in 0..8 {
                        let own = if i != k { 1.0 } else { 0.0 };
                        let (to_x, to_inside) = match z.op() {
                            Op::Sum => (1.0, own),
                            _ if z.operands()[1].is_constant() => (1.0, own),
                            _ => (inside[k].value(), own * inside[i].value() + x[i].value()),
                        };
                        assert_eq!(inside[i].grad(), to_inside, "{i}, without {k}: {}", z.op());
                        let active = i == k && !stranger.is_constant();
                        assert_eq!(outside[i].grad(), if active { to_x } else { 0.0 });
                    }
                }
            }
        }
        // One that is stale, in the middle of what would be a row but for it.
        let stale = graph::scope(|| Var::new(1.0));
        for k in 0..8 {
            let mut x = inside.clone();
            x[k] = stale;
            for f in [|x: &[Var], _: &[Var]| sum(x), |x: &[Var], y: &[Var]| dot(x, y), |x: &[Var], y: &[Var]| dot(y, x)]
            {
                let refused = std::panic::catch_unwind(|| f(&x, &inside));
                assert!(refused.is_err(), "stale at {k}");
            }
        }
    });
}
