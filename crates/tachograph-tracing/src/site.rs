//! What is worked out once for each callsite.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tachograph_sdk::trace::AttributeKey;
use tracing::Metadata;

use crate::special;

/// A power of two.
const LATELY: usize = 64;

/// There are fields.
const FIELDS: u32 = 1 << 31;
/// There may be special ones among them.
const SPECIAL: u32 = 1 << 30;
/// No two fields have one name.
const DISTINCT: u32 = 1 << 29;

/// What is known of a callsite of spans. It is never freed: there are as many as the program has, and no more.
#[derive(Debug)]
struct Known {
    metadata: &'static Metadata<'static>,
    /// Flags, and the number under which it is found again.
    bits: u32,
    /// The fields' names, as the engine records them.
    keys: Box<[AttributeKey]>,
}

/// A callsite of spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site(&'static Known);

/// All callsites that made spans.
static SITES: RwLock<Sites> = RwLock::new(Sites { list: Vec::new(), by_address: None });

struct Sites {
    list: Vec<Site>,
    /// By the address of the metadata, which is static.
    by_address: Option<HashMap<usize, Site>>,
}

thread_local! {
    /// Looked up lately, by address.
    static LATEST: [Cell<Option<Site>>; LATELY] = const { [const { Cell::new(None) }; LATELY] };
}

impl Site {
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = std::ptr::from_ref(metadata).addr();
        let place = (address >> 4 ^ address >> 10) % LATELY;
        match LATEST.try_with(|latest| latest[place].get()) {
            Ok(Some(site)) if std::ptr::eq(site.0.metadata, metadata) => site,
            _ => look_up(metadata, address, place),
        }
    }

    /// One whose bits a slot has kept.
    pub(crate) fn kept(bits: u32) -> Option<Self> {
        let index = (bits & !(FIELDS | SPECIAL | DISTINCT)) as usize;
        SITES.read().unwrap_or_else(PoisonError::into_inner).list.get(index).copied()
    }

    /// What a slot keeps, in an atomic.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.bits
    }

    /// Whether there are fields at all.
    #[inline]
    pub(crate) fn has_fields(self) -> bool {
        self.0.bits & FIELDS != 0
    }

    /// Whether there may be special fields.
    #[inline]
    pub(crate) fn may_be_special(self) -> bool {
        self.0.bits & SPECIAL != 0
    }

    /// The names of the fields, by index, if each has one of its own; otherwise nothing.
    #[inline]
    pub(crate) fn keys(self) -> &'static [AttributeKey] {
        if self.0.bits & DISTINCT != 0 { &self.0.keys } else { &[] }
    }

    pub(crate) fn metadata(self) -> &'static Metadata<'static> {
        self.0.metadata
    }
}

#[cold]
fn look_up(metadata: &'static Metadata<'static>, address: usize, place: usize) -> Site {
    let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
    let Sites { list, by_address } = &mut *sites;
    let site = *by_address.get_or_insert_default().entry(address).or_insert_with(|| {
        let fields = if metadata.fields().is_empty() { 0 } else { FIELDS };
        let special = if special::may_have(metadata) { SPECIAL } else { 0 };
        let distinct = if has_distinct_fields(metadata) { DISTINCT } else { 0 };
        let bits = list.len() as u32 | fields | special | distinct;
        let keys = metadata.fields().iter().map(|field| AttributeKey::new(field.name())).collect();
        let site = Site(Box::leak(Box::new(Known { metadata, bits, keys })));
        list.push(site);
        site
    });
    let _ = LATEST.try_with(|latest| latest[place].set(Some(site)));
    site
}

fn has_distinct_fields(metadata: &Metadata<'_>) -> bool {
    let mut names: Vec<_> = metadata.fields().iter().map(|field| field.name()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
}
