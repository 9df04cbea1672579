use nalgebra::*;
use scalargrad::Var;
fn g(name: &str, m: &DMatrix<Var>, out: Var) {
    out.backward();
    println!(
        "{name} = {} grad {:?}",
        out.value(),
        m.map(|x| x.grad()).as_slice()
    );
}
fn main() {
    for (label, data) in [
        ("generic", [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0]),
        ("diag", [3.0, 0., 0., 0., 2., 0., 0., 0., 1.]),
        ("identity", [1., 0., 0., 0., 1., 0., 0., 0., 1.]),
        ("block", [2., 1., 0., 1., 2., 0., 0., 0., 1.]),
        (
            "double",
            [
                5. / 3.,
                -1. / 3.,
                -1. / 3.,
                -1. / 3.,
                5. / 3.,
                -1. / 3.,
                -1. / 3.,
                -1. / 3.,
                5. / 3.,
            ],
        ),
    ] {
        println!("== {label}");
        let m = DMatrix::from_row_slice(3, 3, &data).map(Var::new);
        g("det", &m, m.determinant());
        g("lu det", &m, m.clone().lu().determinant());
        g("norm", &m, m.norm());
        let c = m.clone().cholesky().unwrap();
        g(
            "chol logdet",
            &m,
            c.l().diagonal().iter().map(|x| x.ln() * 2.0).sum(),
        );
        g("chol lndet", &m, c.ln_determinant());
        let q = m.clone().qr();
        g("qr r00", &m, q.r()[(0, 0)]);
        g("qr q10", &m, q.q()[(1, 0)]);
        g("inv01", &m, m.clone().try_inverse().unwrap()[(0, 1)]);
        let e = m.clone().symmetric_eigen();
        for i in 0..3 {
            g("eig", &m, e.eigenvalues[i]);
        }
        g("eig sum", &m, e.eigenvalues.sum());
        g("evec", &m, e.eigenvectors[(1, 0)]);
        let e = scalargrad::interop::nalgebra::symmetric_eigen(&m);
        for i in 0..3 {
            g("EIG", &m, e.eigenvalues[i]);
        }
        g("EIG sum", &m, e.eigenvalues.sum());
        g("EVEC", &m, e.eigenvectors[(1, 0)]);
        if let Some(s) = m.clone().try_svd(true, true, Var::from(1e-14), 1000) {
            for i in 0..3 {
                g("sv", &m, s.singular_values[i]);
            }
        } else {
            println!("svd none");
        }
        let ev = m.clone().try_schur(Var::from(1e-14), 1000);
        println!("schur {}", ev.is_some());
        g("exp", &m, m.exp()[(0, 1)]);
    }
    for w in [[0.3, -0.2, 0.5], [0.0, 0.0, 0.0]] {
        let w = Vector3::from(w).map(Var::new);
        let p = Vector3::new(1.0, 2.0, 3.0).cast::<Var>();
        let r = Rotation3::new(w) * p;
        r.x.backward();
        println!("rot {} {:?}", r.x.value(), w.map(|x| x.grad()).as_slice());
        let r = UnitQuaternion::from_scaled_axis(w) * p;
        r.x.backward();
        println!("uq {} {:?}", r.x.value(), w.map(|x| x.grad()).as_slice());
        let r = Rotation3::from_axis_angle(&Vector3::z_axis(), w.x) * p;
        r.x.backward();
        println!("axis {} {:?}", r.x.value(), w.x.grad());
        let r = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), w.x) * p;
        r.x.backward();
        println!("uq axis {} {:?}", r.x.value(), w.x.grad());
        let r = Rotation3::from_euler_angles(w.x, w.y, w.z) * p;
        r.x.backward();
        println!("euler {} {:?}", r.x.value(), w.map(|x| x.grad()).as_slice());
        let n = w.norm();
        n.backward();
        println!("norm {} {:?}", n.value(), w.map(|x| x.grad()).as_slice());
        let n = w.normalize().x;
        n.backward();
        println!(
            "normalize {} {:?}",
            n.value(),
            w.map(|x| x.grad()).as_slice()
        );
    }
}
