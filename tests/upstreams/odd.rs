//! Endpoints that are up to no good.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Takes connections and requests, and never answers.
pub fn hanging() -> SocketAddr {
    serve(|mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer) {}
    })
}

/// Answers with one byte a second.
pub fn dribbling() -> SocketAddr {
    serve(|mut stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".iter().chain(&[b' '; 1000]) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_secs(1));
        }
    })
}

/// Lets requests through to another endpoint that are signed with the right access key, and refuses all others as DynamoDB
/// does.
pub struct Picky {
    pub address: SocketAddr,
    key: Arc<Mutex<String>>,
}

impl Picky {
    pub fn before(endpoint: SocketAddr, key: &str) -> Picky {
        let key = Arc::new(Mutex::new(key.to_owned()));
        let expected = Arc::clone(&key);
        let address = serve(move |near| {
            let _ = relay(near, endpoint, &expected);
        });
        Picky { address, key }
    }

    /// From now on this key is the right one.
    pub fn expect(&self, key: &str) {
        *self.key.lock().unwrap() = key.to_owned();
    }
}

fn relay(mut near: TcpStream, endpoint: SocketAddr, key: &Mutex<String>) -> std::io::Result<()> {
    let mut far = TcpStream::connect(endpoint)?;
    while let Some((head, body)) = message(&mut near)? {
        let right = format!("Credential={}/", key.lock().unwrap());
        if head.contains(&right) {
            far.write_all(head.as_bytes())?;
            far.write_all(&body)?;
            let Some((head, body)) = message(&mut far)? else { return Ok(()) };
            near.write_all(head.as_bytes())?;
            near.write_all(&body)?;
        } else {
            let body = r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#;
            let head = format!("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n", body.len());
            near.write_all(format!("{head}{body}").as_bytes())?;
        }
    }
    Ok(())
}

/// A head and a body of the length that it gives.
fn message(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

/// A thread for each connection; all live as long as the test's process.
fn serve(connection: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = connection.clone();
            thread::spawn(move || connection(stream));
        }
    });
    address
}
