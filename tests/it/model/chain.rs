//! Chains: many operations as one action.

use super::program::Link;
use super::side::{Operand, Side};
use super::story::Told;
use scalargrad::Op;

/// Some intermediates of a chain, and its end.
pub fn chain<S: Side>(side: &mut S, link: Link, [x, y]: [S::V; 2], n: usize, keep: usize) -> Told<Vec<S::V>> {
    let (mut s, mut kept) = (x, Vec::new());
    for i in 0..n {
        let (next, product) = step(side, link, s, y, i)?;
        s = next;
        if (i + 1) % keep.max(1) == 0 {
            kept.extend(product);
            kept.push(s);
        }
    }
    kept.push(s);
    Ok(kept)
}

/// One link: the next of the chain, and the product on the way.
fn step<S: Side>(side: &mut S, link: Link, s: S::V, y: S::V, i: usize) -> Told<(S::V, Option<S::V>)> {
    let number = Operand::Number;
    let of = Operand::Variable;
    let factor = ((i % 7) as f64 - 3.0) * 0.25;
    let next = match link {
        Link::Sine => side.apply(Op::Sin, 0, &[of(s)])?,
        Link::Number => side.apply(Op::Add, 0, &[of(s), number(0.001)])?,
        Link::Scale => side.apply(Op::Mul, 0, &[of(s), number(0.999)])?,
        Link::Sum => {
            let op = if i.is_multiple_of(2) { Op::Sub } else { Op::Add };
            side.apply(op, 0, &[of(s), of(y)])?
        }
        Link::Product | Link::ScopedProduct => {
            let product = side.apply(Op::Mul, 0, &[of(y), number(factor)])?;
            if link == Link::ScopedProduct {
                in_between(side, y, i)?;
            }
            let sum = match i % 3 {
                0 => side.apply(Op::Add, 0, &[of(product), of(s)])?,
                _ => side.apply(Op::Add, 0, &[of(s), of(product)])?,
            };
            return Ok((sum, Some(product)));
        }
        Link::Spiral => {
            let half = side.apply(Op::Mul, 0, &[of(s), number(0.5)])?;
            let other = side.apply(Op::Mul, 0, &[of(y), number(0.5)])?;
            let sum = side.apply(Op::Add, 0, &[of(half), of(other)])?;
            side.apply(Op::Sin, 0, &[of(sum)])?
        }
        Link::Mixed => match i % 5 {
            0 => side.apply(Op::Tanh, 0, &[of(s)])?,
            1 => side.apply(Op::MulAdd, 0, &[of(s), number(0.9), of(y)])?,
            2 => side.apply(Op::Atan, 0, &[of(s)])?,
            3 => side.apply(Op::Hypot, 0, &[of(s), number(1.5)])?,
            _ => side.apply(Op::Sub, 0, &[number(1.0), of(s)])?,
        },
    };
    Ok((next, None))
}

/// Something in a scope, one thing after another.
fn in_between<S: Side>(side: &mut S, y: S::V, i: usize) -> Told<()> {
    side.scope(|side| {
        for _ in 0..i % 4 {
            side.leaf(0.5);
        }
        if i % 29 == 3 {
            let square = side.apply(Op::Mul, 0, &[Operand::Variable(y), Operand::Variable(y)])?;
            side.backward(square)?;
        }
        Ok(())
    })
}
