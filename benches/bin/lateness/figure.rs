//! The figure: a histogram a series, below each other over one axis.
//!
//! Its colours are in the middle, to be read on a light background and on a dark one.

use crate::Lateness;
use crate::series::{Series, System};

/// The axis begins at 1 us and ends at 10 ms.
const DECADES: usize = 4;
const BARS_A_DECADE: usize = 20;
const BARS: usize = DECADES * BARS_A_DECADE;

const BAR: f64 = 4.5;
const LEFT: f64 = 270.0;
const RIGHT: f64 = LEFT + BARS as f64 * BAR;
const NUMBERS: f64 = RIGHT + 115.0;
const WIDTH: f64 = NUMBERS + 10.0;
const TOP: f64 = 56.0;
const ROW: f64 = 34.0;
const TALLEST: f64 = 26.0;

const GREY: &str = "#6e7781";
const BLUE: &str = "#3d85d6";
const ORANGE: &str = "#d1802e";

pub(crate) fn draw(rows: &[(&Series, Lateness)]) -> String {
    let bottom = TOP + rows.len() as f64 * ROW;
    let height = bottom + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{GREY}\">\n\
         <text x=\"10\" y=\"18\" font-size=\"14\">How late sleeps of 50 us to 5 ms end</text>\n\
         <text x=\"10\" y=\"36\">10,000 a row; a row's tallest bar is its commonest lateness, its line \
         the median</text>\n\
         <text x=\"{NUMBERS}\" y=\"36\" text-anchor=\"end\">median, p99 (us)</text>\n"
    );
    for (decade, label) in ["1 us", "10 us", "100 us", "1 ms", "10 ms"].iter().enumerate() {
        let x = LEFT + (decade * BARS_A_DECADE) as f64 * BAR;
        svg += &format!(
            "<path d=\"M{x} {TOP}V{bottom}\" stroke=\"{GREY}\" stroke-opacity=\"0.3\"/>\n\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
            bottom + 18.0
        );
    }
    for (nth, (series, lateness)) in rows.iter().enumerate() {
        svg += &row(series, lateness, TOP + (nth + 1) as f64 * ROW);
    }
    svg + "</svg>\n"
}

fn row(series: &Series, lateness: &Lateness, floor: f64) -> String {
    let colour = if series.system == System::Tokio { ORANGE } else { BLUE };
    let (median, p99) = (lateness.percentile(50), lateness.percentile(99));
    let x = LEFT + position(median) * BAR;
    let text = floor - 8.0;
    format!(
        "<text x=\"10\" y=\"{text}\">{}</text>\n\
         <path d=\"{}\" fill=\"{colour}\"/>\n\
         <path d=\"M{x:.1} {floor}v-{ROW}\" stroke=\"{GREY}\" stroke-width=\"1.5\"/>\n\
         <path d=\"M{LEFT} {floor}H{RIGHT}\" stroke=\"{GREY}\" stroke-opacity=\"0.3\"/>\n\
         <text x=\"{NUMBERS}\" y=\"{text}\" text-anchor=\"end\">{median:.0}, {p99:.0}</text>\n",
        series.name,
        bars(&counts(lateness), floor),
    )
}

/// Where on the axis, in bars, within its ends.
fn position(us: f64) -> f64 {
    (us.log10() * BARS_A_DECADE as f64).clamp(0.0, BARS as f64)
}

/// How many there are of each bar; the outermost have those beyond as well.
fn counts(lateness: &Lateness) -> [usize; BARS] {
    let mut counts = [0; BARS];
    for &nanos in &lateness.0 {
        let bar = position(nanos as f64 / 1000.0) as usize;
        counts[bar.min(BARS - 1)] += 1;
    }
    counts
}

/// The outline of the bars, as a path.
fn bars(counts: &[usize; BARS], floor: f64) -> String {
    let most = *counts.iter().max().unwrap_or(&0) as f64;
    let mut path = String::new();
    for (nth, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let (x, height) = (LEFT + nth as f64 * BAR, (count as f64 / most * TALLEST).max(0.5));
        path += &format!("M{x} {floor}v-{height:.1}h{BAR}v{height:.1}z");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::SERIES;

    #[test]
    fn a_lateness_is_counted_in_the_bar_of_its_place() {
        let lateness = Lateness::new(vec![0, 900, 1_000, 10_000, 99_999, 9_999_999, 50_000_000]);
        let counts = counts(&lateness);
        let bars: Vec<_> = counts.iter().enumerate().filter(|&(_, &count)| count > 0).collect();
        assert_eq!(bars, [(0, &3), (20, &1), (39, &1), (79, &2)]);
    }

    #[test]
    fn the_tallest_bar_is_as_tall_as_the_row_allows() {
        let mut counts = [0; BARS];
        (counts[0], counts[2]) = (5, 10);
        assert_eq!(bars(&counts, 100.0), "M270 100v-13.0h4.5v13.0zM279 100v-26.0h4.5v26.0z");
    }

    #[test]
    fn the_figure_has_a_row_a_series_and_a_label_a_decade() {
        let rows: Vec<_> = SERIES.iter().map(|series| (series, Lateness::new(vec![1]))).collect();
        let svg = draw(&rows);
        assert!(SERIES.iter().all(|series| svg.contains(&format!(">{}</text>", series.name))));
        assert!(["1 us", "10 ms"].iter().all(|label| svg.contains(&format!(">{label}</text>"))));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }
}
