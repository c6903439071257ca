//! What is worked out once for each callsite.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use tracing::Metadata;

use crate::special;

/// A power of two.
const LATELY: usize = 64;

/// What is known of a callsite of spans.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Site {
    /// The address of its metadata, which is static and so is its name.
    address: usize,
    /// Under which the metadata is found again: a slot keeps it in an atomic.
    pub(crate) index: u32,
    /// Whether there are fields at all.
    pub(crate) fields: bool,
    /// Whether there may be special ones among them.
    pub(crate) special: bool,
}

/// All callsites that made spans. There are as many as the program has, and no more.
static SITES: RwLock<Sites> = RwLock::new(Sites { list: Vec::new(), by_address: None });

struct Sites {
    list: Vec<&'static Metadata<'static>>,
    by_address: Option<HashMap<usize, Site>>,
}

thread_local! {
    static KNOWN: [Cell<Site>; LATELY] =
        const { [const { Cell::new(Site { address: 0, index: 0, fields: false, special: false }) }; LATELY] };
}

impl Site {
    #[inline]
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> Self {
        let address = std::ptr::from_ref(metadata).addr();
        let place = (address >> 4 ^ address >> 10) % LATELY;
        match KNOWN.try_with(|known| known[place].get()) {
            Ok(site) if site.address == address => site,
            _ => look_up(metadata, address, place),
        }
    }
}

#[cold]
fn look_up(metadata: &'static Metadata<'static>, address: usize, place: usize) -> Site {
    let mut sites = SITES.write().unwrap_or_else(PoisonError::into_inner);
    let Sites { list, by_address } = &mut *sites;
    let site = *by_address.get_or_insert_default().entry(address).or_insert_with(|| {
        list.push(metadata);
        Site {
            address,
            index: (list.len() - 1) as u32,
            fields: !metadata.fields().is_empty(),
            special: special::may_have(metadata),
        }
    });
    let _ = KNOWN.try_with(|known| known[place].set(site));
    site
}

/// The metadata of a callsite that made a span.
pub(crate) fn metadata(index: u32) -> Option<&'static Metadata<'static>> {
    SITES.read().unwrap_or_else(PoisonError::into_inner).list.get(index as usize).copied()
}
