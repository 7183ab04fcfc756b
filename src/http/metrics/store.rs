//! The store: what it holds, what it writes, how long that takes.

use super::Figures;
use super::text::{Kind, Text, Unit, counter, flag, gauge};

pub(super) fn render(text: &mut Text, figures: &Figures<'_>) {
    let store = &figures.status.store;
    text.ones(&[
        gauge("forebay_store_items", "Items in all tables.", store.items),
        gauge("forebay_store_disk_bytes", "Blocks allocated to the store's files.", store.bytes_on_disk),
        flag("forebay_store_full", "Whether writes are refused for want of space.", store.full.is_some()),
        gauge("forebay_store_damage", "Damage found at the last start.", store.damage.len() as u64),
    ]);
    let parts = [("journal", store.bytes_written_journal), ("tree", store.bytes_written_tree)];
    let help = "Wear: estimate of what has reached the device since the start.";
    text.by("part", "forebay_store_written_bytes_total", Kind::Counter, help, parts);
    text.ones(&[
        counter("forebay_store_commits_total", "Groups committed, each with one fsync.", store.commits),
        counter("forebay_store_changes_total", "Changes committed.", store.changes),
    ]);
    text.histogram(
        "forebay_store_commit_duration_seconds",
        "Write and fsync of a group: what an acknowledgement waits for at least.",
        &figures.commit_us,
        Unit::Microseconds,
    );
    text.histogram(
        "forebay_store_commit_changes",
        "Changes that shared a group, and its fsync.",
        &figures.commit_changes,
        Unit::Things,
    );
    text.ones(&[
        counter("forebay_store_folds_total", "Folds of the overlay into the tree.", store.folds),
        gauge(
            "forebay_store_unfolded_changes",
            "Changes that the tree does not have yet; a start replays them.",
            store.published.saturating_sub(store.folded_to.max(epoch(store.published))),
        ),
        gauge("forebay_store_journal_segments", "Journal segments kept.", store.segments),
        gauge("forebay_store_overlay_bytes", "Bytes in the overlay.", store.overlay_bytes),
        counter("forebay_store_expired_items_total", "Items that expiry has freed.", store.expired),
        counter(
            "forebay_store_dropped_items_total",
            "Items dropped before their time: space was short, and the owner chose that.",
            store.dropped_items,
        ),
        gauge(
            "forebay_store_estimated_items",
            "Items whose estimated time waits to be resolved.",
            store.marked,
        ),
    ]);
}

/// Where the epoch of a change begins: sequences count within one.
fn epoch(sequence: u64) -> u64 {
    crate::store::Seq::start_of(crate::store::Seq(sequence).epoch()).0
}
