//! Pause, resume, retry.

use super::support::peer::{Kind, Peer};
use super::*;

#[test]
fn a_pause_outlives_kill_9_and_ends_with_resume() {
    let peer = Peer::start(Kind::Moto);
    peer.create_readings("readings");
    let mut gateway = Daemon::with_defaults(&upstream("central", peer.address, ""));
    put(&gateway, "d", 0, 100, &json!({}));
    until(&gateway, "central", "everything to be sent", |state| state["pending"] == 0);
    let table = done(&gateway, &["upstream", "pause", "central"]);
    assert!(table.contains("central") && table.contains("paused"), "{table}");
    put(&gateway, "d", 100, 100, &json!({}));
    until(&gateway, "central", "the backlog to grow", |state| state["pending"] == 100);
    let paused = state(&gateway, "central");
    assert!(paused["reason"].as_str().unwrap().contains("forebay upstream resume central"), "{paused}");

    gateway.kill();
    gateway.launch();
    put(&gateway, "d", 200, 100, &json!({}));
    let after = state(&gateway, "central");
    assert_eq!((&after["state"], &after["since"]), (&json!("paused"), &paused["since"]));
    let (code, _, error) = command(&gateway, &["upstream", "retry", "central"]);
    assert_eq!(code, 1);
    assert!(error.contains("resume"), "{error}");
    assert_eq!(super::support::daemon::scan(peer.address, "readings").len(), 100);

    done(&gateway, &["upstream", "resume", "central"]);
    until(&gateway, "central", "everything to be sent", |state| {
        state["pending"] == 0 && state["state"] == "online"
    });
    assert_eq!(super::support::daemon::scan(peer.address, "readings").len(), 300);
    assert!(gateway.stop().success());
}

/// A missing table is looked for ever more seldom; whoever has just made it need not wait.
#[test]
fn retry_finds_a_table_that_was_just_made() {
    let peer = Peer::start(Kind::Dynalite);
    let gateway = Daemon::with_defaults(&upstream("central", peer.address, ""));
    put(&gateway, "d", 0, 10, &json!({}));
    until(&gateway, "central", "the missing table to be seen", |state| {
        state["reason"].as_str().is_some_and(|reason| reason.contains("table readings"))
    });
    peer.create_readings("readings");
    let answer: Value =
        serde_json::from_str(&done(&gateway, &["upstream", "retry", "central", "--json"])).unwrap();
    assert_eq!(answer["name"], "central");
    until(&gateway, "central", "everything to be sent", |state| state["pending"] == 0);
}

#[test]
fn wrong_names_and_absent_daemons_are_told_apart() {
    let gateway = Daemon::with_defaults("");
    for arguments in [&["upstream", "pause", "a b/c"][..], &["dead-letter", "list", "nobody"]] {
        let (code, out, error) = command(&gateway, arguments);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(error.contains("there is no upstream"), "{error}");
    }
    assert_eq!(command(&gateway, &["upstream", "list"]).2.trim(), "the configuration has no [[upstream]]");
    for wrong in [
        &["upstream"][..],
        &["upstream", "pause"],
        &["dead-letter", "replay", "central"],
        &["dead-letter", "drop", "central", "1-1", "--all"],
        &["dead-letter", "show", "central", "seven"],
    ] {
        assert_eq!(command(&gateway, wrong).0, 2, "{wrong:?}");
    }
    let nobody = format!("http://{}", super::support::free_address());
    for arguments in [&["upstream", "list"][..], &["dead-letter", "list"]] {
        let absent = forebay(arguments).env("FOREBAY_URL", &nobody).output().unwrap();
        assert_eq!(absent.status.code(), Some(75));
    }
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    let commands = [
        ("upstream", vec!["list", "pause", "resume", "retry"]),
        ("dead-letter", vec!["list", "show", "replay", "drop"]),
    ];
    for (command, subcommands) in commands {
        for subcommand in subcommands.iter().map(|name| vec![command, *name]).chain([vec![command]]) {
            let (code, out, _) = said(&forebay(&[&subcommand[..], &["--help"]].concat()).output().unwrap());
            assert_eq!(code, 0);
            assert!(out.contains("Example:") && out.contains(&format!("forebay {command} ")), "{out}");
        }
    }
}

#[test]
fn the_paths_answer_as_documented() {
    let gateway = Daemon::with_defaults(&upstream("a b", super::support::free_address(), ""));
    let ask = |method: &str, path: &str| {
        let (status, body) = request(gateway.http, method, path, &[], b"").unwrap();
        (status, serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null))
    };
    let (status, list) = ask("GET", "/v1/upstreams");
    assert_eq!((status, &list["upstreams"][0]["name"]), (200, &json!("a b")));
    assert_eq!(ask("GET", "/v1/upstreams/a%20b").1["name"], "a b");
    assert_eq!(ask("POST", "/v1/upstreams/a%20b/pause").1["state"], "paused");
    assert_eq!(ask("POST", "/v1/upstreams/a%20b/resume").1["state"], "offline");
    assert_eq!(ask("GET", "/v1/upstreams/a%20b/dead-letters").1, json!({"dead_letters": []}));
    assert_eq!(ask("POST", "/v1/upstreams/a%20b/dead-letters/replay"), (202, json!({"replaying": 0})));
    assert_eq!(ask("DELETE", "/v1/upstreams/a%20b/dead-letters"), (200, json!({"dropped": 0})));
    for (origin, status) in [("https://elsewhere.example", 403), (gateway.url().as_str(), 200)] {
        let headers = [("Origin", origin)];
        let answer = request(gateway.http, "POST", "/v1/upstreams/a%20b/pause", &headers, b"").unwrap();
        assert_eq!(answer.0, status, "{origin}");
    }
    for (method, path, status) in [
        ("GET", "/v1/upstreams/nobody", 404),
        ("POST", "/v1/upstreams/nobody/pause", 404),
        ("GET", "/v1/upstreams/a%20b/pause", 405),
        ("GET", "/v1/upstreams/a%20b/dead-letters?limit=0", 400),
        ("GET", "/v1/upstreams/a%20b/dead-letters?cursor=x", 400),
        ("GET", "/v1/upstreams/a%20b/dead-letters/x", 400),
        ("GET", "/v1/upstreams/a%20b/dead-letters/1-1", 404),
        ("POST", "/v1/upstreams/a%20b/dead-letters/1-1/replay", 404),
        ("DELETE", "/v1/upstreams/a%20b/dead-letters/1-1", 404),
    ] {
        let (code, problem) = ask(method, path);
        assert_eq!((code, &problem["status"]), (status, &json!(status)), "{method} {path}: {problem}");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:forebay:problem:"), "{problem}");
    }
}
