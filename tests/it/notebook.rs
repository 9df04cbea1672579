//! The notebook can be read without running it, and run from where it lies.

use crate::readme::read;
use serde_json::Value;

/// The texts of a list of lines, or of one text.
fn text(lines: &Value) -> String {
    match lines {
        Value::Array(lines) => lines.iter().map(text).collect(),
        line => line.as_str().unwrap().to_string(),
    }
}

fn cells() -> Vec<Value> {
    let notebook: Value = serde_json::from_str(&read("examples/notebook/lesson.ipynb")).unwrap();
    notebook["cells"].as_array().unwrap().clone()
}

#[test]
fn the_notebook_takes_the_crate_from_this_clone_and_names_no_other_place() {
    let sources: Vec<String> = cells().iter().map(|cell| text(&cell["source"])).collect();
    let deps: Vec<&String> = sources.iter().filter(|text| text.starts_with(":dep")).collect();
    assert_eq!(deps, [r#":dep scalargrad = { path = "../.." }"#]);
    let whole = read("examples/notebook/lesson.ipynb");
    let folders = ["home", "tmp", "root", "Users", "work"].map(|folder| format!("/{folder}/"));
    for path in folders.iter().map(String::as_str).chain(["C:\\\\", ".cargo"]) {
        assert!(!whole.contains(path), "{path}");
    }
}

#[test]
fn the_notebook_has_its_outputs_and_pictures_and_no_error() {
    let mut pictures = 0;
    for cell in cells().iter().filter(|cell| cell["cell_type"] == "code") {
        assert!(cell["execution_count"].is_number(), "{}", cell["source"]);
        for output in cell["outputs"].as_array().unwrap() {
            assert!(output["output_type"] != "error" && output["name"] != "stderr", "{output}");
            if let Some(svg) = output["data"].get("image/svg+xml") {
                let svg = text(svg);
                assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
                pictures += 1;
            }
        }
    }
    assert!(pictures >= 6, "{pictures}");
}
