//! The link between gateway and centre: a TCP relay that can be cut and restored.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections relayed at once; the demo needs two or three.
const MOST_CONNECTIONS: usize = 64;

/// A relay to one address.
pub(super) struct Link {
    address: SocketAddr,
    up: watch::Sender<bool>,
}

impl Link {
    /// Listens on a free port and relays to `target`, as long as the link is up.
    pub(super) async fn start(target: SocketAddr) -> std::io::Result<Link> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (up, watching) = watch::channel(true);
        tokio::spawn(relay(listener, target, watching));
        Ok(Link { address, up })
    }

    /// Where the relay listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection and refuses new ones, or lets them through again.
    pub(super) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
    }
}

async fn relay(listener: TcpListener, target: SocketAddr, up: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((near, _)) = listener.accept().await else { return };
        if *up.borrow() && connections.len() < MOST_CONNECTIONS {
            connections.spawn(one(near, target, up.clone()));
        }
    }
}

/// One connection, until either side ends it or the link is cut.
async fn one(mut near: TcpStream, target: SocketAddr, mut up: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}
