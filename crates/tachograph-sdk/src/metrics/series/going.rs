//! How series go, and how their places are taken by others.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use super::{Overflow, Series, SeriesTable};
use crate::attributes::{AttributeSet, Attributes};
use crate::cells::{self, Row};
use crate::metrics::exemplar::window;
use crate::metrics::vacancies::{Vacancies, held};
use crate::sync::lock;

impl SeriesTable {
    /// Removes the series of some attributes. Says whether it is gone; `false` if there is none, if a handle has pinned it, and for the
    /// overflow series.
    pub(crate) fn remove<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let vacancies = &self.rare.make().vacancies;
        let one_at_a_time = lock(&self.insert);
        let Some(id) = self.id_of(attributes).filter(|id| !self.is_overflow(*id)) else {
            return false;
        };
        self.make_room(None);
        if self.unlink(vacancies, id as u32).is_none() {
            return false;
        }
        self.hide_spellings(vacancies);
        self.count_departed(vacancies, id as u32);
        drop(one_at_a_time);
        self.vacate();
        true
    }

    /// The row of some attributes' series if they have one, or of the one they are folded into, which does not depart until it is
    /// unpinned.
    pub(crate) fn pinned_row<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<(Row, Overflow)> {
        let _nobody_departs = lock(&self.insert);
        let (id, overflow) = match self.id_of(attributes) {
            Some(id) => (id, Overflow::No),
            None => (self.folded_id_of(attributes)?, Overflow::Yes),
        };
        let row = self.get(id)?.row?;
        self.rare.make().vacancies.pin(row);
        Some((row, overflow))
    }

    /// Has a series depart after this collection, if it is idle until then.
    pub(crate) fn expire(&self, id: usize) {
        self.rare.make().vacancies.doom(id as u32);
        self.have_swept();
    }

    /// Notes what a collection observed, and so what it did not: that goes when it ends, if nobody needs it any more.
    pub(crate) fn note_observed(&self, values: &[Option<u64>], window: u64) {
        let len = self.len();
        // For most there is nothing to be noted, ever.
        if self.rare.get().is_none() && values.len() >= len && values.iter().all(Option::is_some) {
            return;
        }
        let mut unobserved = held(&self.rare.make().vacancies.unobserved);
        if unobserved.note(window, values, len, |id| self.is_overflow(id)) {
            self.have_swept();
        }
    }

    /// Empties the places of series that are not observed any more, if no collection is under way; else after the next.
    fn vacate_unobserved(&self, vacancies: &Vacancies, created_unix_nanos: u64) {
        let takers = &self.settings.takers;
        let mut store = lock(&self.insert);
        let left = self.settings.gate.alone(|| {
            let mut unobserved = held(&vacancies.unobserved);
            // A reader that remembers what it gave of a series has to see first that it is gone.
            let (go, rest): (Vec<_>, Vec<_>) =
                unobserved.all().partition(|(_, since)| takers.have_taken_since(since.saturating_sub(1)));
            for (id, _) in &go {
                let Some(series) = self.get(*id as usize) else { continue };
                // As it was shown: whoever knows it by its start is to know the next one from it.
                let start_unix_nanos = series.start_unix_nanos.max(created_unix_nanos);
                self.by_content.remove(series.hash(), *id);
                // SAFETY: no index leads here any more; callbacks, who look things up, and visitors are kept away by the gate.
                let gone = unsafe { self.series.replace(*id as usize, Series::none(start_unix_nanos)) };
                if let (Some(gone), Some(store)) = (gone, &mut *store) {
                    gone.attributes.leave(store);
                }
                unobserved.set_vacant(*id);
                held(&vacancies.vacant).push(*id);
                vacancies.gone.fetch_add(1, Ordering::Relaxed);
                self.make_room(Some(*id));
            }
            if !go.is_empty() {
                // SAFETY: likewise.
                unsafe { self.by_content.free_old_tables() };
                self.count_generation();
            }
            !rest.is_empty()
        });
        if left != Some(false) {
            self.have_swept();
        }
    }

    /// Has go what was to go, as far as it can; for the end of a collection.
    pub(crate) fn sweep(&self, created_unix_nanos: u64) {
        self.free_outgrown();
        if let Some(rare) = self.rare.get() {
            self.let_go(&rare.vacancies, created_unix_nanos);
        }
        // Places may have run out while a collection went on for long, though there was room under the limit; or the process's
        // cells, and who has given some back is not known here.
        if self.may_have_room_again() {
            let _one_at_a_time = lock(&self.insert);
            self.make_room(None);
        }
    }

    fn let_go(&self, vacancies: &Vacancies, created_unix_nanos: u64) {
        if self.is_observed() {
            return self.vacate_unobserved(vacancies, created_unix_nanos);
        }
        let mut doomed: Vec<u32> = held(&vacancies.doomed).drain().collect();
        if !doomed.is_empty() {
            doomed.sort_unstable();
            let _one_at_a_time = lock(&self.insert);
            self.depart_idle(vacancies, doomed);
        }
        self.vacate();
    }

    /// Frees tables that the indexes have outgrown, unless somebody may be reading them; else after the next collection.
    fn free_outgrown(&self) {
        // Callbacks look things up within no section; what is observed no longer takes these along.
        if self.is_observed() || !(self.by_content.has_old_tables() || self.spellings.have_old_tables()) {
            return;
        }
        let _one_at_a_time = lock(&self.insert);
        if !cells::wait_for_sections() {
            return self.have_swept();
        }
        // SAFETY: whoever had begun to read them was within a section, and those are over; who reads within none holds `insert`.
        unsafe {
            self.by_content.free_old_tables();
            self.spellings.free_old_tables();
        }
    }

    /// Makes a series unfindable by content, and gives its row; `None` if a handle has pinned it. The caller holds `insert`.
    fn unlink(&self, vacancies: &Vacancies, id: u32) -> Option<Row> {
        let series = self.get(id as usize)?;
        let row = series.row.filter(|row| !vacancies.is_pinned(*row))?;
        self.by_content.remove(series.hash(), id).then_some(row)
    }

    /// Has series depart in which nobody has recorded. The caller holds `insert`.
    fn depart_idle(&self, vacancies: &Vacancies, doomed: Vec<u32>) {
        // Who does not find one of them meanwhile waits for what becomes of it, and is not taken to be beyond the limit.
        self.make_room(None);
        let unlinked: Vec<(u32, Row)> =
            doomed.into_iter().filter_map(|id| Some((id, self.unlink(vacancies, id)?))).collect();
        if unlinked.is_empty() {
            return;
        }
        let were_shown = self.hide_spellings(vacancies);
        let nobody_records = cells::wait_for_sections();
        let mut departed = 0;
        for (id, row) in unlinked {
            if nobody_records && vacancies.is_as_noted(id as usize, self.print(row)) {
                self.count_departed(vacancies, id);
                departed += 1;
            } else if let Some(series) = self.get(id as usize) {
                self.insert_in_index(series.hash(), id);
                // Somebody has recorded. Else it is as idle as before, and is tried again.
                if nobody_records {
                    vacancies.forget_idle(id as usize);
                }
            }
        }
        if departed == 0 && were_shown {
            self.spellings.show(vacancies.hidden.swap(0, Ordering::Relaxed) - 1);
        }
    }

    /// Hides all spellings; `false` if they are hidden already. The caller holds `insert`.
    fn hide_spellings(&self, vacancies: &Vacancies) -> bool {
        let shown = vacancies.hidden.load(Ordering::Relaxed) == 0;
        if shown {
            vacancies.hidden.store(self.spellings.hide() + 1, Ordering::Relaxed);
        }
        shown
    }

    fn count_departed(&self, vacancies: &Vacancies, id: u32) {
        held(&vacancies.doomed).remove(&id);
        held(&vacancies.departed).push(id);
        vacancies.gone.fetch_add(1, Ordering::Relaxed);
        self.make_room(Some(id));
        self.have_swept();
    }

    /// Empties the places of what has departed, if nobody is using them; else after the next collection.
    fn vacate(&self) {
        let Some(rare) = self.rare.get().filter(|rare| rare.vacancies.any_departed()) else {
            return;
        };
        let vacancies = &rare.vacancies;
        let mut store = lock(&self.insert);
        if !cells::wait_for_sections() {
            return self.have_swept();
        }
        if let Some(hidden) = vacancies.hidden.swap(0, Ordering::Relaxed).checked_sub(1) {
            // SAFETY: whoever had begun to look for a spelling before they were hidden was within a section, and those are over.
            unsafe { self.spellings.forget(hidden, self.limit()) };
        }
        // SAFETY: likewise; who reads a table within no section holds `insert`.
        unsafe { self.by_content.free_old_tables() };
        held(&vacancies.departed).settle(window());
        let vacated = self.settings.gate.alone(|| {
            let mut departed = held(&vacancies.departed);
            let go = departed.take_while(|window| self.settings.takers.have_taken_since(window));
            let all_go = departed.is_empty();
            drop(departed);
            let rows = || go.iter().filter_map(|id| self.get(*id as usize)?.row);
            rows().for_each(|row| rare.exemplars.remove(row));
            self.free_rows(rows());
            for id in &go {
                let start_unix_nanos = self.get(*id as usize).map_or(0, |series| series.start_unix_nanos);
                // SAFETY: no index leads here, and whoever had found it is done; visitors are kept away by the gate.
                let gone = unsafe { self.series.replace(*id as usize, Series::none(start_unix_nanos)) };
                if let (Some(gone), Some(store)) = (gone, &mut *store) {
                    gone.attributes.leave(store);
                }
                vacancies.forget_idle(*id as usize);
                held(&vacancies.vacant).push(*id);
            }
            if !go.is_empty() {
                self.count_generation();
            }
            all_go.then_some(())
        });
        let vacated = vacated.flatten();
        if vacated.is_none() {
            self.have_swept();
        }
    }

    /// Puts a series in a vacant place, if there is one and no collection is under way. The caller holds `insert`.
    pub(super) fn fill_vacancy(&self, series: Series) -> Result<usize, Series> {
        let Some(rare) = self.rare.get().filter(|rare| rare.vacancies.gone() > 0) else {
            return Err(series);
        };
        let vacancies = &rare.vacancies;
        let mut left = Some(series);
        let fill = || {
            let id = held(&vacancies.vacant).pop()? as usize;
            // By the start others tell that it is another series: it is later, whatever the clock says.
            if let (Some(new), Some(before)) = (&mut left, self.get(id)) {
                new.start_unix_nanos = new.start_unix_nanos.max(before.start_unix_nanos.saturating_add(1));
            }
            // SAFETY: no index leads to a vacant place; visitors are kept away by the gate.
            unsafe { self.series.replace(id, left.take()?) };
            held(&vacancies.unobserved).forget(id);
            vacancies.gone.fetch_sub(1, Ordering::Relaxed);
            Some(id)
        };
        // What is observed is observed within a collection, which looks at no series before the callbacks are done.
        let gate = &self.settings.gate;
        let filled = if self.is_observed() { gate.alone_within(fill) } else { gate.alone(fill) };
        match (filled.flatten(), left) {
            (Some(id), _) => Ok(id),
            (None, Some(series)) => Err(series),
            (None, None) => Ok(0),
        }
    }

    /// What [`Vacancies::idle_nanos`] is told of a row; `None` if somebody has recorded since this was asked.
    pub(crate) fn print(&self, row: Row) -> Option<u64> {
        if self.is_of_last_values() {
            (!cells::was_set_again(row)).then_some(0)
        } else {
            Some(cells::fingerprint(row))
        }
    }
}

impl Series {
    /// What is in a vacant place: nothing, but for when what was there before had begun.
    fn none(start_unix_nanos: u64) -> Self {
        Series::new(AttributeSet::new(&()), start_unix_nanos, None, 0)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
