//! Inverse kinematics: an arm with six joints draws a curve in space.
//!
//! `cargo run --release -p robot_arm`

mod arm;

use arm::{Angles, error, geometric_jacobian, manipulability, places};
use demo::{About, Figure, Outcome, Panel, Run, Setting, palette};
use nalgebra::{Isometry3, Matrix6, Translation3, UnitQuaternion, Vector6};
use scalargrad::{Var, check, jacobian, value_and_gradient};
use std::f64::consts::{FRAC_PI_2, TAU};
use std::process::ExitCode;
use std::time::Instant;

const ABOUT: About = About {
    name: "robot_arm",
    text: "An arm with six joints draws a figure of eight with its tool pointing down: inverse kinematics by Newton's method, \
           with the Jacobian through nalgebra's rotations, and how freely the arm can move at each point.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[Setting { name: "points", default: 400, quick: 100, help: "points of the curve" }],
};

fn main() -> ExitCode {
    demo::run(&ABOUT, draw_with_the_arm)
}

/// Where the tool is to be at a share of the way.
fn goal(share: f64) -> Isometry3<f64> {
    let t = TAU * share;
    let place = Translation3::new(0.45 + 0.1 * (2.0 * t).sin(), 0.3 * t.cos(), 0.25 + 0.08 * t.sin());
    Isometry3::from_parts(place, UnitQuaternion::from_euler_angles(-FRAC_PI_2, 0.0, 0.3 * t.sin()))
}

/// The derivative of the error by the angles.
fn error_jacobian(angles: &Angles<f64>, goal: &Isometry3<f64>) -> Matrix6<f64> {
    let found = jacobian(|q: &[Var]| error(q, goal), angles);
    Matrix6::from_row_slice(found.as_slice())
}

/// Newton's method, with damping while it is far; gives the angles and the number of steps.
fn solve(mut angles: Angles<f64>, goal: &Isometry3<f64>) -> (Angles<f64>, usize) {
    for step in 0..100 {
        let off = Vector6::from(error(&angles, goal));
        if off.norm() < 1e-12 {
            return (angles, step);
        }
        let j = error_jacobian(&angles, goal);
        let damping = 0.01 * off.norm_squared();
        let normal = j.transpose() * j + Matrix6::identity() * damping;
        let turn = normal.lu().solve(&(j.transpose() * off)).unwrap_or_default();
        let turn = turn * (0.5 / turn.norm()).min(1.0);
        (0..6).for_each(|k| angles[k] -= turn[k]);
    }
    (angles, 100)
}

fn draw_with_the_arm(run: &Run) -> Outcome {
    let points = run.setting("points");
    println!("The Jacobian at a point, beside the textbook's:");
    let angles = [0.2, 0.4, 1.3, -0.3, 0.9, 0.5];
    let by_derivatives = jacobian(|q: &[Var]| <[Var; 3]>::from(places(q)[6].translation.vector), &angles);
    let textbook = geometric_jacobian(&angles);
    let off = (0..18).map(|k| (by_derivatives[(k / 6, k % 6)] - textbook[(k / 6, k % 6)]).abs());
    let off = off.fold(0.0, f64::max);
    run.check(&format!("that of the place is the same, to {off:.0e}"), off < 1e-14);
    let (free, slopes) = value_and_gradient(manipulability, &angles);
    println!("  manipulability {free:.5}, by the angles {slopes:.4?}");
    let is_right = check::gradient(manipulability, &angles).is_ok();
    run.check("its gradient through the determinant is that of finite differences", is_right);

    println!("\nThe curve, {points} points:");
    let (mut angles, first) = solve([0.0, 0.5, 1.2, -0.1, FRAC_PI_2, 0.0], &goal(0.0));
    println!("  the first point was found in {first} steps");
    let (mut path, mut steps, mut worst) = (Vec::new(), 0, 0.0f64);
    let (clock, bar) = (Instant::now(), demo::bar(points, "drawing"));
    for k in 0..=points {
        let goal = goal(k as f64 / points as f64);
        let taken;
        (angles, taken) = solve(angles, &goal);
        steps += taken;
        worst = worst.max(Vector6::from(error(&angles, &goal)).norm());
        path.push(angles);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let micros = 1e6 * clock.elapsed().as_secs_f64() / points as f64;
    println!("  {:.1} steps and {micros:.0} µs for a point", steps as f64 / points as f64);
    println!("  the largest error of place and direction: {worst:.1e}");
    run.check("every point is met to a millionth of a micrometre", worst < 1e-12);
    let freedom: Vec<f64> = path.iter().map(|q| manipulability(q)).collect();
    let least = freedom.iter().copied().fold(f64::INFINITY, f64::min);
    println!("  manipulability at least {least:.4}");
    run.check("the arm is nowhere near a singular pose", least > 1e-3);
    let jump = path.windows(2).flat_map(|w| (0..6).map(|k| (w[1][k] - w[0][k]).abs()));
    run.check("no joint jumps", jump.fold(0.0, f64::max) < 20.0 / points as f64);

    println!("\nDrawing:");
    run.picture("robot_arm", &figure(&path, &freedom))
}

fn figure(path: &[Angles<f64>], freedom: &[f64]) -> Figure {
    let points: Vec<_> = path.iter().map(|q| places(q).map(|place| place.translation.vector)).collect();
    let end = points.len() - 1;
    let view = |title: &str, across: usize, up: usize, names: [&str; 2]| {
        let mut panel = Panel::new(title, names[0], names[1]);
        for (n, k) in (0..4).map(|n| (n, n * end / 4)) {
            let share = f64::from(n as u8) / 4.0;
            let colour = palette::blend(palette::BLACK, demo::Colour(190, 190, 190), share);
            let joints = points[k].iter().map(|p| (p[across], p[up]));
            panel = panel.line("", colour, joints.clone()).dots("", colour, 3.0, joints);
        }
        panel.line("tool", palette::ORANGE, points.iter().map(|p| (p[6][across], p[6][up])))
    };
    let share = |k: usize| k as f64 / end as f64;
    let free = freedom.iter().enumerate().map(|(k, &w)| (share(k), w));
    let mut turns = Panel::new("Angles of the joints", "share of the way", "radians").range(0.0..1.19, -1.2..3.4);
    let colours = [palette::BLUE, palette::ORANGE, palette::GREEN, palette::PINK, palette::GREY, palette::BLACK];
    for (joint, colour) in colours.into_iter().enumerate() {
        let angle = path.iter().enumerate().map(|(k, q)| (share(k), q[joint]));
        turns = turns.line(&(joint + 1).to_string(), colour, angle);
    }
    Figure::new(1000, 800, 2)
        .panel(view("From the side", 0, 2, ["x, m", "z, m"]).range(-0.3..0.9, -0.1..0.83))
        .panel(view("From above", 0, 1, ["x, m", "y, m"]).range(-0.3..0.9, -0.48..0.45))
        .panel(Panel::new("Manipulability", "share of the way", "").line("", palette::BLUE, free))
        .panel(turns)
}
