//! Through moto's proxy, which nobody here wrote: it speaks TLS in the place of AWS's own hosts, and is DynamoDB and STS itself.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::support::{Killed, cache, free_address};
use super::*;

struct Proxy {
    address: SocketAddr,
    ca_file: PathBuf,
    _process: Killed,
}

impl Proxy {
    fn start() -> Proxy {
        let address = free_address();
        let mut command = Command::new(cache().join("venv/bin/moto_proxy"));
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let process = Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let libraries = std::fs::read_dir(cache().join("venv/lib")).unwrap();
        let packages =
            |library: std::fs::DirEntry| library.path().join("site-packages/moto/moto_proxy/ca.crt");
        let ca_file = libraries.flatten().map(packages).find(|path| path.exists()).unwrap();
        let proxy = Proxy { address, ca_file, _process: process };
        eventually("the proxy to listen", || TcpStream::connect(address).ok());
        proxy
    }

    /// Runs the AWS CLI through it; what it prints.
    fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(cache().join("venv/bin/aws"));
        command.args(["dynamodb", "--region", "eu-west-1", "--output", "json"]).args(arguments);
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        command.env("HTTPS_PROXY", format!("http://{}", self.address)).env("AWS_CA_BUNDLE", &self.ca_file);
        let (code, out, error) = said(&command.output().unwrap());
        assert_eq!(code, 0, "{error}");
        serde_json::from_str(&out).unwrap()
    }
}

#[test]
fn a_token_and_a_proxy_lead_to_aws_by_configuration_and_by_environment() {
    let proxy = Proxy::start();
    for table in ["configured", "environment"] {
        proxy.aws(&[
            "create-table",
            "--table-name",
            table,
            "--attribute-definitions",
            "AttributeName=device,AttributeType=S",
            "AttributeName=ts,AttributeType=N",
            "--key-schema",
            "AttributeName=device,KeyType=HASH",
            "AttributeName=ts,KeyType=RANGE",
            "--billing-mode",
            "PAY_PER_REQUEST",
        ]);
    }
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a-token-of-somebody\n").unwrap();
    std::fs::set_permissions(&token, PermissionsExt::from_mode(0o600)).unwrap();
    let role = "arn:aws:iam::123456789012:role/gateway";
    let (url, ca_file) = (format!("http://{}", proxy.address), &proxy.ca_file);
    let prepared = |table: &str, more: &str| {
        Daemon::prepare(&format!(
            "[[table]]\nname = \"readings\"\npartition_key = {{ name = \"device\", type = \"S\" }}\n\
             sort_key = {{ name = \"ts\", type = \"N\" }}\n[[upstream]]\nname = \"central\"\n\
             endpoint = \"https://dynamodb.eu-west-1.amazonaws.com\"\nca_file = {ca_file:?}\n\
             tables = {{ readings = \"{table}\" }}\n{more}\n"
        ))
    };
    let keys =
        format!("proxy = \"{url}\"\nweb_identity = {{ role_arn = \"{role}\", token_file = {token:?} }}");
    let mut configured = prepared("configured", &keys);
    configured.launch();
    let mut environment = prepared("environment", "");
    environment.launch_with(|command| {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_ROLE_ARN", role).env("AWS_WEB_IDENTITY_TOKEN_FILE", &token).env("HTTPS_PROXY", &url)
    });
    for (mut gateway, table) in [(configured, "configured"), (environment, "environment")] {
        put(&gateway, "d", 0, 30, &json!({}));
        until(&gateway, "central", "everything to be sent", |state| state["acknowledged"] == 30);
        assert_eq!(proxy.aws(&["scan", "--table-name", table, "--select", "COUNT"])["Count"], 30);
        let log = gateway.log();
        assert!(log.contains("credentials were issued") && !log.contains("a-token"), "{log}");
        assert!(gateway.stop().success());
    }
}
