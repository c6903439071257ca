//! What is worked out once for each callsite.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

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

/// What is known of a callsite of spans: flags, and the number under which its metadata is found again. A slot
/// keeps it in an atomic.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Site(u32);

/// All callsites that made spans. There are as many as the program has, and no more.
static SITES: RwLock<Sites> = RwLock::new(Sites { list: Vec::new(), by_address: None });

struct Sites {
    list: Vec<&'static Metadata<'static>>,
    /// By the address of the metadata, which is static.
    by_address: Option<HashMap<usize, Site>>,
}

thread_local! {
    /// Looked up lately, by address.
    static KNOWN: [Cell<(usize, Site)>; LATELY] = const { [const { Cell::new((0, Site(0))) }; LATELY] };
}

impl Site {
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = std::ptr::from_ref(metadata).addr();
        let place = (address >> 4 ^ address >> 10) % LATELY;
        match KNOWN.try_with(|known| known[place].get()) {
            Ok((known, site)) if known == address => site,
            _ => look_up(metadata, address, place),
        }
    }

    /// One that a slot has kept.
    pub(crate) fn kept(bits: u32) -> Self {
        Site(bits)
    }

    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// Whether there are fields at all.
    #[inline]
    pub(crate) fn has_fields(self) -> bool {
        self.0 & FIELDS != 0
    }

    /// Whether there may be special fields.
    #[inline]
    pub(crate) fn may_be_special(self) -> bool {
        self.0 & SPECIAL != 0
    }

    /// Whether all fields have names of their own.
    #[inline]
    pub(crate) fn has_distinct_fields(self) -> bool {
        self.0 & DISTINCT != 0
    }

    /// The metadata, of a callsite that made a span.
    pub(crate) fn metadata(self) -> Option<&'static Metadata<'static>> {
        let index = (self.0 & !(FIELDS | SPECIAL | DISTINCT)) as usize;
        SITES.read().unwrap_or_else(PoisonError::into_inner).list.get(index).copied()
    }
}

#[cold]
fn look_up(metadata: &'static Metadata<'static>, address: usize, place: usize) -> Site {
    let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
    let Sites { list, by_address } = &mut *sites;
    let site = *by_address.get_or_insert_default().entry(address).or_insert_with(|| {
        list.push(metadata);
        let fields = if metadata.fields().is_empty() { 0 } else { FIELDS };
        let special = if special::may_have(metadata) { SPECIAL } else { 0 };
        let distinct = if has_distinct_fields(metadata) { DISTINCT } else { 0 };
        Site((list.len() - 1) as u32 | fields | special | distinct)
    });
    let _ = KNOWN.try_with(|known| known[place].set((address, site)));
    site
}

fn has_distinct_fields(metadata: &Metadata<'_>) -> bool {
    let mut names: Vec<_> = metadata.fields().iter().map(|field| field.name()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
}
