use proptest::prelude::*;

use super::*;

fn verdict(status: u16, body: &str) -> Verdict {
    judge(&Answer { status, error_type: None, crc: None, body: body.as_bytes() }, &[])
}

fn error(status: u16, kind: &str, message: &str) -> Verdict {
    verdict(
        status,
        &format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"{message}"}}"#),
    )
}

#[test]
fn dynamodb_errors_are_sorted() {
    type Make = fn(String) -> Verdict;
    let cases: [(u16, &str, &str, Make); 12] = [
        (400, "ProvisionedThroughputExceededException", "x", Verdict::Throttled),
        (400, "ThrottlingException", "x", Verdict::Throttled),
        (400, "RequestLimitExceeded", "x", Verdict::Throttled),
        (400, "ResourceNotFoundException", "x", Verdict::Table),
        (400, "AccessDeniedException", "x", Verdict::Table),
        (400, "ValidationException", "x", Verdict::Refused),
        (400, "UnrecognizedClientException", "x", Verdict::Blocked),
        (400, "ExpiredTokenException", "x", Verdict::Blocked),
        (400, "InvalidSignatureException", "The request signature we calculated", Verdict::Blocked),
        (400, "InvalidSignatureException", "Signature expired: 19700101", Verdict::Skewed),
        (500, "InternalServerError", "x", Verdict::Faulty),
        (503, "ServiceUnavailable", "x", Verdict::Faulty),
    ];
    for (status, kind, message, make) in cases {
        assert_eq!(error(status, kind, message), make(format!("{kind}: {message}")));
    }
}

#[test]
fn what_is_not_dynamodb_is_unreachable() {
    for (status, body) in [
        (200, "<html>Please log in</html>"),
        (200, ""),
        (200, r#"{"ok":true}"#),
        (302, ""),
        (400, "Bad Request"),
        (403, "<html>no</html>"),
        (404, "not here"),
        (502, "<html>Bad Gateway</html>"),
    ] {
        assert!(matches!(verdict(status, body), Verdict::Unreachable(_)), "{status} {body}");
    }
}

#[test]
fn a_damaged_answer_is_no_answer() {
    let body = br#"{"UnprocessedItems":{}}"#;
    let answer = |crc| Answer { status: 200, error_type: None, crc: Some(crc), body };
    assert_eq!(judge(&answer(crc32fast::hash(body)), &[]), Verdict::Taken { back: vec![] });
    assert!(matches!(judge(&answer(1), &[]), Verdict::Unreachable(_)));
}

#[test]
fn the_error_may_stand_in_the_header() {
    let answer = Answer {
        status: 400,
        error_type: Some("ValidationException:http://internal.amazon.com/"),
        crc: None,
        body: b"{}",
    };
    assert_eq!(judge(&answer, &[]), Verdict::Refused("ValidationException".to_owned()));
}

proptest! {
    #[test]
    fn backoff_stays_below_its_ceiling(randoms in prop::collection::vec(any::<u64>(), 1..60)) {
        let (first, cap) = (Duration::from_millis(100), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, cap);
        for (n, random) in randoms.into_iter().enumerate() {
            let ceiling = first.saturating_mul(1 << n.min(20)).min(cap);
            prop_assert!(backoff.fail(random) <= ceiling);
        }
        backoff.reset();
        prop_assert!(backoff.fail(u64::MAX) <= first);
    }

    #[test]
    fn any_answer_gets_a_verdict(status: u16, body: Vec<u8>) {
        let _ = judge(&Answer { status, error_type: None, crc: None, body: &body }, &[]);
    }
}
