//! What one module says: its children, its items, its imports, the paths it names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path as written: `["super", "b", "X"]`.
pub(super) type Path = Vec<String>;

/// The contents of one module, without those of its children.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Children in files of their own: the name, and the file if an attribute names it.
    pub(super) files: Vec<(String, Option<String>)>,
    /// Children written in place.
    pub(super) inline: Vec<(String, Contents)>,
    /// Names of items defined here.
    pub(super) items: Vec<String>,
    /// Imports by name: the name here, and the path it stands for.
    pub(super) imports: Vec<(String, Path)>,
    /// Paths of glob imports.
    pub(super) globs: Vec<Path>,
    /// Every path named, with its line.
    pub(super) named: Vec<(Path, usize)>,
}

/// Keywords that a named item starts with; the name is the next word.
const ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

/// Words that stand between such a keyword and the name or another keyword.
const NOT_NAMES: [&str; 6] = ["fn", "unsafe", "extern", "async", "mut", "_"];

/// Reads a module's tokens.
pub(super) fn contents(tokens: TokenStream) -> Contents {
    let mut contents = Contents::default();
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    read(&tokens, true, &mut contents);
    contents
}

/// Reads tokens into `into`; `at_items` is whether items defined here are the module's own.
fn read(tokens: &[TokenTree], at_items: bool, into: &mut Contents) {
    let mut at = 0;
    let mut file_named = None;
    while let Some(token) = tokens.get(at) {
        if let Some((attribute, inner, next)) = attribute(tokens, at) {
            if is_for_tests(&attribute) {
                if inner {
                    return;
                }
                at = after_item(tokens, next);
            } else {
                file_named = named_file(&attribute).or(file_named);
                at = next;
            }
            continue;
        }
        let next = match token {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                let line = ident.span().start().line;
                read_word(&word, line, tokens, at, at_items, &mut file_named, into)
            }
            TokenTree::Group(group) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                read(&inside, false, into);
                at + 1
            }
            _ => at + 1,
        };
        at = next;
    }
}

/// Reads what starts with a word at `at`; returns where to go on.
fn read_word(
    word: &str,
    line: usize,
    tokens: &[TokenTree],
    at: usize,
    at_items: bool,
    file_named: &mut Option<String>,
    into: &mut Contents,
) -> usize {
    match word {
        // `use<'a>` in a bound is no import.
        "use" if !is_punct(tokens.get(at + 1), '<') => {
            let end = semicolon(tokens, at);
            let tree = tokens.get(at + 1..end).unwrap_or_default();
            read_use(tree, &Path::new(), line, at_items, into);
            end + 1
        }
        "mod" => match (ident(tokens.get(at + 1)), tokens.get(at + 2)) {
            (Some(name), Some(TokenTree::Group(body))) => {
                into.inline.push((name, contents(body.stream())));
                at + 3
            }
            (Some(name), _) => {
                into.files.push((name, file_named.take()));
                at + 3
            }
            _ => at + 1,
        },
        // `pub(crate)` and `pub(in crate::a)` say who may see it and use nothing.
        "pub" => match tokens.get(at + 1) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => at + 2,
            _ => at + 1,
        },
        "crate" | "self" | "super" => {
            let (path, next) = path(tokens, at);
            if path.len() > 1 {
                into.named.push((path, line));
            }
            next
        }
        _ => {
            if at_items && ITEMS.contains(&word) {
                let mut names = tokens.iter().skip(at + 1).take(2).map(|t| ident(Some(t)));
                let first = names.next().flatten();
                let name = match first.as_deref() {
                    Some("mut") => names.next().flatten(),
                    Some(other) if NOT_NAMES.contains(&other) => None,
                    _ => first,
                };
                into.items.extend(name);
            }
            at + 1
        }
    }
}

/// Reads a use tree whose enclosing path is `before`.
fn read_use(tree: &[TokenTree], before: &Path, line: usize, at_items: bool, into: &mut Contents) {
    // A leading `::` leads to another crate.
    if before.is_empty() && is_punct(tree.first(), ':') {
        return;
    }
    let mut whole = before.clone();
    let mut at = 0;
    while let Some(token) = tree.get(at) {
        match token {
            TokenTree::Ident(word) if word == "as" => {
                let alias = ident(tree.get(at + 1)).filter(|_| at_items);
                into.imports.extend(alias.map(|alias| (alias, whole.clone())));
                into.named.push((whole, line));
                return;
            }
            // `a::{self}` is `a`; `self::a` starts here.
            TokenTree::Ident(word) if word == "self" && !whole.is_empty() => {}
            TokenTree::Ident(word) => whole.push(word.to_string()),
            TokenTree::Group(group) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in inside.split(|token| is_punct(Some(token), ',')) {
                    let line = branch.first().map_or(line, |t| t.span().start().line);
                    if !branch.is_empty() {
                        read_use(branch, &whole, line, at_items, into);
                    }
                }
                return;
            }
            TokenTree::Punct(punct) if punct.as_char() == '*' => {
                if at_items {
                    into.globs.push(whole.clone());
                }
                into.named.push((whole, line));
                return;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(name) = whole.last().filter(|_| at_items) {
        into.imports.push((name.clone(), whole.clone()));
    }
    into.named.push((whole, line));
}

/// The path that starts at `at`, and where it ends.
fn path(tokens: &[TokenTree], mut at: usize) -> (Path, usize) {
    let mut path = Path::new();
    while let Some(word) = ident(tokens.get(at)) {
        path.push(word);
        at += 1;
        let goes_on = is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        if !goes_on || ident(tokens.get(at + 2)).is_none() {
            break;
        }
        at += 2;
    }
    (path, at)
}

/// An attribute at `at`: its tokens, whether it is an inner one, and where it ends.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(Vec<TokenTree>, bool, usize)> {
    if !is_punct(tokens.get(at), '#') {
        return None;
    }
    let inner = is_punct(tokens.get(at + 1), '!');
    let at = at + 1 + usize::from(inner);
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream().into_iter().collect(), inner, at + 1))
        }
        _ => None,
    }
}

/// `cfg(test)` or `cfg(all(…, test, …))`.
fn is_for_tests(attribute: &[TokenTree]) -> bool {
    match attribute {
        [TokenTree::Ident(name), TokenTree::Group(group)] if name == "cfg" => {
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            match inside.as_slice() {
                [TokenTree::Ident(word)] => word == "test",
                [TokenTree::Ident(word), TokenTree::Group(all)] if word == "all" => all
                    .stream()
                    .into_iter()
                    .any(|token| matches!(&token, TokenTree::Ident(word) if word == "test")),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The file of `path = "…"`.
fn named_file(attribute: &[TokenTree]) -> Option<String> {
    match attribute {
        [TokenTree::Ident(name), _, TokenTree::Literal(file)] if name == "path" => {
            Some(file.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

/// Where the item that starts at `at` ends.
fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some((_, _, next)) = attribute(tokens, at) {
        at = next;
    }
    // These may hold braces before their end.
    let to_semicolon = tokens
        .iter()
        .skip(at)
        .take(3)
        .any(|token| matches!(ident(Some(token)).as_deref(), Some("use" | "static" | "type" | "let")));
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !to_semicolon => {
                break;
            }
            _ => {}
        }
    }
    at
}

fn semicolon(tokens: &[TokenTree], from: usize) -> usize {
    let rest = tokens.iter().skip(from);
    from + rest.take_while(|t| !is_punct(Some(t), ';')).count()
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => {
            let word = ident.to_string();
            Some(word.strip_prefix("r#").unwrap_or(&word).to_owned())
        }
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}
