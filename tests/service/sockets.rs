//! Socket activation.

use std::process::{Command, Stdio};

use crate::support::daemon::Daemon;
use crate::support::{Killed, eventually};
use crate::{READINGS, publish, rule};

/// Opens two sockets as descriptors 3 and 4, and becomes the daemon, as systemd would.
const ACTIVATE: &str = r#"
import os, socket, sys
names, http, mqtt, *command = sys.argv[1:]
def listening(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(port)))
    s.listen(64)
    return os.dup(os.dup(os.dup(os.dup(s.fileno()))))
for at, descriptor in enumerate([listening(http), listening(mqtt)]):
    os.dup2(descriptor, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execvp(command[0], command)
"#;

#[test]
fn sockets_that_were_passed_serve() {
    for names in ["", "http:mqtt", "forebay.socket:forebay.socket"] {
        let daemon = Daemon::prepare(&format!("{READINGS}{}", rule("first")));
        let plain = daemon.command();
        let mut command = Command::new("python3");
        let (http, mqtt) = (daemon.http.port().to_string(), daemon.mqtt.port().to_string());
        command.args(["-c", ACTIVATE, names, &http, &mqtt]).arg(plain.get_program()).args(plain.get_args());
        let log = std::fs::File::create(daemon.folder.path().join("log")).unwrap();
        command.env("FOREBAY_LOG", "debug").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let _process = Killed(command.spawn().unwrap());
        // Whoever comes before the daemon is ready waits; nobody is refused once the sockets are there.
        eventually("the sockets", || std::net::TcpStream::connect(daemon.http).ok());
        publish(&daemon, "hall/a");
        assert_eq!(daemon.scan("readings").len(), 1);
        let log = daemon.log();
        assert_eq!(log.matches("the service manager's socket serves").count(), 2, "{names}: {log}");
    }
}
