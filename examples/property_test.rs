//! Property-testing a gradient of your own against finite differences.
//!
//! In a test module this is five lines:
//!
//! ```text
//! proptest! {
//!     #[test]
//!     fn its_gradient_is_right(x in strategy::points(3)) {
//!         check::assert_gradient(soft_distance, &x);
//!     }
//! }
//! ```
//!
//! Here the same runs in `main`, together with a function whose author made a mistake, so that you see
//! what a counterexample looks like.
//!
//! ```text
//! cargo run --release --example property_test --features proptest
//! ```

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use scalargrad::{Var, check, strategy};

/// The distance of two points on a line, softened by a third number.
fn soft_distance(x: &[Var]) -> Var {
    (x[0] - x[1]).hypot(x[2].exp())
}

/// `x²·y` with partials by hand, the first of which forgot its factor of 2.
fn by_hand(x: &[Var]) -> Var {
    let (a, b) = (x[0].value(), x[1].value());
    Var::custom("by hand", a * a * b, [(x[0], a * b), (x[1], a * a)])
}

fn main() {
    let config = Config { failure_persistence: None, ..Config::default() };

    // Your own function: right at every point that is tried.
    TestRunner::new(config.clone())
        .run(&strategy::points(3), |x| {
            check::assert_gradient(soft_distance, &x);
            Ok(())
        })
        .expect("the gradient of soft_distance is right");
    println!("soft_distance: {} points, all right", config.cases);

    // A wrong one: the counterexample is shrunk to a simple point, and the report says what differs.
    let found = TestRunner::new(config).run(&strategy::points(2), |x| {
        check::gradient(by_hand, &x).map(|_| ()).map_err(|mismatch| TestCaseError::fail(mismatch.to_string()))
    });
    let Err(TestError::Fail(report, point)) = &found else {
        panic!("the mistake was not found: {found:?}");
    };
    println!("by_hand is wrong, for example at {point:?}:\n{report}");
    assert!(point[0] != 0.0 && point[1] != 0.0);
}
