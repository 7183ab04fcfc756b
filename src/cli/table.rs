//! Tables for people: columns as wide as what is in them, two spaces between.

/// The most characters of a cell that is cut.
const CUT: usize = 100;

/// Lines of a heading and of rows. Control characters in cells are shown as a replacement: what strangers sent must not
/// steer a terminal.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|text| (*text).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A text with its control characters replaced.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A text's beginning, if it is long.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= CUT {
        return text.to_owned();
    }
    text.chars().take(CUT - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_steers_the_terminal() {
        let rows =
            [vec!["a".to_owned(), "x\u{1b}[2J".to_owned()], vec!["l\u{e4}nger".to_owned(), String::new()]];
        let text = table(&["NAME", "WHY"], &rows);
        assert_eq!(text, "NAME    WHY\na       x\u{fffd}[2J\nl\u{e4}nger\n");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"x".repeat(CUT + 1)).chars().count(), CUT);
    }
}
