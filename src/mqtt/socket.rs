//! Socket options.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// After so long without a word the kernel asks whether the other side is still there: without keep-alive a client may
/// vanish silently.
const PROBE_AFTER: Duration = Duration::from_secs(120);
/// How long is read on after the end.
const LINGER: Duration = Duration::from_millis(500);

/// For a new connection: acknowledgements go out at once, and a vanished client is noticed.
pub(super) fn prepare(socket: &TcpStream) {
    let set = [
        socket.set_nodelay(true),
        sockopt::set_socket_keepalive(socket, true).map_err(Into::into),
        sockopt::set_tcp_keepidle(socket, PROBE_AFTER).map_err(Into::into),
    ];
    for error in set.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "socket option");
    }
}

/// Has the kernel acknowledge at once what has come. A client with Nagle's algorithm on sends its next small packet only
/// then: with the usual delay of 40 ms no group would form. The kernel forgets this; it is said again after each read.
pub(super) fn acknowledge_quickly(socket: impl AsFd) {
    if let Err(error) = sockopt::set_tcp_quickack(socket, true) {
        tracing::trace!(%error, "TCP_QUICKACK");
    }
}

/// Ends the sending side, and reads what still comes for a moment: closing with unread bytes would make the kernel throw
/// away what the client has not read yet, the reason of the end included.
pub(super) async fn linger(socket: &mut TcpStream) {
    if socket.shutdown().await.is_err() {
        return;
    }
    let mut bin = [0; 4096];
    let drain = async { while matches!(socket.read(&mut bin).await, Ok(read) if read > 0) {} };
    let _ = tokio::time::timeout(LINGER, drain).await;
}
