//! A link that can be cut and restored: a TCP relay between a daemon and its upstream.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The link.
pub struct Link {
    pub address: SocketAddr,
    wire: Arc<Wire>,
}

struct Wire {
    up: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Link {
    /// A link to this address, up.
    pub fn to(upstream: SocketAddr) -> Link {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire { up: AtomicBool::new(true), connections: Mutex::default() });
        let relaying = Arc::clone(&wire);
        // It lives as long as the test's process: the listener has nobody to end it.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                relaying.relay(near, upstream);
            }
        });
        Link { address, wire }
    }

    /// Cuts it, with everything that is on its way, or restores it.
    pub fn set_up(&self, up: bool) {
        self.wire.up.store(up, Ordering::SeqCst);
        if !up {
            for connection in self.wire.connections.lock().unwrap().drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Wire {
    fn relay(&self, near: TcpStream, upstream: SocketAddr) {
        let mut connections = self.connections.lock().unwrap();
        if !self.up.load(Ordering::SeqCst) {
            return;
        }
        let Ok(far) = TcpStream::connect(upstream) else { return };
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || copy(from, to));
        }
        connections.push(near);
        connections.push(far);
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
