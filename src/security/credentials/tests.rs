use std::os::unix::fs::PermissionsExt;

use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

fn pair(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new(id, Secret::new(secret), token.map(Secret::new))
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
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
    assert_eq!(credentials, pair("AKID", "hush", Some("token")));
    let printed = format!("{credentials:?}");
    assert!(printed.contains("AKID") && !printed.contains("hush") && !printed.contains("token\""));
    assert!(files(&CredentialsSource::Environment, &env).is_empty());
}

#[test]
fn half_of_a_pair_in_the_environment_is_a_mistake() {
    let env = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "AKID".to_owned());
    let error = load_with(&CredentialsSource::Environment, &env).unwrap_err().to_string();
    assert!(error.contains("AWS_SECRET_ACCESS_KEY"), "{error}");
}

#[test]
fn nothing_anywhere_says_where_it_was_looked_for_and_what_helps() {
    for env in [&nothing as Environment<'_>, &|name| (name == "HOME").then(|| "/nowhere".to_owned())] {
        let error = load_with(&CredentialsSource::Environment, env).unwrap_err();
        assert!(matches!(error, CredentialsError::None(_)));
        for word in
            ["AWS_ACCESS_KEY_ID", "home directory|/nowhere/.aws/credentials", "secret_access_key_file"]
        {
            assert!(word.split('|').any(|word| error.to_string().contains(word)), "{word}: {error}");
        }
    }
}

#[test]
fn a_profile_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    write(
        &file,
        "# x\n[default]\naws_access_key_id = A\naws_secret_access_key=s=1\n\n[edge]\naws_access_key_id=B\n\
         aws_secret_access_key = t\naws_session_token = u\n[half]\naws_access_key_id=C\n",
        0o600,
    );
    let env = |name: &str| (name == "AWS_SHARED_CREDENTIALS_FILE").then(|| file.to_str().unwrap().to_owned());
    assert_eq!(load_with(&CredentialsSource::Environment, &env), Ok(pair("A", "s=1", None)));
    let profile = |name: &str| CredentialsSource::Profile { file: None, name: name.to_owned() };
    assert_eq!(load_with(&profile("edge"), &env), Ok(pair("B", "t", Some("u"))));
    assert!(matches!(load_with(&profile("half"), &env), Err(CredentialsError::Unusable(_))));
    assert!(matches!(load_with(&profile("gone"), &env), Err(CredentialsError::None(_))));
    assert!(matches!(load_with(&profile("gone"), &nothing), Err(CredentialsError::None(_))));
}

#[test]
fn the_environment_names_a_profile_and_the_configuration_file_may_have_it() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let env = |name: &str| match name {
        "HOME" => Some(home.path().to_str().unwrap().to_owned()),
        "AWS_PROFILE" => Some("edge".to_owned()),
        _ => None,
    };
    let config = home.path().join(".aws/config");
    write(&config, "[profile edge]\nregion = x\naws_access_key_id=B\naws_secret_access_key=t\n", 0o600);
    assert_eq!(load_with(&CredentialsSource::Environment, &env), Ok(pair("B", "t", None)));
    write(
        &home.path().join(".aws/credentials"),
        "[edge]\naws_access_key_id=C\naws_secret_access_key=v\n",
        0o600,
    );
    assert_eq!(load_with(&CredentialsSource::Environment, &env), Ok(pair("C", "v", None)), "it comes first");
    assert_eq!(files(&CredentialsSource::Environment, &env).len(), 2);
}

#[test]
fn ways_that_are_not_gone_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    write(&file, "[profile a]\ncredential_process = /bin/keys\n", 0o644);
    let source = CredentialsSource::Profile { file: Some(file), name: "a".to_owned() };
    let error = load_with(&source, &nothing).unwrap_err().to_string();
    assert!(error.contains("credential_process is not followed"), "{error}");
}

#[test]
fn files_that_everybody_may_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    let own = CredentialsSource::Files {
        access_key_id: KeyId::Text("A".to_owned()),
        secret_access_key_file: file.clone(),
        session_token_file: None,
    };
    let profile = CredentialsSource::Profile { file: Some(file.clone()), name: "default".to_owned() };
    for (source, text) in
        [(own, "hush\n"), (profile, "[default]\naws_access_key_id = A\naws_secret_access_key = hush\n")]
    {
        write(&file, text, 0o644);
        let refused = load_with(&source, &nothing).unwrap_err();
        assert!(refused.to_string().contains("chmod 600") && !refused.to_string().contains("hush"));
        write(&file, text, 0o600);
        assert_eq!(load_with(&source, &nothing), Ok(pair("A", "hush", None)));
    }
}

#[test]
fn id_and_token_may_come_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    write(&path("id"), "AKID\n", 0o644);
    write(&path("secret"), "hush\n", 0o600);
    write(&path("token"), "long\n", 0o600);
    let source = CredentialsSource::Files {
        access_key_id: KeyId::File(path("id")),
        secret_access_key_file: path("secret"),
        session_token_file: Some(path("token")),
    };
    assert_eq!(load_with(&source, &nothing), Ok(pair("AKID", "hush", Some("long"))));
    assert_eq!(files(&source, &nothing), [path("id"), path("secret"), path("token")]);
}
