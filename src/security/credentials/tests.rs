use std::os::unix::fs::PermissionsExt;

use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn the_environment_comes_first() {
    let env = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some("AKID".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("hush".to_owned()),
        "AWS_SESSION_TOKEN" => Some("token".to_owned()),
        _ => None,
    };
    let credentials = load_with(&CredentialsSource::Environment, &env).unwrap();
    assert_eq!(credentials, Credentials::new("AKID", "hush", Some("token".to_owned())));
    let printed = format!("{credentials:?}");
    assert!(printed.contains("AKID") && !printed.contains("hush") && !printed.contains("token\""));
}

#[test]
fn a_profile_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    std::fs::write(
        &file,
        "# x\n[default]\naws_access_key_id = A\naws_secret_access_key=s=1\n\n[edge]\naws_access_key_id=B\n\
         aws_secret_access_key = t\naws_session_token = u\n[half]\naws_access_key_id=C\n",
    )
    .unwrap();
    let env = |name: &str| (name == "AWS_SHARED_CREDENTIALS_FILE").then(|| file.to_str().unwrap().to_owned());
    assert_eq!(load_with(&CredentialsSource::Environment, &env), Ok(Credentials::new("A", "s=1", None)));
    let profile = |name: &str| CredentialsSource::Profile { file: None, name: name.to_owned() };
    assert_eq!(load_with(&profile("edge"), &env), Ok(Credentials::new("B", "t", Some("u".to_owned()))));
    assert!(matches!(load_with(&profile("half"), &env), Err(CredentialsError::Unusable(_))));
    assert!(matches!(load_with(&profile("gone"), &env), Err(CredentialsError::None(_))));
    assert!(matches!(load_with(&profile("gone"), &nothing), Err(CredentialsError::None(_))));
}

#[test]
fn a_secret_that_everybody_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "hush\n").unwrap();
    let source = CredentialsSource::Files {
        access_key_id: "A".to_owned(),
        secret_access_key_file: file.clone(),
        session_token_file: None,
    };
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = load_with(&source, &nothing).unwrap_err();
    assert!(refused.to_string().contains("chmod 600") && !refused.to_string().contains("hush"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(load_with(&source, &nothing), Ok(Credentials::new("A", "hush", None)));
}
