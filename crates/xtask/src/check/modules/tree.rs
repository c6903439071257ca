//! A crate's modules as its `mod` declarations build them up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as File, PathBuf};

use proc_macro2::TokenStream;

use super::scan::{self, Contents, Path};

/// A module's place in the crate: empty for the root, else the names from there.
pub(super) type Place = Vec<String>;

/// One module.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file its text is in.
    pub(super) file: PathBuf,
    /// Items it defines.
    pub(super) items: BTreeSet<String>,
    /// Names it imports or re-exports.
    pub(super) imports: BTreeMap<String, Path>,
    /// What it imports or re-exports all names of.
    pub(super) globs: Vec<Path>,
    /// Every path it names, with its line.
    pub(super) named: Vec<(Path, usize)>,
}

/// All modules of a crate.
pub(super) type Tree = BTreeMap<Place, Module>;

/// How a file is read; `None` where there is none.
pub(super) type Read<'a> = &'a dyn Fn(&File) -> Option<String>;

/// Reads the crate whose root file this is. What cannot be read or lexed is left out: the compiler
/// says that better.
pub(super) fn load(root: &File, read: Read<'_>) -> Tree {
    let mut tree = Tree::new();
    let folder = root.parent().unwrap_or(root).to_owned();
    add_file(&mut tree, Place::new(), root.to_owned(), folder, read);
    tree
}

/// Adds the module in this file; `folder` is where its children's files are.
fn add_file(tree: &mut Tree, place: Place, file: PathBuf, folder: PathBuf, read: Read<'_>) {
    let tokens = read(&file).and_then(|text| text.parse::<TokenStream>().ok());
    if let Some(tokens) = tokens {
        add(tree, place, scan::contents(tokens), &file, &folder, read);
    }
}

fn add(tree: &mut Tree, place: Place, contents: Contents, file: &File, folder: &File, read: Read<'_>) {
    let below = |name: &String| place.iter().chain([name]).cloned().collect::<Place>();
    for (name, inside) in contents.inline {
        let folder = folder.join(&name);
        add(tree, below(&name), inside, file, &folder, read);
    }
    for (name, named_file) in contents.files {
        let beside = folder.join(format!("{name}.rs"));
        let (child, children) = match named_file {
            Some(named) => {
                let child = file.parent().unwrap_or(file).join(named);
                let children = child.parent().unwrap_or(&child).to_owned();
                (child, children)
            }
            None if read(&beside).is_some() => (beside, folder.join(&name)),
            None => (folder.join(&name).join("mod.rs"), folder.join(&name)),
        };
        add_file(tree, below(&name), child, children, read);
    }
    let module = Module {
        file: file.to_owned(),
        items: contents.items.into_iter().collect(),
        imports: contents.imports.into_iter().collect(),
        globs: contents.globs,
        named: contents.named,
    };
    tree.insert(place, module);
}
