//! The difference between two texts, in lines.

use std::fmt;

/// Past so many pairs of lines the longest common part is not looked for.
const MOST_PAIRS: usize = 16_000_000;

/// How many equal lines are shown around those that differ.
const CONTEXT: usize = 4;

/// The lines of two texts: which are in both, which in one.
#[derive(Debug, PartialEq)]
pub(super) struct Difference<'a> {
    lines: Vec<(Side, &'a str)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Both,
    Before,
    After,
}

/// Compares line by line. A comma at the end of a line is no difference: in a list it says that something
/// follows, which is its own line.
pub(super) fn lines<'a>(before: &'a str, after: &'a str) -> Difference<'a> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = |a: usize, b: usize| before[a].trim_end_matches(',') == after[b].trim_end_matches(',');
    let shorter = before.len().min(after.len());
    let head = (0..shorter).take_while(|at| same(*at, *at)).count();
    let tail = (1..=shorter - head).take_while(|back| same(before.len() - back, after.len() - back)).count();
    let (before_end, after_end) = (before.len() - tail, after.len() - tail);

    let mut lines: Vec<_> = after[..head].iter().map(|line| (Side::Both, *line)).collect();
    let (rows, columns) = (before_end - head, after_end - head);
    if rows.saturating_mul(columns) > MOST_PAIRS {
        lines.extend(before[head..before_end].iter().map(|line| (Side::Before, *line)));
        lines.extend(after[head..after_end].iter().map(|line| (Side::After, *line)));
    } else {
        // How many lines the rests have in common, from each pair of lines on.
        let width = columns + 1;
        let mut common = vec![0_u32; (rows + 1) * width];
        for a in (0..rows).rev() {
            for b in (0..columns).rev() {
                common[a * width + b] = if same(head + a, head + b) {
                    common[(a + 1) * width + b + 1] + 1
                } else {
                    common[(a + 1) * width + b].max(common[a * width + b + 1])
                };
            }
        }
        let (mut a, mut b) = (0, 0);
        while a < rows || b < columns {
            if a < rows && b < columns && same(head + a, head + b) {
                lines.push((Side::Both, after[head + b]));
                (a, b) = (a + 1, b + 1);
            } else if b == columns || a < rows && common[(a + 1) * width + b] >= common[a * width + b + 1] {
                lines.push((Side::Before, before[head + a]));
                a += 1;
            } else {
                lines.push((Side::After, after[head + b]));
                b += 1;
            }
        }
    }
    lines.extend(after[after_end..].iter().map(|line| (Side::Both, *line)));
    Difference { lines }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left_out = false;
        for (at, (side, line)) in self.lines.iter().enumerate() {
            let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(self.lines.len());
            if self.lines[around].iter().all(|(side, _)| *side == Side::Both) {
                left_out = true;
                continue;
            }
            if std::mem::take(&mut left_out) {
                f.write_str("  ...\n")?;
            }
            let mark = match side {
                Side::Both => ' ',
                Side::Before => '-',
                Side::After => '+',
            };
            writeln!(f, "{mark} {line}")?;
        }
        if left_out { f.write_str("  ...\n") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(difference: &Difference<'_>, side: Side) -> Vec<String> {
        let lines = difference.lines.iter().filter(|(of, _)| *of == side || *of == Side::Both);
        lines.map(|(_, line)| line.trim_end_matches(',').to_owned()).collect()
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_out_of_their_difference(
            before in proptest::collection::vec("[ab],?", 0..12),
            after in proptest::collection::vec("[ab],?", 0..12),
        ) {
            let (before, after) = (before.join("\n"), after.join("\n"));
            let difference = lines(&before, &after);
            let plain = |text: &str| -> Vec<String> {
                text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
            };
            prop_assert_eq!(side(&difference, Side::Before), plain(&before));
            prop_assert_eq!(side(&difference, Side::After), plain(&after));
        }
    }

    #[test]
    fn only_what_differs_is_shown_with_a_few_lines_around_it() {
        let before: Vec<String> = (0..20).map(|at| at.to_string()).collect();
        let mut after = before.clone();
        after[10] = "ten".to_owned();
        let (before, after) = (before.join("\n"), after.join("\n"));
        let shown = lines(&before, &after).to_string();
        assert_eq!(shown, "  ...\n  6\n  7\n  8\n  9\n- 10\n+ ten\n  11\n  12\n  13\n  14\n  ...\n");
    }
}
