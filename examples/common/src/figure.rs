//! Figures as data, drawn twice: as SVG and as PNG.

use crate::panel::{Done, Panel};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use std::path::Path;

/// Panels side by side.
pub struct Figure {
    size: (u32, u32),
    columns: usize,
    panels: Vec<Panel>,
}

impl Figure {
    /// A figure of this size with so many panels in a row.
    pub fn new(width: u32, height: u32, columns: usize) -> Figure {
        Figure {
            size: (width, height),
            columns,
            panels: Vec::new(),
        }
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
        register_font("sans-serif", FontStyle::Normal, font)
            .map_err(|_| "the font cannot be read")?;
        area.fill(&WHITE)?;
        let rows = self.panels.len().div_ceil(self.columns);
        for (panel, area) in self
            .panels
            .iter()
            .zip(area.split_evenly((rows, self.columns)))
        {
            panel.draw(&area, scale)?;
        }
        area.present()?;
        Ok(())
    }

    pub(crate) fn write_svg(&self, path: &Path) -> Done {
        self.draw(SVGBackend::new(path, self.size).into_drawing_area(), 1)
    }

    /// Draws twice as large and takes means of four pixels, which makes edges smooth.
    pub(crate) fn write_png(&self, path: &Path) -> Done {
        let (width, height) = self.size;
        let row = 2 * width as usize * 3;
        let mut large = vec![0; 2 * height as usize * row];
        let size = (2 * width, 2 * height);
        self.draw(
            BitMapBackend::with_buffer(&mut large, size).into_drawing_area(),
            2,
        )?;
        let mut pixels = Vec::with_capacity(large.len() / 4);
        for rows in large.chunks_exact(2 * row) {
            for x in (0..row).step_by(6) {
                for c in x..x + 3 {
                    let four = [c, c + 3, row + c, row + c + 3].map(|k| u32::from(rows[k]));
                    pixels.push((four.iter().sum::<u32>() / 4) as u8);
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
