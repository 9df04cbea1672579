//! Figures as data, drawn twice: as SVG and as PNG.

use crate::panel::{Done, Panel};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use std::path::Path;

/// Figures are drawn so many times as large as they are shown, as the library draws at whole pixels only.
const FINENESS: u32 = 4;

/// Panels side by side.
pub struct Figure {
    size: (u32, u32),
    columns: usize,
    panels: Vec<Panel>,
}

impl Figure {
    /// A figure of this size with so many panels in a row.
    pub fn new(width: u32, height: u32, columns: usize) -> Figure {
        Figure { size: (width, height), columns, panels: Vec::new() }
    }

    pub fn panel(mut self, panel: Panel) -> Figure {
        self.panels.push(panel);
        self
    }

    fn draw<B: DrawingBackend>(&self, area: DrawingArea<B, Shift>, scale: u32) -> Done
    where
        B::ErrorType: 'static,
    {
        let font = epaint_default_fonts::UBUNTU_LIGHT;
        register_font("sans-serif", FontStyle::Normal, font).map_err(|_| "the font cannot be read")?;
        area.fill(&WHITE)?;
        let rows = self.panels.len().div_ceil(self.columns);
        for (panel, area) in self.panels.iter().zip(area.split_evenly((rows, self.columns))) {
            panel.draw(&area, scale)?;
        }
        area.present()?;
        Ok(())
    }

    /// The size of a drawing in which everything is [`FINENESS`] times as large.
    fn fine_size(&self) -> (u32, u32) {
        (FINENESS * self.size.0, FINENESS * self.size.1)
    }

    pub(crate) fn write_svg(&self, path: &Path) -> Done {
        let ((width, height), fine) = (self.size, self.fine_size());
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, fine).into_drawing_area();
        self.draw(area, FINENESS)?;
        // The coordinates stay fine, and the picture is shown as large as it is meant to be.
        let size = |(w, h): (u32, u32)| format!("<svg width=\"{w}\" height=\"{h}\"");
        std::fs::write(path, text.replacen(&size(fine), &size((width, height)), 1))?;
        Ok(())
    }

    /// Takes the means of neighbouring pixels, which makes edges smooth.
    pub(crate) fn write_png(&self, path: &Path) -> Done {
        const TIMES: usize = FINENESS as usize;
        let (width, height) = self.size;
        let row = TIMES * width as usize * 3;
        let mut large = vec![0; TIMES * height as usize * row];
        let area = BitMapBackend::with_buffer(&mut large, self.fine_size()).into_drawing_area();
        self.draw(area, FINENESS)?;
        let mut pixels = Vec::with_capacity(large.len() / (TIMES * TIMES));
        for rows in large.chunks_exact(TIMES * row) {
            for x in (0..row).step_by(3 * TIMES) {
                for c in x..x + 3 {
                    let square = (0..TIMES * TIMES).map(|k| k / TIMES * row + c + k % TIMES * 3);
                    let sum: usize = square.map(|at| usize::from(rows[at])).sum();
                    pixels.push((sum / (TIMES * TIMES)) as u8);
                }
            }
        }
        let file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(())
    }
}
