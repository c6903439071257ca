//! Case conversion, for `rename_all` and for a variant's default text.
//!
//! A name is cut into words, and the words are put together anew. Words end at an underscore, before
//! an upper-case letter that follows a lower-case letter or a digit, and before the last letter of a
//! run of upper-case letters when a lower-case letter follows it. So an acronym is one word, and
//! digits belong to the word before them: `HTTPServer2Go` is `http`, `server2`, `go`.

/// How the words of a name are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// Every case under the name that `rename_all` knows it by; the names are serde's.
const NAMES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// The case that `rename_all` calls `name`.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, case)| *case)
    }

    /// The names of all cases, for a message.
    pub(crate) fn names() -> String {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    }

    /// Writes `name` in this case. A name without words (`__`) stays as it is.
    pub(crate) fn apply(self, name: &str) -> String {
        let words = words(name);
        if words.is_empty() {
            return name.to_owned();
        }
        let (separator, first, rest): (&str, Style, Style) = match self {
            Case::Lower => ("", lower, lower),
            Case::Upper => ("", upper, upper),
            Case::Pascal => ("", capitalised, capitalised),
            Case::Camel => ("", lower, capitalised),
            Case::Snake => ("_", lower, lower),
            Case::ScreamingSnake => ("_", upper, upper),
            Case::Kebab => ("-", lower, lower),
            Case::ScreamingKebab => ("-", upper, upper),
        };
        let styled: Vec<_> = words
            .iter()
            .enumerate()
            .map(|(position, word)| if position == 0 { first(word) } else { rest(word) })
            .collect();
        styled.join(separator)
    }
}

/// How one word is written.
type Style = fn(&str) -> String;

fn lower(word: &str) -> String {
    word.to_lowercase()
}

fn upper(word: &str) -> String {
    word.to_uppercase()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

/// Cuts a name into its words, by the rule at the top of this file.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split('_') {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (position, &letter) in letters.iter().enumerate() {
            let before = position.checked_sub(1).map(|position| letters[position]);
            let after = letters.get(position + 1);
            let starts_a_word = letter.is_uppercase()
                && before.is_some_and(|before| {
                    !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
                });
            if starts_a_word {
                words.push(std::mem::take(&mut word));
            }
            word.push(letter);
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snake(name: &str) -> String {
        Case::Snake.apply(name)
    }

    #[test]
    fn a_word_begins_at_each_capital() {
        assert_eq!(snake("Web"), "web");
        assert_eq!(snake("WebShop"), "web_shop");
        assert_eq!(snake("ACase"), "a_case");
        assert_eq!(snake("PointOfSale"), "point_of_sale");
    }

    #[test]
    fn an_acronym_is_one_word() {
        assert_eq!(snake("HTTP"), "http");
        assert_eq!(snake("HTTPServer"), "http_server");
        assert_eq!(snake("ParseJSON"), "parse_json");
        assert_eq!(snake("MyHTTPServer"), "my_http_server");
    }

    #[test]
    fn digits_belong_to_the_word_before_them() {
        assert_eq!(snake("Http2"), "http2");
        assert_eq!(snake("UsEast1"), "us_east1");
        assert_eq!(snake("V1Beta"), "v1_beta");
        assert_eq!(snake("EU1"), "eu1");
        assert_eq!(snake("A2B"), "a2_b");
    }

    #[test]
    fn underscores_separate_words_and_vanish_at_the_ends() {
        assert_eq!(snake("Us_East_1"), "us_east_1");
        assert_eq!(snake("_Other"), "other");
        assert_eq!(snake("a__b_"), "a_b");
        assert_eq!(snake("http_route"), "http_route");
    }

    #[test]
    fn a_name_of_underscores_alone_stays_as_it_is() {
        assert_eq!(snake("__"), "__");
    }

    #[test]
    fn letters_beyond_ascii_have_cases_too() {
        assert_eq!(snake("GrößeÄndern"), "größe_ändern");
        assert_eq!(Case::Upper.apply("größe"), "GRÖSSE");
        assert_eq!(snake("漢字"), "漢字");
    }

    #[test]
    fn every_case_writes_a_variant_and_a_field_alike() {
        for name in ["WebShopEU", "web_shop_eu", "webShopEu", "WEB_SHOP_EU"] {
            let all: Vec<_> = NAMES.iter().map(|(_, case)| case.apply(name)).collect();
            assert_eq!(
                all,
                [
                    "webshopeu",
                    "WEBSHOPEU",
                    "WebShopEu",
                    "webShopEu",
                    "web_shop_eu",
                    "WEB_SHOP_EU",
                    "web-shop-eu",
                    "WEB-SHOP-EU"
                ],
                "from {name}"
            );
        }
    }

    #[test]
    fn a_case_applied_twice_changes_nothing_more() {
        for (name, case) in NAMES {
            // Those without a separator lose where the words were, but for those that capitalise.
            for word in ["WebShop", "http_route", "Http2Go", "ÄÖ"] {
                let once = case.apply(word);
                if name.contains('-') {
                    continue; // A hyphen is not a character of a name.
                }
                assert_eq!(case.apply(&once), once, "{name} of {word}");
            }
        }
    }

    #[test]
    fn a_case_is_found_by_its_own_spelling() {
        for (name, case) in NAMES {
            assert_eq!(Case::by_name(name), Some(case));
        }
        assert_eq!(Case::by_name("Snake_Case"), None);
        assert!(Case::names().starts_with("`lowercase`, `UPPERCASE`"));
    }
}
