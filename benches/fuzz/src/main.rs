//! The model test with fresh random programs.
#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../tests/it/dual.rs"]
mod dual;
#[path = "../../../tests/it/model/mod.rs"]
mod model;

fn main() {
    std::panic::set_hook(Box::new(|_| ()));
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().map_or(10.0, |text| text.parse().unwrap());
    let first: u64 = arguments.next().map_or(0, |text| text.parse().unwrap());
    let without: u64 = arguments.next().map_or(0, |text| text.parse().unwrap());
    let start = std::time::Instant::now();
    let (mut operations, mut seed) = (0, first);
    while start.elapsed().as_secs_f64() < seconds {
        if std::env::var("V").is_ok() { eprintln!("{seed}"); }
        let (difference, n) = std::thread::spawn(move || {
            let mix = model::generate::Mix { without, ..Default::default() };
            let (program, n) = model::generate::program(seed, mix);
            (model::difference(&program), n)
        }).join().unwrap_or_else(|e| (Some(e.downcast_ref::<String>().cloned().unwrap_or_default()), 0));
        operations += n;
        if let Some(d) = difference {
            println!("seed {seed}: {d}");
        }
        seed += 1;
    }
    println!("{} programs, {operations} operations, {:?}", seed - first, start.elapsed());
}
