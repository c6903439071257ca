//! Which workspace crates may depend on which, and what the engine must never depend on.
//!
//! Looked at are normal and build dependencies, optional ones too, of the crates under `crates/`.
//! Development dependencies are free: a test may use what it likes. So are examples and benches.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

use super::Finding;
use crate::workspace::Workspace;

const RULE: &str = "crate arrows";

/// Each crate under `crates/` and the workspace's crates it may depend on. What is not here is
/// not allowed.
const ALLOWED: [(&str, &[&str]); 13] = [
    (
        "tachograph",
        &[
            "tachograph-sdk",
            "tachograph-macros",
            "tachograph-propagation",
            "tachograph-bridge-prometheus",
            "tachograph-bridge-prometheus-client",
            "tachograph-metrics",
            "tachograph-prometheus",
            "tachograph-otlp",
            "tachograph-tracing",
            "tachograph-tower",
            "tachograph-process",
        ],
    ),
    ("tachograph-bridge-prometheus", &["tachograph-sdk"]),
    ("tachograph-bridge-prometheus-client", &["tachograph-sdk"]),
    ("tachograph-metrics", &["tachograph-sdk"]),
    ("tachograph-prometheus", &["tachograph-sdk"]),
    ("tachograph-otlp", &["tachograph-sdk"]),
    ("tachograph-tracing", &["tachograph-sdk"]),
    ("tachograph-sdk", &["tachograph-macros"]),
    ("tachograph-tower", &["tachograph-propagation"]),
    ("tachograph-process", &["tachograph-propagation"]),
    ("tachograph-propagation", &[]),
    ("tachograph-macros", &[]),
    ("xtask", &[]),
];

/// The engine: it knows no HTTP, no protobuf, no Prometheus, no async runtime.
const ENGINE: &str = "tachograph-sdk";

/// What must not be among the libraries that the engine is built from, however deep.
const NEVER_IN_THE_ENGINE: [&str; 8] =
    ["axum", "http", "hyper", "prometheus", "prometheus-client", "prost", "tokio", "tonic"];

/// A graph of packages by name.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Checks the workspace.
pub(super) fn run(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = arrows(&declared(workspace));
    findings.extend(engine(&resolved(&workspace.metadata)));
    findings
}

/// What each crate under `crates/` declares, of the workspace's own.
fn declared(workspace: &Workspace) -> Graph {
    let members: BTreeSet<&str> =
        workspace.metadata.workspace_packages().into_iter().map(|package| package.name.as_str()).collect();
    workspace
        .crates()
        .into_iter()
        .map(|package| {
            let uses = package
                .dependencies
                .iter()
                .filter(|dependency| dependency.kind != DependencyKind::Development)
                .map(|dependency| dependency.name.as_str())
                .filter(|name| members.contains(name))
                .map(str::to_owned);
            (package.name.to_string(), uses.collect())
        })
        .collect()
}

/// What each package is built from, as cargo resolved it for the whole workspace.
fn resolved(metadata: &Metadata) -> Graph {
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let name = |id: &PackageId| names.get(id).copied().unwrap_or_default().to_owned();
    let mut graph = Graph::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let uses = node
            .deps
            .iter()
            .filter(|dep| {
                let kinds = &dep.dep_kinds;
                kinds.iter().any(|k| k.kind != DependencyKind::Development)
            })
            .map(|dep| name(&dep.pkg));
        graph.entry(name(&node.id)).or_default().extend(uses);
    }
    graph
}

fn arrows(declared: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, uses) in declared {
        let place = format!("crates/{from}/Cargo.toml");
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == from) else {
            findings.push(Finding {
                place,
                rule: RULE,
                wrong: format!("the crate {from} is not in the table of allowed arrows"),
                fix: "add it to ALLOWED in crates/xtask/src/check/arrows.rs and to \
                      docs/ARCHITECTURE.md"
                    .to_owned(),
            });
            continue;
        };
        for to in uses.iter().filter(|to| !allowed.contains(&to.as_str())) {
            findings.push(Finding {
                place: place.clone(),
                rule: RULE,
                wrong: format!("{from} depends on {to}, which is not an allowed arrow"),
                fix: "move what is shared into a crate that both may use, or let the user of both \
                      put them together; a development dependency is allowed"
                    .to_owned(),
            });
        }
    }
    findings
}

fn engine(resolved: &Graph) -> Vec<Finding> {
    let chains = chains(resolved, ENGINE);
    NEVER_IN_THE_ENGINE
        .iter()
        .filter_map(|forbidden| chains.get(*forbidden))
        .map(|chain| Finding {
            place: format!("crates/{ENGINE}/Cargo.toml"),
            rule: RULE,
            wrong: format!("{ENGINE} is built from a library it must not know: {}", chain.join(" -> ")),
            fix: "what needs it belongs into the crate of an exporter or an integration".to_owned(),
        })
        .collect()
}

/// Everything reachable from `start`, with the shortest chain that leads there.
fn chains(graph: &Graph, start: &str) -> BTreeMap<String, Vec<String>> {
    let mut chains = BTreeMap::from([(start.to_owned(), vec![start.to_owned()])]);
    let mut next = std::collections::VecDeque::from([start.to_owned()]);
    while let Some(name) = next.pop_front() {
        let chain = chains.get(&name).cloned().unwrap_or_default();
        for to in graph.get(&name).into_iter().flatten() {
            if !chains.contains_key(to) {
                let longer = chain.iter().chain([to]).cloned().collect();
                chains.insert(to.clone(), longer);
                next.push_back(to.clone());
            }
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &[&str])]) -> Graph {
        arrows
            .iter()
            .map(|(from, to)| {
                let to = to.iter().map(|name| (*name).to_owned()).collect();
                ((*from).to_owned(), to)
            })
            .collect()
    }

    #[test]
    fn allowed_arrows_give_no_finding() {
        let declared = graph(&[
            ("tachograph", &["tachograph-prometheus", "tachograph-sdk"]),
            ("tachograph-bridge-prometheus", &["tachograph-sdk"]),
            ("tachograph-bridge-prometheus-client", &["tachograph-sdk"]),
            ("tachograph-metrics", &["tachograph-sdk"]),
            ("tachograph-prometheus", &["tachograph-sdk"]),
            ("tachograph-sdk", &["tachograph-macros"]),
        ]);
        assert_eq!(arrows(&declared), []);
    }

    #[test]
    fn an_exporter_that_knows_another_exporter_is_found() {
        let findings = arrows(&graph(&[("tachograph-prometheus", &["tachograph-otlp", "tachograph-sdk"])]));
        assert_eq!(findings.len(), 1);
        let text = findings[0].to_string();
        assert!(text.contains("depends on tachograph-otlp"), "{text}");
        assert!(text.contains("crates/tachograph-prometheus/Cargo.toml"), "{text}");
    }

    #[test]
    fn nothing_may_depend_on_the_facade() {
        for (from, _) in ALLOWED {
            assert_eq!(arrows(&graph(&[(from, &["tachograph"])])).len(), 1, "{from}");
        }
    }

    #[test]
    fn a_crate_nobody_thought_of_is_found() {
        let findings = arrows(&graph(&[("tachograph-new", &[])]));
        assert!(findings[0].wrong.contains("not in the table"));
    }

    #[test]
    fn a_library_deep_below_the_engine_is_found_with_the_way_to_it() {
        let resolved = graph(&[
            ("tachograph-sdk", &["opentelemetry", "tracing"]),
            ("opentelemetry", &["something"]),
            ("something", &["tokio"]),
            ("tracing", &[]),
        ]);
        let findings = engine(&resolved);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].wrong.ends_with("tachograph-sdk -> opentelemetry -> something -> tokio"));
    }

    #[test]
    fn what_others_are_built_from_is_no_matter_of_the_engines() {
        let resolved =
            graph(&[("tachograph", &["tachograph-sdk", "axum"]), ("tachograph-sdk", &["opentelemetry"])]);
        assert_eq!(engine(&resolved), []);
    }
}
