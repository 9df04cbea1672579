//! Data sets of the Statistical Reference Datasets of NIST, with certified results (in the public domain).
//!
//! <https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml>

use scalargrad::Var;

pub struct Problem {
    pub name: &'static str,
    pub what: &'static str,
    pub formula: &'static str,
    /// The curve with parameters `b` at `x`.
    pub model: fn(b: &[Var], x: f64) -> Var,
    /// Where a fit is to begin: far from the result, and near.
    pub starts: [&'static [f64]; 2],
    /// Whether Levenberg–Marquardt does not find the way from afar.
    pub is_lost_from_afar: bool,
    pub certified: &'static [f64],
    pub standard_errors: &'static [f64],
    pub sum_of_squares: f64,
    pub x: &'static [f64],
    pub y: &'static [f64],
}

impl Problem {
    /// How far the curve is from each data point.
    pub fn residuals(&self, b: &[Var]) -> Vec<Var> {
        let data = self.x.iter().zip(self.y);
        data.map(|(&x, &y)| (self.model)(b, x) - y).collect()
    }
}

pub const PROBLEMS: [Problem; 6] = [
    Problem {
        name: "Misra1a",
        what: "adsorption of a dye, lower difficulty",
        formula: "b1 (1 - exp(-b2 x))",
        model: |b, x| b[0] * (1.0 - (-b[1] * x).exp()),
        starts: [&[500.0, 0.0001], &[250.0, 0.0005]],
        is_lost_from_afar: false,
        certified: &[2.3894212918E+02, 5.5015643181E-04],
        standard_errors: &[2.7070075241E+00, 7.2668688436E-06],
        sum_of_squares: 1.2455138894E-01,
        x: &[77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0],
        y: &[10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78],
    },
    Problem {
        name: "MGH09",
        what: "kinetics of an enzyme, higher difficulty",
        formula: "b1 (x² + b2 x) / (x² + b3 x + b4)",
        model: |b, x| b[0] * (x * x + x * b[1]) / (x * x + x * b[2] + b[3]),
        starts: [&[25.0, 39.0, 41.5, 39.0], &[0.25, 0.39, 0.415, 0.39]],
        is_lost_from_afar: false,
        certified: &[1.9280693458E-01, 1.9128232873E-01, 1.2305650693E-01, 1.3606233068E-01],
        standard_errors: &[1.1435312227E-02, 1.9633220911E-01, 8.0842031232E-02, 9.0025542308E-02],
        sum_of_squares: 3.0750560385E-04,
        x: &[4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        y: &[0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
    },
    Problem {
        name: "Rat43",
        what: "growth of onions, higher difficulty",
        formula: "b1 / (1 + exp(b2 - b3 x))^(1/b4)",
        model: |b, x| b[0] / (1.0 + (b[1] - b[2] * x).exp()).powf(1.0 / b[3]),
        starts: [&[100.0, 10.0, 1.0, 1.0], &[700.0, 5.0, 0.75, 1.3]],
        is_lost_from_afar: false,
        certified: &[6.9964151270E+02, 5.2771253025E+00, 7.5962938329E-01, 1.2792483859E+00],
        standard_errors: &[1.6302297817E+01, 2.0828735829E+00, 1.9566123451E-01, 6.8761936385E-01],
        sum_of_squares: 8.7864049080E+03,
        x: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0],
        y: &[
            16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93, 699.56, 689.96, 637.56,
            717.41,
        ],
    },
    Problem {
        name: "Eckerle4",
        what: "interference of light, higher difficulty",
        formula: "b1/b2 exp(-((x - b3)/b2)²/2)",
        model: |b, x| b[0] / b[1] * (-0.5 * ((x - b[2]) / b[1]).powi(2)).exp(),
        starts: [&[1.0, 10.0, 500.0], &[1.5, 5.0, 450.0]],
        is_lost_from_afar: false,
        certified: &[1.5543827178E+00, 4.0888321754E+00, 4.5154121844E+02],
        standard_errors: &[1.5408051163E-02, 4.6803020753E-02, 4.6800518816E-02],
        sum_of_squares: 1.4635887487E-03,
        x: &[
            400.0, 405.0, 410.0, 415.0, 420.0, 425.0, 430.0, 435.0, 436.5, 438.0, 439.5, 441.0, 442.5, 444.0, 445.5,
            447.0, 448.5, 450.0, 451.5, 453.0, 454.5, 456.0, 457.5, 459.0, 460.5, 462.0, 463.5, 465.0, 470.0, 475.0,
            480.0, 485.0, 490.0, 495.0, 500.0,
        ],
        y: &[
            0.0001575, 0.0001699, 0.0002350, 0.0003102, 0.0004917, 0.0008710, 0.0017418, 0.0046400, 0.0065895,
            0.0097302, 0.0149002, 0.0237310, 0.0401683, 0.0712559, 0.1264458, 0.2073413, 0.2902366, 0.3445623,
            0.3698049, 0.3668534, 0.3106727, 0.2078154, 0.1164354, 0.0616764, 0.0337200, 0.0194023, 0.0117831,
            0.0074357, 0.0022732, 0.0008800, 0.0004579, 0.0002345, 0.0001586, 0.0001143, 0.0000710,
        ],
    },
    Problem {
        name: "Thurber",
        what: "mobility of electrons, higher difficulty",
        formula: "(b1 + b2 x + b3 x² + b4 x³) / (1 + b5 x + b6 x² + b7 x³)",
        model: |b, x| {
            let above = b[0] + x * (b[1] + x * (b[2] + x * b[3]));
            above / (1.0 + x * (b[4] + x * (b[5] + x * b[6])))
        },
        starts: [&[1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03], &[1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05]],
        is_lost_from_afar: false,
        certified: &[
            1.2881396800E+03,
            1.4910792535E+03,
            5.8323836877E+02,
            7.5416644291E+01,
            9.6629502864E-01,
            3.9797285797E-01,
            4.9727297349E-02,
        ],
        standard_errors: &[
            4.6647963344E+00,
            3.9571156086E+01,
            2.8698696102E+01,
            5.5675370270E+00,
            3.1333340687E-02,
            1.4984928198E-02,
            6.5842344623E-03,
        ],
        sum_of_squares: 5.6427082397E+03,
        x: &[
            -3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363, -2.322, -1.501,
            -1.460, -1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545, -0.400, -0.309, -0.109, -0.103,
            0.010, 0.119, 0.377, 0.790, 0.963, 1.006, 1.115, 1.572, 1.841, 2.047, 2.200,
        ],
        y: &[
            80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696, 101.060, 401.672,
            390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109, 1080.914, 1122.643, 1178.351,
            1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509, 1425.208, 1421.384, 1442.962, 1464.350,
            1468.705, 1447.894, 1457.628,
        ],
    },
    Problem {
        name: "BoxBOD",
        what: "oxygen demand of bacteria, higher difficulty",
        formula: "b1 (1 - exp(-b2 x))",
        model: |b, x| b[0] * (1.0 - (-b[1] * x).exp()),
        starts: [&[1.0, 1.0], &[100.0, 0.75]],
        is_lost_from_afar: true,
        certified: &[2.1380940889E+02, 5.4723748542E-01],
        standard_errors: &[1.2354515176E+01, 1.0455993237E-01],
        sum_of_squares: 1.1680088766E+03,
        x: &[1.0, 2.0, 3.0, 5.0, 7.0, 10.0],
        y: &[109.0, 149.0, 149.0, 191.0, 213.0, 224.0],
    },
];
