use super::*;

fn file(directory: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join("secret");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_secret_is_read_and_never_printed() {
    let directory = tempfile::tempdir().unwrap();
    let secret = read(&file(&directory, " hush=1/+\n", 0o600)).unwrap();
    assert_eq!(secret.expose(), "hush=1/+");
    assert_eq!(format!("{secret:?}"), "(secret)");
}

#[test]
fn what_everybody_may_read_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "hush", 0o644);
    let refused = read(&path).unwrap_err().to_string();
    assert!(refused.contains(&format!("chmod 600 {}", path.display())) && !refused.contains("hush"));
    assert!(read(&file(&directory, "hush", 0o640)).is_ok(), "a group's file is the owner's business");
}

#[test]
fn empty_and_missing_files_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(read(&file(&directory, " \n", 0o600)), Err(SecretError::Unusable { .. })));
    let missing = directory.path().join("gone");
    assert_eq!(read(&missing), Err(SecretError::Missing(missing)));
}

#[test]
fn the_credentials_directory_is_the_service_managers() {
    let named = Path::new("${CREDENTIALS_DIRECTORY}/aws/secret");
    let there = expand_with(named, Some("/run/credentials/forebay.service".into()));
    assert_eq!(there, Ok("/run/credentials/forebay.service/aws/secret".into()));
    assert_eq!(expand_with(named, None), Err(SecretError::NoDirectory(named.to_owned())));
    let plain = Path::new("/etc/forebay/${CREDENTIALS_DIRECTORY}");
    assert_eq!(expand_with(plain, None), Ok(plain.to_owned()));
}
