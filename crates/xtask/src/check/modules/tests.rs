//! Small crates, written as files in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{cycles, resolve, tree};

/// The circles of a crate, each as the modules on it.
fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files: BTreeMap<PathBuf, &str> =
        files.iter().map(|(name, text)| (PathBuf::from("src").join(name), *text)).collect();
    let read = |file: &Path| files.get(file).map(|text| (*text).to_owned());
    let tree = tree::load(Path::new("src/lib.rs"), &read);
    cycles::find(&resolve::edges(&tree))
        .into_iter()
        .map(|cycle| cycle.into_iter().map(|edge| edge.from).collect())
        .collect()
}

const NONE: [Vec<String>; 0] = [];

#[test]
fn siblings_that_import_each_other_are_a_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use super::a::A; pub struct B;"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn a_circle_of_three_is_found_and_a_line_is_not() {
    let line = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ];
    assert_eq!(circles(&line), NONE);
    let mut circle = line;
    circle[3] = ("c.rs", "pub struct C; fn f() { crate::a::g() }");
    assert_eq!(circles(&circle), [["crate::a", "crate::b", "crate::c"]]);
}

#[test]
fn a_circle_between_folders_is_found_though_their_files_have_none() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x.rs", "use crate::b::x::X;"),
        ("a/y.rs", "pub struct Y;"),
        ("b/mod.rs", "mod x; mod y;"),
        ("b/x.rs", "pub struct X;"),
        ("b/y.rs", "use crate::a::y::Y;"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn a_circle_inside_a_folder_is_found() {
    let found = circles(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x.rs", "use super::y::Y; pub struct X;"),
        ("a/y.rs", "use crate::a::x; pub struct Y;"),
    ]);
    assert_eq!(found, [["crate::a::x", "crate::a::y"]]);
}

#[test]
fn a_parent_that_re_exports_its_children_is_no_circle() {
    let found = circles(&[
        ("lib.rs", "mod a; pub use a::{x::X, Helper};"),
        ("a.rs", "pub mod x; pub use self::x::X; pub struct Helper;"),
        ("a/x.rs", "use super::Helper; pub struct X;"),
    ]);
    assert_eq!(found, NONE);
}

#[test]
fn a_name_re_exported_by_the_root_belongs_to_where_it_is_defined() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B as Bee;"),
        ("a.rs", "use crate::Bee; pub struct A;"),
        ("b.rs", "use crate::A; pub struct B;"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn a_name_from_a_glob_belongs_to_where_it_is_defined() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::*; pub use b::*;"),
        ("a.rs", "use crate::B; pub struct A;"),
        ("b.rs", "use crate::A; pub enum B {}"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn paths_in_code_and_in_macro_calls_are_seen() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "fn f() -> impl Fn() { vec![Some(crate::b::g::<u8>())] }"),
        ("b.rs", "impl X for super::a::A { fn x(&self) {} }"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn every_branch_of_a_use_tree_is_seen() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::{self, B}, c::C as D};"),
        ("b.rs", "use crate::c::*; pub struct B;"),
        ("c.rs", "use super::{a as first};"),
    ]);
    let through_b = ["crate::b", "crate::c", "crate::a"];
    assert_eq!(found, [["crate::a", "crate::c"].as_slice(), &through_b]);
}

#[test]
fn tests_may_import_what_they_like() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; #[cfg(test)] mod tests;"),
        ("a/tests.rs", "use crate::a::A;"),
        (
            "b.rs",
            "pub struct B;
             #[cfg(test)] use crate::a::{A};
             #[cfg(all(test, loom))] #[allow(x)] mod loom_tests { use crate::a::A; }
             #[cfg(test)] fn f() -> u8 { crate::a::g() }
             #[cfg(test)] static S: A = A { x: crate::a::X };",
        ),
    ]);
    assert_eq!(found, NONE);
}

#[test]
fn what_follows_a_test_item_is_seen_again() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "#[cfg(test)] mod tests { } use crate::b::B;"),
        ("b.rs", "#[cfg(not(test))] use crate::a::A;"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn comments_strings_visibility_and_other_crates_are_no_dependency() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod http;"),
        ("a.rs", "use crate::b::B; use http::Request; use ::http::Response;"),
        (
            "b.rs",
            "//! [`crate::a::A`]
             pub(in crate::a) struct B; // crate::a
             const S: &str = \"crate::a\";
             fn f(self) -> impl X + use<'a> { self }",
        ),
        ("http.rs", "use crate::a::A;"),
    ]);
    assert_eq!(found, NONE);
}

#[test]
fn modules_written_in_place_count_too() {
    let found = circles(&[(
        "lib.rs",
        "mod a { use super::b::B; pub struct A; } mod b { use super::a::A; pub struct B; }",
    )]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn a_file_named_by_an_attribute_is_read() {
    let found = circles(&[
        ("lib.rs", "#[path = \"other.rs\"] mod a; mod b;"),
        ("other.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::A;"),
    ]);
    assert_eq!(found, [["crate::a", "crate::b"]]);
}

#[test]
fn re_exports_in_a_circle_do_not_hang() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; pub use a::X; pub use b::*;"),
        ("a.rs", "pub use crate::b::X; use crate::Y;"),
        ("b.rs", "pub use crate::*;"),
    ]);
    // `b` re-exports everything and uses nothing by name.
    assert_eq!(found, NONE);
}
