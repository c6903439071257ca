//! Manifests: versions, lints and dependencies are declared once, in the workspace's own, and
//! each library in its table has its reason in `docs/DEPENDENCIES.md`.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::Finding;
use crate::failure::{Context, Result};
use crate::workspace::Workspace;

const RULE: &str = "manifests";

/// Where each dependency has its reason.
const REASONS: &str = "docs/DEPENDENCIES.md";

/// What every member takes from `[workspace.package]`.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// Checks the root's manifest and every member's.
pub(super) fn run(workspace: &Workspace) -> Result<Vec<Finding>> {
    let root = parse(&workspace.root.join("Cargo.toml"))?;
    let mut findings = Vec::new();
    let mut members = Vec::new();
    for package in workspace.metadata.workspace_packages() {
        let path = package.manifest_path.as_std_path();
        let place = path.strip_prefix(&workspace.root).unwrap_or(path);
        let manifest = parse(path)?;
        findings.extend(member(&place.display().to_string(), &manifest));
        members.push(manifest);
    }
    findings.extend(unused(&root, &members));
    let reasons = std::fs::read_to_string(workspace.root.join(REASONS)).unwrap_or_default();
    findings.extend(without_reason(&root, &reasons));
    Ok(findings)
}

fn parse(path: &Path) -> Result<Table> {
    let reading = || format!("{} could not be read", path.display());
    let text = std::fs::read_to_string(path).context(reading)?;
    text.parse().context(reading)
}

fn finding(place: &str, wrong: String, fix: String) -> Finding {
    Finding { place: place.to_owned(), rule: RULE, wrong, fix }
}

/// What a member must take from the workspace.
fn member(place: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let package = manifest.get("package").and_then(Value::as_table);
    for key in INHERITED {
        if !package.and_then(|package| package.get(key)).is_some_and(is_inherited) {
            findings.push(finding(
                place,
                format!("`{key}` is not the workspace's"),
                format!("write `{key}.workspace = true` in [package]"),
            ));
        }
    }
    if !manifest.get("lints").is_some_and(is_inherited) {
        findings.push(finding(
            place,
            "the lints are not the workspace's".to_owned(),
            "write [lints] with `workspace = true`".to_owned(),
        ));
    }
    for (name, value) in dependencies(manifest) {
        if !is_inherited(value) {
            findings.push(finding(
                place,
                format!("the dependency `{name}` is not from the workspace's table"),
                format!(
                    "declare its version in [workspace.dependencies] of the root, and write \
                     `{name}.workspace = true` here"
                ),
            ));
        }
    }
    findings
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Every dependency of every kind, those for some targets only too.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets.into_iter().flatten().filter_map(|(_, t)| t.as_table());
    std::iter::once(manifest)
        .chain(tables)
        .flat_map(|table| {
            ["dependencies", "dev-dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|kind| table.get(kind)?.as_table())
                .flatten()
        })
        .collect()
}

/// The root's table of dependencies.
fn table(root: &Table) -> impl Iterator<Item = (&String, &Value)> {
    root.get("workspace")
        .and_then(|workspace| workspace.get("dependencies")?.as_table())
        .into_iter()
        .flatten()
}

/// Entries of the root's table that no member uses.
fn unused(root: &Table, members: &[Table]) -> Vec<Finding> {
    let used: BTreeSet<&str> = members.iter().flat_map(dependencies).map(|(name, _)| name.as_str()).collect();
    table(root)
        .filter(|(name, _)| !used.contains(name.as_str()))
        .map(|(name, _)| {
            finding(
                "Cargo.toml",
                format!("no member uses `{name}` of [workspace.dependencies]"),
                "remove the line".to_owned(),
            )
        })
        .collect()
}

/// Entries of the root's table, but for the workspace's own crates, that the document does not
/// name in code quotes: one finding for all of them.
fn without_reason(root: &Table, reasons: &str) -> Option<Finding> {
    let names: Vec<&str> = table(root)
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.as_str())
        .filter(|name| !reasons.contains(&format!("`{name}`")))
        .collect();
    (!names.is_empty()).then(|| {
        finding(
            REASONS,
            format!("does not say why these are dependencies: {}", names.join(", ")),
            "add what each is for and why this one".to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Table {
        text.parse().expect("the test's own TOML")
    }

    const GOOD: &str = "
        [package]
        name = 'x'
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        [lints]
        workspace = true
        [dependencies]
        a.workspace = true
        b = { workspace = true, features = ['f'], optional = true }
        [target.'cfg(loom)'.dependencies]
        c.workspace = true
        [dev-dependencies.d]
        workspace = true
    ";

    fn wrong(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|f| f.wrong.as_str()).collect()
    }

    #[test]
    fn a_member_that_inherits_everything_is_fine() {
        assert_eq!(member("x/Cargo.toml", &toml(GOOD)), []);
    }

    #[test]
    fn a_value_of_its_own_is_found() {
        for key in INHERITED {
            let own = GOOD.replace(&format!(" {key}.workspace = true"), &format!(" {key} = '1'"));
            let findings = member("x/Cargo.toml", &toml(&own));
            assert_eq!(wrong(&findings), [format!("`{key}` is not the workspace's")]);
        }
    }

    #[test]
    fn lints_of_its_own_or_none_are_found() {
        let none = GOOD.replace("[lints]", "[other]");
        assert_eq!(member("x/Cargo.toml", &toml(&none)).len(), 1);
    }

    #[test]
    fn a_version_outside_the_table_is_found_wherever_it_stands() {
        for (from, to) in [
            ("a.workspace = true", "a = '1'"),
            ("b = { workspace = true", "b = { version = '1'"),
            ("c.workspace = true", "c = '1'"),
            ("[dev-dependencies.d]\n        workspace = true", "[dev-dependencies]\nd = '1'"),
        ] {
            let own = GOOD.replace(from, to);
            assert_ne!(own, GOOD);
            assert_eq!(member("x/Cargo.toml", &toml(&own)).len(), 1, "{to}");
        }
    }

    #[test]
    fn an_entry_that_no_member_uses_is_found() {
        let root = toml("[workspace.dependencies]\na = '1'\nb = '1'\nc = '1'\nd = '1'\ne = '1'");
        let findings = unused(&root, &[toml(GOOD)]);
        assert_eq!(wrong(&findings), ["no member uses `e` of [workspace.dependencies]"]);
    }

    #[test]
    fn a_library_without_a_reason_is_found_and_a_crate_of_ours_needs_none() {
        let root = toml("[workspace.dependencies]\na = '1'\nab = '1'\nours = { path = 'x' }");
        let wrong = |reasons| without_reason(&root, reasons).map(|finding| finding.wrong);
        assert_eq!(
            wrong("| `ab` | for this |").as_deref(),
            Some("does not say why these are dependencies: a")
        );
        assert!(wrong("").is_some_and(|wrong| wrong.ends_with("a, ab")));
        assert_eq!(wrong("`a` and `ab`"), None);
    }
}
