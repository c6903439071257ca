//! The mark that an entry leaves when it has been provisioned.

use std::path::{Path, PathBuf};

use super::{Provided, make_folder};
use crate::failure::{Context, Result};

/// What was provisioned, if it was by this recipe and is still all there.
pub(super) fn read(stamp: &Path, recipe: u32, folder: &Path) -> Option<Provided> {
    let provided = parse(&std::fs::read_to_string(stamp).ok()?, recipe)?;
    let complete = provided.programs.iter().all(|program| folder.join(program).exists());
    complete.then_some(provided)
}

/// Leaves the mark.
pub(super) fn write(stamp: &Path, recipe: u32, provided: &Provided) -> Result<()> {
    if let Some(folder) = stamp.parent() {
        make_folder(folder)?;
    }
    std::fs::write(stamp, format(recipe, provided))
        .context(|| format!("{} could not be written", stamp.display()))
}

/// One line each: the recipe, what it is, the programs.
fn format(recipe: u32, provided: &Provided) -> String {
    let mut text = format!("{recipe}\n{}\n", provided.what);
    for program in &provided.programs {
        text.push_str(&program.to_string_lossy());
        text.push('\n');
    }
    text
}

fn parse(text: &str, recipe: u32) -> Option<Provided> {
    let mut lines = text.lines();
    if lines.next()?.parse() != Ok(recipe) {
        return None;
    }
    Some(Provided {
        what: lines.next()?.to_owned(),
        programs: lines.map(PathBuf::from).collect(),
        instead: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provided() -> Provided {
        Provided {
            what: "Prometheus 3.5.3".to_owned(),
            programs: vec!["prometheus".into(), "promtool".into()],
            instead: None,
        }
    }

    #[test]
    fn a_stamp_read_back_says_what_was_written() {
        assert_eq!(parse(&format(3, &provided()), 3), Some(provided()));
    }

    #[test]
    fn a_stamp_of_another_recipe_does_not_count() {
        assert_eq!(parse(&format(3, &provided()), 4), None);
    }

    #[test]
    fn a_damaged_stamp_does_not_count() {
        assert_eq!(parse("", 1), None);
        assert_eq!(parse("1\n", 1), None);
        assert_eq!(parse("garbage\nx\n", 1), None);
    }
}
