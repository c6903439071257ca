//! A strict reader of the text formats, written from their specifications and knowing nothing of the
//! encoder. It refuses more than the servers do.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tachograph_prometheus::{EscapingScheme, Exposition, Format};

/// A sample: its name, its labels, and its value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: String,
    pub(crate) exemplar: Option<Exemplar>,
}

/// What stands behind a sample's value: labels, value, and seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: String,
    pub(crate) seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// Reads a page, or says what is wrong with it and where.
pub(crate) fn check(page: &str, exposition: impl Into<Exposition>) -> Result<Vec<Family>, String> {
    let exposition = exposition.into();
    let format = exposition.format();
    let body = match format {
        Format::OpenMetrics100 => page.strip_suffix("# EOF\n").ok_or("no EOF at the end")?,
        _ => page,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.split_terminator('\n') {
        read_line(line, exposition, &mut families).map_err(|error| format!("{error}: {line:?}"))?;
    }
    for family in &families {
        check_family(family, format).map_err(|error| format!("{error} in family {:?}", family.name))?;
    }
    check_names(&families, format)?;
    check_series(&families)?;
    Ok(families)
}

fn read_line(line: &str, exposition: Exposition, families: &mut Vec<Family>) -> Result<(), String> {
    let format = exposition.format();
    let quotes = exposition.escaping() == EscapingScheme::AllowUtf8;
    let Some(comment) = line.strip_prefix("# ") else {
        let sample = read_sample(line, quotes)?;
        let family = families.last_mut().ok_or("a sample before any TYPE")?;
        family.samples.push(sample);
        return Ok(());
    };
    let (keyword, rest) = comment.split_once(' ').ok_or("a comment that is none of the format's")?;
    let (name, rest) = read_name(rest, " ", true, quotes)?;
    let text = rest.strip_prefix(' ').ok_or("a comment that is none of the format's")?;
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Family { name: name.to_owned(), ..Family::default() });
    }
    let family = families.last_mut().ok_or("no family")?;
    if !family.samples.is_empty() {
        return Err("a comment after the family's samples".to_owned());
    }
    let is_open_metrics = format == Format::OpenMetrics100;
    match keyword {
        "TYPE" if family.kind.is_empty() => family.kind = text.to_owned(),
        "UNIT" if is_open_metrics && family.unit.is_none() && family.help.is_none() => {
            family.unit = Some(text.to_owned());
        }
        "HELP" if family.help.is_none() => family.help = Some(unescape(text, is_open_metrics)?),
        _ => return Err("a comment twice, out of order or not of the format".to_owned()),
    }
    match (format, keyword) {
        // The order that each format asks for or is used to.
        (Format::OpenMetrics100, "UNIT" | "HELP") if family.kind.is_empty() => {
            Err("TYPE does not come first".to_owned())
        }
        (Format::Text004, "HELP") if !family.kind.is_empty() => Err("HELP after TYPE".to_owned()),
        _ => Ok(()),
    }
}

fn check_name(name: &str, colon: bool) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(legal) {
        return Err(format!("{name:?} is not a name"));
    }
    Ok(())
}

fn unescape(text: &str, quote: bool) -> Result<String, String> {
    let mut read = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => read.push('\\'),
                Some('n') => read.push('\n'),
                Some('"') if quote => read.push('"'),
                other => return Err(format!("an escape that there is not: {other:?}")),
            },
            '"' if quote => return Err("a quote that is not escaped".to_owned()),
            c => read.push(c),
        }
    }
    Ok(read)
}

/// A name up to one of some characters, or in quotes where that is allowed and needed; and what follows.
fn read_name<'a>(text: &'a str, ends: &str, colon: bool, quotes: bool) -> Result<(String, &'a str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c| ends.contains(c)).unwrap_or(text.len());
        check_name(&text[..end], colon)?;
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let end = closing_quote(quoted).ok_or("a name without end")?;
    let name = unescape(&quoted[..end], true)?;
    if !quotes {
        return Err(format!("{name:?} in quotes, which nobody asked for"));
    }
    if name.is_empty() || check_name(&name, colon).is_ok() {
        return Err(format!("{name:?} needs no quotes, or is none"));
    }
    Ok((name, &quoted[end + 1..]))
}

fn read_sample(line: &str, quotes: bool) -> Result<Sample, String> {
    let (name, labels, rest) = if let Some(inside) = line.strip_prefix('{') {
        let (name, rest) = read_name(inside, ",}", true, true)?;
        if !inside.starts_with('"') || !quotes {
            return Err("a name inside of the braces".to_owned());
        }
        match rest.strip_prefix(',') {
            Some(labels) => {
                let (labels, rest) = read_labels(labels, quotes)?;
                (name, labels, rest)
            }
            None => (name, BTreeMap::new(), rest.strip_prefix('}').ok_or("braces without end")?),
        }
    } else {
        let (name, rest) = read_name(line, "{ ", true, false)?;
        match rest.strip_prefix('{') {
            Some(labels) => {
                let (labels, rest) = read_labels(labels, quotes)?;
                (name, labels, rest)
            }
            None => (name, BTreeMap::new(), rest),
        }
    };
    let rest = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(read_exemplar(exemplar, quotes)?)),
        None => (rest, None),
    };
    if value.contains(' ') {
        return Err("more than a value".to_owned());
    }
    Ok(Sample { name, labels, value: value.to_owned(), exemplar })
}

/// Labels after the opening brace, and what follows the closing one.
fn read_labels(text: &str, quotes: bool) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    loop {
        let (label, after) = read_name(rest, "=", false, quotes)?;
        let after = after.strip_prefix("=\"").ok_or("a label without value")?;
        let end = closing_quote(after).ok_or("a value without end")?;
        let value = unescape(&after[..end], true)?;
        if value.is_empty() {
            return Err(format!("label {label:?} is empty, which is the same as none"));
        }
        if label.starts_with("__") {
            return Err(format!("label {label:?} is the server's"));
        }
        if labels.insert(label.clone(), value).is_some() {
            return Err(format!("label {label:?} twice"));
        }
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => break,
        }
    }
    Ok((labels, rest.strip_prefix('}').ok_or("labels without end")?))
}

fn read_exemplar(text: &str, quotes: bool) -> Result<Exemplar, String> {
    let text = text.strip_prefix('{').ok_or("an exemplar without labels")?;
    let (labels, rest) = match text.strip_prefix('}') {
        Some(rest) => (BTreeMap::new(), rest),
        None => read_labels(text, quotes)?,
    };
    let points = |text: &String| text.chars().count();
    if labels.iter().map(|(name, value)| points(name) + points(value)).sum::<usize>() > 128 {
        return Err("an exemplar of more than 128 code points".to_owned());
    }
    let mut parts = rest.strip_prefix(' ').ok_or("no blank before an exemplar's value")?.split(' ');
    let (Some(value), Some(seconds), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("an exemplar that is not value and time".to_owned());
    };
    read_number(value, Format::OpenMetrics100)?;
    let seconds = seconds.parse().map_err(|_| "an exemplar's time that is no number")?;
    Ok(Exemplar { labels, value: value.to_owned(), seconds })
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// Whether a number is written as the formats' canonical floats are, or as an integer.
fn read_number(text: &str, format: Format) -> Result<f64, String> {
    let value = match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => text.parse::<f64>().map_err(|_| format!("{text:?} is not a number"))?,
    };
    let is_integer = text.parse::<i128>().is_ok();
    // Of two shortest texts that read back alike either is right: the layout is compared, not the digits.
    let layout = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
    if !is_integer && value.is_finite() && layout(text) != layout(&canonical(value, format)) {
        return Err(format!("{text:?} is not the canonical {:?}", canonical(value, format)));
    }
    Ok(value)
}

/// The canonical form, by way of the standard library's shortest exponent form.
fn canonical(value: f64, format: Format) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("a number");
    if (-4..6).contains(&exponent) {
        match (format, value.fract() == 0.0) {
            (Format::OpenMetrics100, true) => format!("{value:.1}"),
            _ => format!("{value}"),
        }
    } else {
        format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

fn check_family(family: &Family, format: Format) -> Result<(), String> {
    if family.samples.is_empty() {
        return Err("comments without samples".to_owned());
    }
    if let Some(unit) = &family.unit
        && !family.name.ends_with(&format!("_{unit}"))
    {
        return Err(format!("unit {unit:?} is not a suffix"));
    }
    let is_open_metrics = format == Format::OpenMetrics100;
    let suffixes: &[&str] = match &*family.kind {
        "counter" if is_open_metrics => &["_total", "_created"],
        "counter" => &[""],
        "gauge" => &[""],
        "histogram" if is_open_metrics => &["_bucket", "_sum", "_count", "_created"],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" if is_open_metrics => &["_info"],
        "unknown" if is_open_metrics => &[""],
        other => return Err(format!("type {other:?} is not of the format")),
    };
    for sample in &family.samples {
        let suffix = sample
            .name
            .strip_prefix(&family.name)
            .ok_or(format!("sample {:?} of another name", sample.name))?;
        if !suffixes.contains(&suffix) {
            return Err(format!("sample {:?} of another type", sample.name));
        }
        let may_have_exemplar = is_open_metrics && ["_total", "_bucket"].contains(&suffix);
        if sample.exemplar.is_some() && !may_have_exemplar {
            return Err(format!("an exemplar where there is none: {sample:?}"));
        }
        if suffix == "_created" {
            sample.value.parse::<f64>().map_err(|_| "a time that is no number")?;
            continue;
        }
        let value = read_number(&sample.value, format)?;
        let never_falls = family.kind == "counter" || ["_bucket", "_count"].contains(&suffix);
        if (never_falls || (is_open_metrics && suffix == "_sum")) && (value.is_nan() || value < 0.0) {
            return Err(format!("a counter that is negative or not a number: {sample:?}"));
        }
        if family.kind == "info" && sample.value != "1" {
            return Err("an info that is not 1".to_owned());
        }
    }
    if family.kind == "histogram" {
        check_histograms(family, format)?;
    }
    Ok(())
}

/// The samples of one histogram series stand together: buckets in ascending order, then sum and count.
fn check_histograms(family: &Family, format: Format) -> Result<(), String> {
    let without_le = |sample: &Sample| {
        let mut labels = sample.labels.clone();
        labels.remove("le");
        labels
    };
    let mut seen = HashSet::new();
    for series in family.samples.chunk_by(|a, b| without_le(a) == without_le(b)) {
        let labels = without_le(&series[0]);
        if !seen.insert(labels.clone()) {
            return Err(format!("series {labels:?} is not in one piece"));
        }
        let samples =
            series.iter().filter(|sample| sample.name.strip_prefix(&family.name) != Some("_created"));
        let (buckets, rest): (Vec<_>, Vec<_>) =
            samples.partition(|sample| sample.name.strip_prefix(&family.name) == Some("_bucket"));
        let mut last = (f64::NEG_INFINITY, 0_u64);
        let mut has_negative = false;
        for bucket in &buckets {
            let le = bucket.labels.get("le").ok_or("a bucket without le")?;
            let bound = read_number(le, format)?;
            if format == Format::OpenMetrics100 && le != "+Inf" && !le.contains(['.', 'e']) {
                return Err(format!("le {le:?} is not canonical"));
            }
            let count = bucket.value.parse::<u64>().map_err(|_| "a count that is not whole")?;
            if bound <= last.0 || count < last.1 {
                return Err(format!("buckets do not ascend: {bucket:?}"));
            }
            has_negative |= bound < 0.0;
            last = (bound, count);
        }
        if last.0 != f64::INFINITY {
            return Err("no infinite bucket".to_owned());
        }
        match &*rest {
            [sum, count] if sum.name.ends_with("_sum") && count.name.ends_with("_count") => {
                if count.value != last.1.to_string() {
                    return Err("the count is not the infinite bucket's".to_owned());
                }
                if format == Format::OpenMetrics100 && has_negative {
                    return Err("a sum beside negative buckets".to_owned());
                }
            }
            [] if format == Format::OpenMetrics100 => {}
            _ => return Err(format!("sum and count do not follow: {rest:?}")),
        }
    }
    Ok(())
}

/// No family stands twice, and in OpenMetrics none is called what another's sample could be.
fn check_names(families: &[Family], format: Format) -> Result<(), String> {
    let mut taken: HashMap<String, &str> = HashMap::new();
    for family in families {
        let suffixes: &[&str] = match (format, &*family.kind) {
            (Format::OpenMetrics100, "counter") => &["", "_total", "_created"],
            (Format::OpenMetrics100, "info") => &["", "_info"],
            (_, "histogram") => &["", "_bucket", "_sum", "_count", "_created"],
            _ => &[""],
        };
        for suffix in suffixes {
            if let Some(other) = taken.insert(format!("{}{suffix}", family.name), &family.name) {
                return Err(format!("{}{suffix} is of {} and of {other}", family.name, family.name));
            }
        }
    }
    Ok(())
}

fn check_series(families: &[Family]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for sample in families.iter().flat_map(|family| &family.samples) {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("a series twice: {sample:?}"));
        }
    }
    Ok(())
}
