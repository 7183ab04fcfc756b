//! AWS IoT's credential provider, as far as a device sees of it: TLS with a client's certificate, and credentials for an hour.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tls_server::for_devices;

/// What it answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Credentials with this key.
    Key(String),
    /// This status and body.
    Other(u16, String),
    /// Nothing: it closes connections.
    Nothing,
}

/// The issuer; lives as long as the test's process.
pub struct Issuer {
    pub address: SocketAddr,
    shared: Arc<Mutex<(Answer, Vec<String>)>>,
}

impl Issuer {
    pub fn start(answer: Answer) -> Issuer {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new((answer, Vec::new())));
        let (config, theirs) = (for_devices(), Arc::clone(&shared));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&theirs));
                thread::spawn(move || {
                    let _ = serve(stream, config, &shared);
                });
            }
        });
        Issuer { address, shared }
    }

    pub fn answers(&self, answer: Answer) {
        self.shared.lock().unwrap().0 = answer;
    }

    /// The heads of all requests.
    pub fn seen(&self) -> Vec<String> {
        self.shared.lock().unwrap().1.clone()
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    shared: &Mutex<(Answer, Vec<String>)>,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.1.push(String::from_utf8_lossy(&head).into_owned());
        shared.0.clone()
    };
    let (status, body) = match answer {
        Answer::Key(key) => (
            200,
            format!(
                r#"{{"credentials":{{"accessKeyId":"{key}","secretAccessKey":"hush-{key}","sessionToken":"token-{key}","expiration":"2026-11-23T07:00:00Z"}}}}"#
            ),
        ),
        Answer::Other(status, body) => (status, body),
        Answer::Nothing => return Ok(()),
    };
    let date = "Date: Mon, 23 Nov 2026 06:00:00 GMT";
    let head = format!("HTTP/1.1 {status} x\r\n{date}\r\nContent-Length: {}\r\n\r\n", body.len());
    tls.write_all(format!("{head}{body}").as_bytes())?;
    tls.conn.send_close_notify();
    tls.flush()
}
