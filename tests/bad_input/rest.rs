//! Items that can't be, at the REST door.

use crate::support::daemon::request;
use crate::survives;

#[test]
fn what_cannot_be_an_item_is_said_to_be_so() {
    survives(|daemon| {
        let long = "x".repeat(2_049);
        let wide = format!(r#"{{"device": "a", "ts": 1, "v": "{}"}}"#, "x".repeat(410 * 1024));
        for (body, wanted) in [
            (r#"{"device": "a"}"#.to_owned(), 422),
            (r#"{"device": 1, "ts": 1, "v": nul}"#.to_owned(), 422),
            (r#"{"device": "a", "ts": 1e999}"#.to_owned(), 422),
            (r#"{"device": "a", "ts": 1, "v": 123456789012345678901234567890123456789}"#.to_owned(), 422),
            (format!(r#"{{"device": "{long}", "ts": 1}}"#), 422),
            (wide, 422),
            ("[1]".to_owned(), 422),
            ("\u{feff}{}".to_owned(), 422),
            (String::new(), 422),
        ] {
            let headers = [("Content-Type", "application/json")];
            let path = "/v1/tables/readings/items";
            let (status, answer) = request(daemon.http, "POST", path, &headers, body.as_bytes()).unwrap();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let shown: String = body.chars().take(80).collect();
            assert_eq!(status, wanted, "{shown}: {answer}");
            assert!(answer.contains("\"title\"") || answer.contains("\"detail\""), "{shown}: {answer}");
        }
    });
}

#[test]
fn paths_that_lead_nowhere() {
    survives(|daemon| {
        let long = format!("/v1/tables/readings/items/{}", "x".repeat(3_000));
        for (path, wanted) in [
            ("/v1/tables/absent/items/a", 404),
            ("/v1/tables/readings/items/a/1", 404),
            ("/v1/tables/readings/items/a/not-a-number", 422),
            ("/v1/tables/readings/items/%ff", 400),
            ("/v1/tables/readings/items/a?limit=0", 400),
            ("/v1/tables/readings/items/a?cursor=rubbish", 400),
            (long.as_str(), 200), // nothing can be there
            ("/v1/nothing", 404),
        ] {
            let (status, answer) = request(daemon.http, "GET", path, &[], b"").unwrap();
            let shown: String = path.chars().take(80).collect();
            assert_eq!(status, wanted, "{shown}: {}", String::from_utf8_lossy(&answer));
        }
    });
}
