//! `serde`: matrices are saved and loaded, and reports are saved.

use scalargrad::function::{Function, SparseMatrix};
use scalargrad::{Matrix, Var, anomaly, check, graph, hessian};
use serde_json::json;

#[test]
fn matrices_come_back_as_they_were() {
    let m = hessian(|x| x[0] * x[0] * x[1] + x[1].sin(), &[3.0, 0.1]);
    let text = serde_json::to_string(&m).unwrap();
    assert!(text.starts_with(r#"{"rows":2,"cols":2,"numbers":[0.2,6.0,"#), "{text}");
    assert_eq!(serde_json::from_str::<Matrix>(&text).unwrap(), m);

    let f = Function::record(&[1.0; 3], |x| x[0] * x[1] + x[2].powi(3));
    let sparse = f.sparse_hessian(&[1.0, 2.0, 3.0]).unwrap();
    let text = serde_json::to_string(&sparse).unwrap();
    assert_eq!(serde_json::from_str::<SparseMatrix>(&text).unwrap(), sparse);
}

#[test]
fn what_is_no_matrix_is_refused() {
    let dense = |text: &str| serde_json::from_str::<Matrix>(text).is_err();
    assert!(dense(r#"{"rows":2,"cols":2,"numbers":[1.0]}"#));
    assert!(dense(r#"{"rows":1,"cols":1,"numbers":[null]}"#));
    assert!(dense(r#"{"rows":9223372036854775808,"cols":2,"numbers":[]}"#));
    let sparse = |text: &str| serde_json::from_str::<SparseMatrix>(text).is_err();
    assert!(!sparse(r#"{"cols":2,"row_starts":[0,1,2],"columns":[1,0],"values":[1.0,2.0]}"#));
    for text in [
        r#"{"cols":2,"row_starts":[],"columns":[],"values":[]}"#,
        r#"{"cols":2,"row_starts":[1,2],"columns":[1,0],"values":[1.0,2.0]}"#,
        r#"{"cols":2,"row_starts":[0,1],"columns":[1,0],"values":[1.0,2.0]}"#,
        r#"{"cols":2,"row_starts":[0,3,2],"columns":[1,0],"values":[1.0,2.0]}"#,
        r#"{"cols":2,"row_starts":[0,2],"columns":[1,0],"values":[1.0,2.0]}"#,
        r#"{"cols":2,"row_starts":[0,2],"columns":[1,1],"values":[1.0,2.0]}"#,
        r#"{"cols":2,"row_starts":[0,1],"columns":[2],"values":[1.0]}"#,
        r#"{"cols":2,"row_starts":[0,1],"columns":[0],"values":[]}"#,
    ] {
        assert!(sparse(text), "{text}");
    }
}

#[test]
fn reports_are_saved() {
    let report = check::gradient(|x| x[0] * x[1].relu(), &[2.0, 0.0]).unwrap();
    let saved = serde_json::to_value(&report).unwrap();
    assert_eq!(saved["point"], json!([2.0, 0.0]));
    assert_eq!(saved["components"][0]["verdict"], "Agrees");
    let kink = json!({ "Kink": { "left": 0.0, "right": 2.0 } });
    assert_eq!(saved["components"][1]["verdict"], kink);
    let wrong = |x: &[Var]| Var::custom("wrong", x[0].value(), [(x[0], 2.0)]);
    let mismatch = check::gradient(wrong, &[2.0]).unwrap_err();
    let saved = serde_json::to_value(&mismatch).unwrap();
    assert_eq!(saved["components"][0]["verdict"], "Differs");

    let found = anomaly::detect(|| Var::new(-1.0).named("x").ln()).unwrap_err();
    let saved = serde_json::to_value(&found).unwrap();
    assert_eq!(saved["operation"], "ln");
    assert_eq!(saved["operands"][0]["name"], "x");
    assert_eq!(saved["line"], found.line().unwrap().to_string());

    graph::clear();
    let _unused = Var::new(1.5).named("unused");
    let saved = serde_json::to_value(graph::report()).unwrap();
    assert_eq!(saved["operations"], json!([["leaf", 1]]));
    let leaf = json!({ "name": "unused", "value": 1.5, "why": "Unused" });
    assert_eq!(saved["unreached"], json!([leaf]));
}
