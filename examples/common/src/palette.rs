//! Colours that are told apart in print, and by those who do not see all of them.

pub use plotters::style::RGBColor as Colour;

pub const BLUE: Colour = Colour(0, 90, 160);
pub const ORANGE: Colour = Colour(214, 94, 0);
pub const GREEN: Colour = Colour(0, 140, 100);
pub const PINK: Colour = Colour(190, 90, 150);
pub const GREY: Colour = Colour(120, 120, 120);
pub const BLACK: Colour = Colour(20, 20, 20);

/// Between two colours: the first one at 0, the second one at 1.
pub fn blend(a: Colour, b: Colour, share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    Colour(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}
