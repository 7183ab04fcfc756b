//! From the first word to the last.

use crate::support::eventually;
use crate::{Manager, READINGS, publish, rule};

#[test]
fn the_manager_is_told_of_the_whole_life() {
    let mut manager = Manager::start(&format!("{READINGS}{}", rule("first")));
    let pid = manager.process.0.id();
    let (before, ready) = manager.hear_until("READY=1");
    assert!(ready.contains(&format!("MAINPID={pid}\n")), "{ready}");
    assert!(before.iter().any(|heard| heard.starts_with("EXTEND_TIMEOUT_USEC=")), "{before:?}");
    manager.hear_until("STATUS=0 items");
    for _ in 0..3 {
        manager.hear_until("WATCHDOG=1");
    }
    manager.signal("-HUP");
    let (_, reloading) = manager.hear_until("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.hear_until("READY=1");
    manager.signal("-TERM");
    let (_, stopping) = manager.hear_until("STOPPING=1");
    assert!(stopping.contains("STATUS=draining"), "{stopping}");
    assert_eq!(manager.wait().code(), Some(0), "{}", manager.daemon.log());
}

/// While an upstream that never answers keeps it, HTTP says that it drains.
#[test]
fn readiness_says_that_it_drains() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!(
        "[[upstream]]\nname = \"u\"\nendpoint = \"http://{}\"\nregion = \"eu-west-1\"\n",
        hanging.local_addr().unwrap()
    );
    let mut manager = Manager::start(&format!("{READINGS}{}{upstream}", rule("first")));
    manager.hear_until("READY=1");
    publish(&manager.daemon, "hall/a");
    let _request = hanging.accept().unwrap();
    manager.signal("-TERM");
    manager.hear_until("STOPPING=1");
    let said = eventually("readiness to say so", || {
        let (status, said) = manager.daemon.get("/readyz")?;
        (status == 503).then_some(String::from_utf8(said).unwrap())
    });
    assert_eq!(said, "not ready: draining\n");
    assert!(manager.wait().success());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut manager = Manager::start(&format!("{READINGS}{}", rule("first")));
    manager.hear_until("READY=1");
    // A request that never ends keeps the daemon draining.
    let mut open = std::net::TcpStream::connect(manager.daemon.http).unwrap();
    std::io::Write::write_all(
        &mut open,
        b"POST /v1/tables/readings/items HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    )
    .unwrap();
    eventually("the request to arrive", || {
        let metrics = manager.daemon.get("/readyz")?;
        (metrics.0 == 200).then_some(())
    });
    manager.signal("-INT");
    manager.hear_until("STOPPING=1");
    manager.signal("-TERM");
    assert!(manager.wait().success());
    assert!(manager.daemon.log().contains("ending at once"), "{}", manager.daemon.log());
}
