//! The configuration as an owner meets it: the shipped file, the defaults, and every kind of mistake.

use std::io::Write;
use std::path::Path;

use super::*;
use crate::mqtt::broker::{BrokerSettings, BrokerUrl};
use crate::sync::route::{Attributes, Handling};

/// What two configurations of the doors must agree in.
fn doors(settings: &Settings) -> impl PartialEq + std::fmt::Debug + use<> {
    let http = settings.http.as_ref().map(|http| (http.listen, http.max_connections));
    let listener = settings.listener.as_ref().map(|listener| {
        (listener.listen, listener.max_connections, listener.max_packet_size, listener.receive_maximum)
    });
    (http, listener)
}

/// What an owner can set of the broker client, but for the brokers themselves and their files.
fn broker(settings: &BrokerSettings) -> impl PartialEq + std::fmt::Debug + use<> {
    let s = settings;
    (s.protocol, s.keep_alive, s.max_packet_size, s.max_queued_messages, s.max_queued_bytes)
}

pub(super) fn load_text(text: &str) -> Result<Settings, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let loaded = load(Some(file.path()), Flags::default(), std::iter::empty());
    loaded.map(|loaded| loaded.settings).map_err(|error| error.to_string())
}

/// What a configuration with this text says is wrong.
pub(super) fn fault(text: &str) -> String {
    load_text(text).err().expect("the configuration is wrong")
}

fn shipped() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/gateway.toml")).unwrap()
}

#[test]
fn without_a_configuration_there_are_doors_a_table_and_a_rule() {
    let settings = load(None, Flags::default(), std::iter::empty()).unwrap().settings;
    assert_eq!(settings.http.unwrap().listen.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.listener.unwrap().listen.to_string(), "127.0.0.1:1883");
    assert_eq!(settings.store_path, Path::new("./forebay-data"));
    assert_eq!(settings.tables.len(), 1);
    assert_eq!(settings.rules.len(), 1);
    assert!(settings.upstreams.is_empty());
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[http]\nlisten = \"127.0.0.1:1\"\n[store]\nmax_size = \"1GiB\"\n").unwrap();
    let flags = Flags { http: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
    let environment = [("FOREBAY_HTTP__LISTEN", "127.0.0.1:2"), ("FOREBAY_STORE__MAX_SIZE", "128MiB")];
    let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = load(Some(file.path()), flags, environment).unwrap().settings;
    assert_eq!(settings.http.unwrap().listen.to_string(), "127.0.0.1:3");
    assert_eq!(settings.max_size, 128 << 20);
    assert!(settings.listener.is_none(), "a section that is missing is off");
}

#[test]
fn the_shipped_file_is_valid_and_so_is_it_with_every_comment_taken_off() {
    load_text(&shipped()).unwrap();
    let all = uncommented(&shipped());
    let settings = load_text(&all).map_err(|error| format!("{error}\n{all}")).unwrap();
    assert_eq!(settings.upstreams.len(), 1);
    assert!(settings.broker.is_some());
}

/// The shipped file with its commented-out keys in force, but for those that name files of the owner's.
fn uncommented(text: &str) -> String {
    let keys = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if rest.starts_with('[') || rest.split_once(" = ").is_some_and(|(key, _)| is_key(key)) => {
            rest
        }
        _ => line,
    });
    let text = keys.filter(|line| !line.contains("_file =")).collect::<Vec<_>>().join("\n");
    // The file says it of 32-bit systems in the same line.
    if cfg!(target_pointer_width = "32") { text.replace("\"2GiB\"", "\"1GiB\"") } else { text }
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn the_shipped_file_states_the_defaults() {
    let bare = load_text("[http]\nlisten = \"127.0.0.1:8000\"\n[mqtt.listener]\nlisten = \"127.0.0.1:1883\"")
        .unwrap();
    let mut stated = load_text(&uncommented(&shipped())).unwrap();
    assert_eq!(stated.clock, bare.clock);
    assert_eq!(stated.store_path, bare.store_path);
    assert_eq!((stated.max_size, stated.commit_wait), (bare.max_size, bare.commit_wait));
    assert_eq!(doors(&stated), doors(&bare));
    let defaults = BrokerSettings::new(vec![BrokerUrl::parse("mqtt://127.0.0.1:1883").unwrap()], "");
    let client = stated.broker.as_ref().unwrap();
    assert_eq!((&client.brokers, broker(client)), (&defaults.brokers, broker(&defaults)));
    let implied = stated.rules.clone().with_broker(None, false).unwrap().subscriptions();
    assert_eq!(stated.rules.subscriptions(), implied);
    stated.dynamodb.region = None;
    assert_eq!(stated.dynamodb, bare.dynamodb);
}

#[test]
fn an_unknown_key_names_its_line() {
    let error = fault("[http]\nlisten = \"127.0.0.1:8000\"\nlisen = 1\n");
    assert!(error.contains(":3:") && error.contains("lisen"), "{error}");
}

#[test]
fn a_size_without_a_unit_names_line_and_remedy() {
    let error = fault("[store]\n\nmax_size = \"5\"\n");
    assert!(error.contains(":3:") && error.contains("64MiB"), "{error}");
}

#[test]
fn faults_in_tables_rules_and_upstreams_name_line_and_remedy() {
    let table = "[[table]]\nname = \"readings\"\npartition_key = { name = \"d\", type = \"S\" }\n";
    let twice = format!("{table}{table}");
    assert!(fault(&twice).contains("twice"));
    let error = fault("\n\n[[table]]\nname = \"x\"\npartition_key = { name = \"d\", type = \"S\" }\n");
    assert!(error.contains(":4:") && error.contains("3 to 255"), "{error}");
    let error = fault(&format!(
        "{table}[[rule]]\nname = \"r\"\ntopic = \"a\"\ntable = \"other\"\nset = {{ d = \"x\" }}\n"
    ));
    assert!(error.contains(":7:") && error.contains("other"), "{error}");
    let error = fault("[[upstream]]\nname = \"u\"\nendpoint = \"ftp://x\"\n");
    assert!(error.contains(":3:") && error.contains("https://"), "{error}");
    let error = fault("[[upstream]]\nname = \"u\"\nendpoint = \"http://127.0.0.1:1\"\n");
    assert!(error.contains("region"), "{error}");
}

/// Everything that only shows once the whole is read names its line all the same.
#[test]
fn faults_of_single_keys_name_their_line() {
    let table = "[[table]]\nname = \"readings\"\npartition_key = { name = \"d\", type = \"S\" }\n";
    let upstream = "[[upstream]]\nname = \"u\"\nendpoint = \"https://dynamodb.eu-west-1.amazonaws.com\"\n";
    let single = "[[upstream.table]]\nname = \"readings\"\n";
    for (line, text, part) in [
        (2, "[http]\nlisten = \"0.0.0.0:8000\"\n".to_owned(), "loopback"),
        (2, "[http]\nlisten = \"localhost:8000\"\n".to_owned(), "127.0.0.1:8000"),
        (1, "[mqtt.listener]\nmax_connections = 5\n".to_owned(), "needs listen"),
        (3, "[store]\n\nmax_size = \"1MiB\"\n".to_owned(), "64MiB"),
        (1, "gateway.id = \"a b\"\n".to_owned(), "without spaces"),
        (
            5,
            format!(
                "{table}[[table]]\nname = \"readings\"\npartition_key = {{ name = \"d\", type = \"S\" }}\n"
            ),
            "twice",
        ),
        (4, format!("{table}ttl = {{ attribute = \"d\" }}\n"), "not be a key"),
        (6, format!("{table}[[rule]]\ntopic = \"{{x}}\"\nset = {{ d = \"{{y}}\" }}\n"), "placeholder"),
        (
            8,
            format!("{table}[[rule]]\ntopic = \"{{x}}\"\n[rule.set]\na = \"b\"\nd = \"{{y}}\"\n"),
            "placeholder",
        ),
        (3, "[mqtt.broker]\nurl = \"mqtt://a\"\nprotocol = \"4\"\n".to_owned(), "\"3.1.1\" or \"5\""),
        (3, "[mqtt.broker]\nurl = \"mqtt://a\"\ntopics = [\"#/a\"]\n".to_owned(), "no topic filter"),
        (4, format!("{upstream}tables = {{}}\n"), "leave the key out"),
        (4, format!("{upstream}tables = {{ a = \"x\", b = \"x\" }}\n"), "give each its own"),
        (4, format!("{upstream}region = \"eu west\"\n"), "eu-west-1"),
        (4, format!("{upstream}write_units_per_second = 0\n"), "upstream pause"),
        (4, format!("{upstream}low_priority_share = 60\n"), "1 to 50"),
        (
            6,
            format!("{upstream}tables = {{ a = \"x\" }}\n[[upstream.table]]\nname = \"b\"\n"),
            "add it there",
        ),
        (7, format!("{upstream}{single}only = []\nwithout = [\"x\"]\n"), "keep one"),
        (7, format!("{upstream}{single}[[upstream.table]]\nname = \"readings\"\n"), "twice"),
        (9, format!("{table}{upstream}{single}without = [\"d\"]\n"), "keys always go"),
        (4, format!("{upstream}bytes_per_day = \"2MB\"\nbytes_per_month = \"1MB\"\n"), "bytes_per_month"),
        (
            4,
            "[http]\nlisten = \"127.0.0.1:8000\"\n[mqtt.listener]\nlisten = \"127.0.0.1:8000\"\n".to_owned(),
            "own port",
        ),
    ] {
        let error = fault(&text);
        assert!(error.contains(&format!(":{line}: ")) && error.contains(part), "{error}\n{text}");
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let warnings = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        load(Some(file.path()), Flags::default(), std::iter::empty()).unwrap().warnings
    };
    assert_eq!(warnings(&shipped()), Vec::<String>::new());
    assert!(warnings("")[0].contains("no door is open"));
    assert!(warnings("[mqtt.listener]\nlisten = \"127.0.0.1:1\"\n")[0].contains("rejected"));
    let upstream = "[http]\nlisten = \"127.0.0.1:1\"\n[[upstream]]\nname = \"u\"\nregion = \"r\"\n\
                    endpoint = \"http://127.0.0.1:2\"\ntables = { readnigs = \"readings\" }\n";
    assert!(warnings(upstream)[0].contains("readnigs"));
    let single =
        upstream.replace("tables = { readnigs = \"readings\" }", "[[upstream.table]]\nname = \"readnigs\"");
    assert!(warnings(&single)[0].contains("[[upstream.table]] names \"readnigs\""));
}

#[test]
fn a_backlog_fits_the_store_and_when_full_is_one_of_two() {
    let table = |when_full: &str| {
        format!(
            "[http]\nlisten = \"127.0.0.1:1\"\n[[table]]\nname = \"readings\"\npartition_key = {{ name = \"d\", type = \"S\" }}\n\
             when_full = \"{when_full}\"\n"
        )
    };
    let upstream = |size: &str| {
        format!(
            "[[upstream]]\nname = \"u\"\nregion = \"r\"\nendpoint = \"http://127.0.0.1:2\"\nmax_backlog = \"{size}\"\n"
        )
    };
    let settings = load_text(&(table("drop-oldest") + &upstream("16MiB"))).unwrap();
    assert_eq!(settings.tables[0].when_full, crate::model::WhenFull::DropOldest);
    assert_eq!(settings.upstreams[0].max_backlog, Some(16 << 20));
    let error = fault(&(table("reject") + &upstream("15MiB")));
    assert!(error.contains(":11: ") && error.contains("16MiB"), "{error}");
    let error = fault(&(table("reject") + &upstream("2GiB")));
    assert!(error.contains(":11: ") && error.contains("less than store.max_size"), "{error}");
    let error = fault(&table("drop-newest"));
    assert!(error.contains(":6: ") && error.contains("drop-oldest"), "{error}");
}

#[test]
fn tables_of_an_upstream_are_handled_as_is_said_of_them() {
    let text = "[[upstream]]\nname = \"u\"\nendpoint = \"https://dynamodb.eu-west-1.amazonaws.com\"\nlow_priority_share = 25\n\
                [[upstream.table]]\nname = \"alarms\"\npriority = 10\n\
                [[upstream.table]]\nname = \"readings\"\npriority = -1\nwithout = [\"raw\"]\n\
                [[upstream]]\nname = \"v\"\nendpoint = \"https://dynamodb.eu-west-1.amazonaws.com\"\n";
    let upstreams = load_text(text).unwrap().upstreams;
    let handling = |priority, attributes| Handling { priority, attributes };
    assert_eq!(upstreams[0].limits.low_share, 25);
    assert_eq!(upstreams[0].handling["alarms"], handling(10, Attributes::All));
    assert_eq!(upstreams[0].handling["readings"], handling(-1, Attributes::Without(["raw".into()].into())));
    assert_eq!((upstreams[1].limits.low_share, upstreams[1].handling.len()), (10, 0));
}

#[test]
fn a_line_is_not_blamed_for_what_a_flag_says() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[http]\nlisten = \"127.0.0.1:1\"\n").unwrap();
    let flags = Flags { http: Some("0.0.0.0:80".to_owned()), ..Flags::default() };
    let error = load(Some(file.path()), flags, std::iter::empty()).err().unwrap().to_string();
    assert!(error.starts_with("http.listen is 0.0.0.0:80,"), "{error}");
}

#[test]
fn the_region_is_taken_from_dynamodbs_own_endpoints() {
    let text = "[[upstream]]\nname = \"u\"\nendpoint = \"https://dynamodb.eu-west-1.amazonaws.com/\"\n";
    assert_eq!(load_text(text).unwrap().upstreams[0].region, "eu-west-1");
}

#[test]
fn http_without_authentication_stays_on_loopback() {
    let error = fault("[http]\nlisten = \"0.0.0.0:8000\"\n");
    assert!(error.contains("loopback"), "{error}");
}

#[test]
fn a_missing_file_says_so() {
    let loaded = load(Some(Path::new("/nonexistent/gateway.toml")), Flags::default(), std::iter::empty());
    let error = loaded.err().unwrap();
    assert!(error.to_string().contains("no such file"), "{error}");
}
