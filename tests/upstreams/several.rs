//! Several at once, some of them in trouble.

use super::support::daemon::scan;
use super::support::free_address;
use super::support::link::Link;
use super::*;

#[test]
fn neither_dead_nor_hanging_nor_slow_ones_hold_up_the_others_or_new_readings() {
    let central = Daemon::with_defaults(
        "[[table]]\nname = \"copies\"\npartition_key = { name = \"device\", type = \"S\" }\nsort_key = { name = \"ts\", type = \"N\" }",
    );
    let sections = [
        upstream("dead", free_address(), ""),
        upstream("hanging", odd::hanging(), ""),
        upstream("dribbling", odd::dribbling(), ""),
        upstream("healthy", central.http, ""),
        // The same endpoint once more, under other names.
        upstream("copies", central.http, "tables = { readings = \"copies\" }"),
        upstream("others", central.http, "tables = { unmade = \"readings\" }"),
    ];
    let mut gateway = Daemon::with_defaults(&sections.concat());
    let total = 20_000;
    for batch in 0..total / 1000 {
        put(&gateway, "d", batch * 1000, 1000, &json!({"v": 1.5}));
    }
    for name in ["healthy", "copies", "others"] {
        let state = until(&gateway, name, "the healthy ones to have everything", |state| {
            state["pending"] == 0 && state["state"] == "online"
        });
        assert_eq!(state["acknowledged"], if name == "others" { 0 } else { total });
    }
    for table in ["readings", "copies"] {
        assert_eq!(scan(central.http, table).len() as u64, total, "{table}");
    }
    for name in ["dead", "hanging", "dribbling"] {
        let state = state(&gateway, name);
        assert_eq!((&state["pending"], &state["acknowledged"]), (&json!(total), &json!(0)), "{state}");
        assert_eq!(state["state"], "offline", "{state}");
    }
    // A reading is on both ends while the others are still where they were.
    put(&gateway, "late", 1, 1, &json!({}));
    until(&gateway, "copies", "the late one to arrive", |state| state["acknowledged"] == total + 1);
    assert_eq!(state(&gateway, "hanging")["pending"], total + 1);
    assert!(gateway.stop().success(), "none of them keeps the daemon from stopping");
}

/// Each has a cursor of its own, and keeps it.
#[test]
fn each_goes_on_where_it_was() {
    let (first, second) = (Daemon::with_defaults(""), Daemon::with_defaults(""));
    let links = [Link::to(first.http), Link::to(second.http)];
    let mut gateway = Daemon::with_defaults(
        &[upstream("first", links[0].address, ""), upstream("second", links[1].address, "")].concat(),
    );
    put(&gateway, "d", 0, 500, &json!({}));
    let everywhere = |count: u64| {
        for name in ["first", "second"] {
            until(&gateway, name, "both to have everything", |state| state["pending"] == 0);
        }
        assert_eq!([&first, &second].map(|end| end.scan("readings").len() as u64), [count; 2]);
    };
    everywhere(500);
    links[0].set_up(false);
    put(&gateway, "d", 500, 500, &json!({}));
    until(&gateway, "second", "the other to go on", |state| state["pending"] == 0);
    assert_eq!(state(&gateway, "first")["pending"], 500);
    gateway.kill();
    links[1].set_up(false);
    gateway.launch();
    links[0].set_up(true);
    put(&gateway, "d", 1000, 500, &json!({}));
    until(&gateway, "first", "the first to catch up", |state| state["pending"] == 0);
    assert!(state(&gateway, "second")["pending"].as_u64().unwrap() >= 500);
    links[1].set_up(true);
    let gateway = &gateway;
    for name in ["first", "second"] {
        until(gateway, name, "both to have everything", |state| state["pending"] == 0);
    }
    assert_eq!([&first, &second].map(|end| end.scan("readings").len()), [1500; 2]);
}
