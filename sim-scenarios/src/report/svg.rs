//! A chart as SVG text: a frame, two axes, marks, a legend. Series differ in colour, dash and marker.

use std::fmt::Write;

/// What an axis measures, and its range.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) title: String,
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where its ticks are, and what they say.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// From zero to a round number at or above `high`.
    pub(super) fn from_zero(title: &str, high: f64) -> Self {
        Self::between(title, 0.0, high)
    }

    /// A range with round ticks that holds both ends.
    pub(super) fn between(title: &str, low: f64, high: f64) -> Self {
        let span = if high > low { high - low } else { low.abs().max(1.0) };
        let step = round_step(span / 5.0);
        let (first, last) = ((low / step).floor(), ((low + span) / step - 1e-9).ceil());
        let count = (last - first) as usize;
        let ticks = (0..=count).map(|i| (first + i as f64) * step).map(|at| (at, number(at))).collect();
        Self { title: title.to_owned(), low: first * step, high: last * step, ticks }
    }

    /// Named places at equal distances.
    pub(super) fn named(title: &str, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(index, name)| (index as f64, name.clone())).collect();
        Self { title: title.to_owned(), low: -0.5, high: names.len() as f64 - 0.5, ticks }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// A chart being drawn.
pub(super) struct Chart {
    x: Scale,
    y: Scale,
    marks: String,
    legend: Vec<(String, Style)>,
    title: String,
    about: String,
}

/// How a series looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: &'static str,
    pub(super) dash: &'static str,
    pub(super) marker: Option<usize>,
}

impl Style {
    /// The look of the series of this number.
    pub(super) fn series(index: usize) -> Self {
        let (colour, dash) = SERIES[index % SERIES.len()];
        Self { colour, dash, marker: Some(index % SERIES.len()) }
    }

    /// A line to compare with.
    pub(super) const fn reference(index: usize) -> Self {
        let dash = if index == 0 { "2 3" } else { "8 3 2 3" };
        Self { colour: "#555555", dash, marker: None }
    }
}

impl Chart {
    /// An empty chart; `about` is read to those who cannot see it.
    pub(super) fn new(title: &str, about: &str, x: Scale, y: Scale) -> Self {
        let (title, about) = (escape(title), escape(about));
        Self { x, y, marks: String::new(), legend: Vec::new(), title, about }
    }

    /// A line through points, with its name in the legend.
    pub(super) fn line(&mut self, name: &str, points: &[(f64, f64)], style: Style) {
        let at: Vec<String> = points.iter().map(|point| self.place(*point)).collect();
        if at.len() > 1 {
            let _infallible = write!(
                self.marks,
                r#"<polyline points="{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>"#,
                at.join(" "),
                style.colour,
                style.dash
            );
        }
        self.legend.push((name.to_owned(), style));
    }

    /// A marker, hollow when the figure stands for a part of the runs only.
    pub(super) fn marker(&mut self, (x, y): (f64, f64), style: Style, hollow: bool) {
        if let Some(shape) = style.marker {
            let mark = marker(self.pixel_x(x), self.pixel_y(y), shape, style.colour, hollow);
            self.marks.push_str(&mark);
        }
    }

    /// An interval around a point.
    pub(super) fn interval(&mut self, x: f64, low: f64, high: f64, style: Style) {
        let (x, low) = (self.pixel_x(x), self.pixel_y(low.max(self.y.low)));
        let high = self.pixel_y(high.min(self.y.high));
        let _infallible = write!(
            self.marks,
            r#"<path d="M{x:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h8M{:.1} {high:.1}h8" stroke="{}" stroke-width="1.5"/>"#,
            x - 4.0,
            x - 4.0,
            style.colour
        );
    }

    /// The finished text, a document of its own.
    pub(super) fn finish(self) -> String {
        let rows = self.legend.len() as f64;
        let height = BOTTOM + 58.0 + rows * 20.0;
        let mut svg = open(&self.title, &self.about, height);
        self.axes(&mut svg);
        svg.push_str(&self.marks);
        for (index, (name, style)) in self.legend.iter().enumerate() {
            let y = BOTTOM + 62.0 + index as f64 * 20.0;
            let _infallible = write!(
                svg,
                r#"<path d="M{LEFT} {y}h36" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>"#,
                style.colour, style.dash
            );
            if let Some(shape) = style.marker {
                svg.push_str(&marker(LEFT + 18.0, y, shape, style.colour, false));
            }
            text(&mut svg, (LEFT + 46.0, y + 4.0), "start", name);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn axes(&self, svg: &mut String) {
        for (value, label) in &self.y.ticks {
            let y = self.pixel_y(*value);
            let _infallible = write!(svg, r##"<path d="M{LEFT} {y:.1}H{RIGHT}" stroke="#dddddd"/>"##);
            text(svg, (LEFT - 8.0, y + 4.0), "end", label);
        }
        for (value, label) in &self.x.ticks {
            let x = self.pixel_x(*value);
            let _infallible = write!(svg, r##"<path d="M{x:.1} {BOTTOM}v5" stroke="#333333"/>"##);
            text(svg, (x, BOTTOM + 20.0), "middle", label);
        }
        let _infallible =
            write!(svg, r##"<path d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}" fill="none" stroke="#333333"/>"##);
        text(svg, ((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), "middle", &self.x.title);
        let middle = (TOP + BOTTOM) / 2.0;
        let title = escape(&self.y.title);
        let _infallible = write!(
            svg,
            r#"<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{title}</text>"#
        );
    }

    fn pixel_x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (RIGHT - LEFT)
    }

    fn pixel_y(&self, value: f64) -> f64 {
        BOTTOM - self.y.share(value) * (BOTTOM - TOP)
    }

    fn place(&self, (x, y): (f64, f64)) -> String {
        format!("{:.1},{:.1}", self.pixel_x(x), self.pixel_y(y))
    }
}

/// The head of a document of the usual width.
pub(super) fn open(title: &str, about: &str, height: f64) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="#222222"><title>{title}</title><desc>{about}</desc><rect width="{WIDTH}" height="{height}" fill="#ffffff"/><text x="{LEFT}" y="24" font-size="16" font-weight="600">{title}</text>"##
    )
}

/// A text at a place.
pub(super) fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, content: &str) {
    let content = escape(content);
    let _infallible = write!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{content}</text>"#);
}

/// Text without the characters that mean something in SVG and HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A figure with as many digits as tell something.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    let digits = match magnitude {
        _ if magnitude >= 100.0 || magnitude == 0.0 => 0,
        _ if magnitude >= 10.0 => 1,
        _ if magnitude >= 1.0 => 2,
        _ => 3,
    };
    let fixed = format!("{value:.digits$}");
    let short = if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// 1, 2, 2.5 or 5 times a power of ten, at or above `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let wanted = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    wanted.unwrap_or(10.0) * power
}

fn marker(x: f64, y: f64, shape: usize, colour: &str, hollow: bool) -> String {
    let path = match shape % 4 {
        0 => format!("M{:.1} {y:.1}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", x - 4.5),
        1 => format!("M{:.1} {:.1}h8v8h-8z", x - 4.0, y - 4.0),
        2 => format!("M{x:.1} {:.1}l5.5 9.5h-11z", y - 6.0),
        _ => format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6z", y - 6.0),
    };
    let fill = if hollow { "#ffffff" } else { colour };
    format!(r#"<path d="{path}" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>"#)
}

pub(super) const WIDTH: f64 = 760.0;
pub(super) const LEFT: f64 = 72.0;
pub(super) const RIGHT: f64 = 736.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 340.0;

/// Colours that remain apart for the colour-blind (Okabe and Ito, 2008), each with a dash of its own.
const SERIES: [(&str, &str); 8] = [
    ("#0072b2", "none"),
    ("#d55e00", "7 4"),
    ("#009e73", "2 3"),
    ("#cc79a7", "10 3 2 3"),
    ("#000000", "none"),
    ("#e69f00", "7 4"),
    ("#56b4e9", "2 3"),
    ("#7f5539", "10 3 2 3"),
];

/// As many series as can be told apart.
pub(super) const SERIES_MAX: usize = SERIES.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        let labels = |scale: Scale| scale.ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(Scale::from_zero("t", 9.3)), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(Scale::from_zero("t", 1.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(Scale::between("t", 120.0, 180.0)), ["120", "140", "160", "180"]);
        assert_eq!(labels(Scale::from_zero("t", 0.0)).first().map(String::as_str), Some("0"));
    }

    #[test]
    fn figures_have_few_digits() {
        let shown = [0.0, 0.12345, 1.5, 12.34, 123.4, 100_000.0, -0.0001].map(number);
        assert_eq!(shown, ["0", "0.123", "1.5", "12.3", "123", "100000", "0"]);
    }

    #[test]
    fn names_cannot_break_out() {
        let mut chart = Chart::new("<a>", "\"", Scale::from_zero("x", 1.0), Scale::from_zero("y & z", 1.0));
        chart.line("<script>", &[(0.0, 0.0), (1.0, 1.0)], Style::series(0));
        let svg = chart.finish();
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;") && svg.contains("y &amp; z"));
    }
}
