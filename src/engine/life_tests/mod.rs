//! The engine against a simple model: random operations (puts, updates, deletes, transactions, batches, indexes made and
//! removed, expiry, streams), with restarts, deaths and power cuts between them and within them. Whatever happens, tables,
//! indexes, streams and counts say what the model says; a transaction with a token is made once, however often it is tried.

mod ask;
mod model;
mod world;

use world::World;

/// One life: so many acts, each a handful of operations, then a restart or a death of some kind.
async fn live(seed: u64, acts: u32) {
    let mut world = World::new(seed).await;
    for _ in 0..acts {
        world.act().await;
    }
    world.end().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A number of the environment's, for whoever wants more, or the same again.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

fn lives(count: u64, acts: u32) {
    let first = number("FOREBAY_SEED", 1);
    for seed in first..first + count {
        // Whoever reads of a failure wants to repeat it.
        println!("FOREBAY_SEED={seed}");
        runtime().block_on(live(seed, acts));
    }
}

#[test]
fn all_of_it_agrees_with_the_model_whatever_happens() {
    lives(number("FOREBAY_LIVES", 12), 25);
}

/// `tests/long/life.sh`.
#[test]
#[ignore = "takes as long as it is told to"]
fn long_lives_agree_with_the_model() {
    lives(number("FOREBAY_LIVES", 200), 80);
}
