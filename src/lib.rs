//! Forebay: DynamoDB at the edge. This page is the map of the house.
//!
//! A module imports only from lower floors; rooms on one floor do not know each other
//! (`tests/architecture.rs` holds the code against this table).
//!
//! | Floor | Room | What lives there |
//! |---|---|---|
//! | 6 | `main`, [`cli`], [`app`], [`config`] | arguments, a file per command; raw then validated settings; building, wiring, draining |
//! | 5 | [`http`] | listener, limits; `dynamodb` (wire shapes, one file per operation, one error table), `rest`, health, metrics |
//! | 5 | [`mqtt`] | the listener and the client of a broker; both hand messages to [`ingest`] and acknowledge when that says so |
//! | 5 | [`sync`] | journal → upstream: reader, batch (pure), retry (pure), client, dead letters, worker (pure), driver |
//! | 4 | [`ingest`] | `rule` (pure: message → items), `accept` (the one way in for MQTT and REST) |
//! | 4 | [`operations`] | clock watch, resolution of estimated times, handles on upstreams, words to the service manager |
//! | 3 | [`engine`] | one synchronous file per operation: read, decide, return a page or stage a change |
//! | 2 | [`store`] | journal, overlay, tree (LMDB), fold, view, committer, apply, catalog |
//! | 1 | [`expression`] | lexer, parser, tree, binding, evaluation of conditions, updates, projections, key conditions |
//! | 1 | [`security`] | SigV4, secrets, credentials, policy → `Authorized<T>` |
//! | 0 | [`model`], [`telemetry`], [`clock`] | values, numbers, items, keys, schemas; metric values; time and its trust |
//!
//! # Invariants
//! - Nothing is acknowledged, and no answer of a group (refusals included) goes out, before the group's fsync.
//! - Items, expiry rows and counters change only in `store::apply`.
//! - No lock or transaction is held across an `.await`. The async edge surrounds a synchronous core.
//! - [`engine`] takes only `Authorized<Request>`: no door goes around policy.
//! - Wire types stay at their door; they are converted, never shared.
//! - A number is never a float.
//! - Everything that waits is bounded: queues, requests, connections, memory, time.
//!
//! # Walk 1: a reading
//! [`mqtt`] receives a QoS 1 publish → `ingest::rule` makes an item of it → policy → the engine decides on the
//! committer's thread, against everything staged before it → the committer writes the group as one frame, one
//! `fdatasync`, publishes → the PUBACKs go out, in order. Later `store::fold` moves the overlay into LMDB, and
//! [`sync`] reads the journal from its cursor, batches, signs, sends, and moves the cursor over the settled prefix.
//!
//! # Walk 2: a Query
//! [`http`] limits → `dynamodb::query` decodes the wire shape into the engine's request, its expressions parsed and
//! bound by [`expression`] → policy → `engine::query` plans → `store::view` merges overlay and LMDB over one key range
//! and stops at Limit or 1 MB, rows filtered and projected in place → `dynamodb::query` encodes.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod expression;
pub mod http;
pub mod ingest;
pub mod model;
pub mod mqtt;
pub mod operations;
pub mod security;
pub mod store;
pub mod sync;
pub mod telemetry;
